//! One training, from its recipe to its summary.

mod certificates;
mod clock;
mod conclude;
mod session;
mod start;

use crate::failure::Failure;
use crate::output::terminal::Terminal;
use crate::recipe::Recipe;
use crate::run::folder::RunFolder;
use crate::run::metrics::Metrics;
use crate::run::model_file;
use crate::run::network::{self, build};
use crate::run::origin::Origin;
use crate::run::progress::Progress;
use crate::run::samples::{Samples, note_reading};
use crate::run::start_weights;
use crate::run::summary::Summary;
use crate::system::draft::write_text;
use crate::system::file::{is_there, read_text};
use crate::system::interrupt::{self, Saving};
use crate::system::machine::Machine;
use crate::system::stop::Stop;
use certificates::Certified;
use clock::Clock;
use proxtape::checkpoint::Checkpoint;
use proxtape::data::Source;
use proxtape::optim::Family;
use proxtape::train::Trainer;
use session::{Pause, Session, Stopped};
use start::{Mark, Start};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// An error unless a state of so many weights has the command line's part.
pub(crate) fn check_state(state: &Checkpoint, weights: usize) -> Result<(), Failure> {
    Clock::restore(state).map_err(Failure::failed)?;
    Certified::restore(state, weights).map_err(Failure::failed)?;
    Ok(())
}

/// A training to run.
pub(crate) struct Job<'a> {
    pub(crate) recipe: Recipe,
    /// The samples of the recipe, where they have been read already.
    pub(crate) source: Option<Arc<Source>>,
    pub(crate) destination: Destination<'a>,
    /// Its name in the progress bar, where it is one of many.
    pub(crate) label: String,
}

/// The run folder of a training.
pub(crate) enum Destination<'a> {
    /// A new one: this, or the first free one of the recipe's name.
    New(Option<&'a Path>),
    /// One that a training was begun in, to go on with.
    Resume(RunFolder),
}

/// The end of a training that did not fail.
pub(crate) enum Ended {
    Done(Box<Summary>),
    /// Stopped and saved.
    Stopped(Stopped),
    /// The loss or a weight is no finite number; the last good model is saved.
    Diverged(Failure),
}

/// Runs a training to its end, or until it is to stop.
pub(crate) fn train(
    Job { recipe, source, destination, label }: Job<'_>,
    machine: &Machine,
    stop: &mut Stop,
    terminal: Terminal,
) -> Result<Ended, Failure> {
    let samples = Samples::of(source, &recipe)?;
    note_reading(&samples.source, &recipe.data, terminal);
    let set = &samples.source.train;
    let is_saved = match &destination {
        Destination::Resume(folder) => is_there(&folder.state())?,
        Destination::New(_) => false,
    };
    let begin = match (&recipe.model.weights, is_saved) {
        (None, false) => network::Initial::Seed,
        _ => network::Initial::Saved,
    };
    let mut network = build(&recipe, set, begin)?;
    if let (Some(weights), false) = (&recipe.model.weights, is_saved) {
        start_weights::load(weights, &recipe.model, network.params_mut(), terminal)?;
    }
    let exec = recipe.exec(machine.exec());
    let trainer = Trainer::new(exec, samples.data(), network, recipe.config());
    let mut trainer =
        trainer.map_err(|e| Failure::failed(format!("recipe {:?}: {e}", recipe.name)))?;
    let penalty = &recipe.penalty.0;
    if penalty.family != Family::None && penalty.lambda == 0.0 && penalty.layers.is_empty() {
        terminal.say(format_args!(
            "note: lambda is 0, so {} does nothing; set it by --lambda",
            penalty.family
        ));
    }
    let (schedule, epochs) = (recipe.train.schedule.0, recipe.train.epochs);
    if schedule.warmup >= epochs.get() as f32 {
        terminal.say(format_args!(
            "note: the step size rises for {} epochs and the training has {epochs}, so it never reaches {}",
            schedule.warmup, schedule.eta
        ));
    }
    let origin = Origin::of(&samples);
    model_file::check_metadata(&model_file::Facts {
        recipe: &recipe,
        samples: &samples,
        origin: &origin,
    })?;
    recipe.penalty.note_unused(terminal);
    let mark = Mark {
        recipe: recipe.to_toml(),
        origin,
        source: recipe.data.source.to_string(),
        isa: machine.isa(),
    };
    let start = match destination {
        Destination::Resume(folder) if is_saved => {
            Start::resume(folder, &mut trainer, &mark, terminal)?
        }
        Destination::Resume(folder) => {
            terminal.say(format_args!(
                "note: {}: nothing was saved before the training ended; it starts anew, from its recipe",
                folder.path().display()
            ));
            Start::at_the_beginning(folder)
        }
        Destination::New(out) => Start::fresh(out, &recipe.name, &mark)?,
    };
    // Data that was moved is found at its new place from now on.
    let file = start.folder.recipe();
    if read_text(&file)? != mark.recipe {
        write_text(&file, &mark.recipe)?;
    }
    start.folder.note_lock(terminal);
    let metrics = Metrics::open(&start.folder.metrics(), start.epochs, terminal)?;
    let mut session = Session {
        progress: Progress::new(terminal, label, recipe.train.epochs.get(), trainer.fraction()),
        stop,
        trainer,
        samples: &samples,
        recipe,
        folder: start.folder,
        metrics,
        clock: start.clock,
        mark,
        saved: Instant::now(),
        eta: start.eta,
        accuracies: [None; 2],
        certificates: start.certificates,
    };
    session.announce(terminal, machine);
    let _saving = Saving::begin();
    let pause = session.go()?;
    session.progress.finish();
    match pause {
        Pause::Asked => return Ok(Ended::Stopped(session.stopped())),
        Pause::Diverged(error) => return session.give_up(error).map(Ended::Diverged),
        Pause::Done => {}
    }
    // Whoever is asked to end meanwhile says that all is saved; the next resume concludes it again.
    if interrupt::asked().is_some() {
        return Ok(Ended::Stopped(session.stopped()));
    }
    let summary = session.conclude(machine)?;
    if let Some(note) = session.cost_of_the_cut() {
        terminal.say(note);
    }
    match interrupt::asked() {
        Some(_) => Ok(Ended::Stopped(session.stopped())),
        None => Ok(Ended::Done(Box::new(summary))),
    }
}
