//! `train`: one training, from its recipe to its summary. Other commands run trainings by
//! [`train()`], too.

mod certificates;
mod clock;
mod conclude;
mod session;
mod start;

use crate::args::TrainArgs;
use crate::args::overrides::Overrides;
use crate::failure::{Ending, Failure};
use crate::output::shell;
use crate::output::terminal::{Voice, print_json};
use crate::recipe::{self, Recipe};
use crate::run::again;
use crate::run::experiment::{self, Samples, build, gone, read, tell};
use crate::run::folder::RunFolder;
use crate::run::metrics::Metrics;
use crate::run::model_file::{self, Trained};
use crate::run::origin::Origin;
use crate::run::progress::Progress;
use crate::run::start_weights;
use crate::run::summary::Summary;
use crate::run::tables;
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

/// Whether a state of so many weights holds what the command line keeps in it.
pub(crate) fn check_state(state: &Checkpoint, weights: usize) -> Result<(), Failure> {
    Clock::restore(state).map_err(Failure::failed)?;
    Certified::restore(state, weights).map_err(Failure::failed)?;
    Ok(())
}

/// Runs the command.
pub(crate) fn run(args: &TrainArgs, voice: Voice) -> Result<Ending, Failure> {
    let machine = Machine::new(&args.threads)?;
    let mut stop = Stop::new(args.stop_after);
    let (recipe, source, place) = match &args.resume {
        Some(folder) => {
            let folder = RunFolder::open(folder)?;
            let mut recipe = recipe_of(&folder)?;
            recipe.data.move_to(args.overrides.place.data.as_ref());
            let source = source_of(&folder, &recipe.data)?;
            (recipe, Some(Arc::new(source)), Place::Resume(folder))
        }
        None => {
            let recipe = resolved(args.recipe.as_deref(), &args.overrides)?;
            (recipe, None, Place::New(args.out.as_deref()))
        }
    };
    let job = Job { recipe, source, place, label: String::new() };
    let json = args.speech.json;
    match machine.install(|| train(job, &machine, (&mut stop, voice)))? {
        Ended::Done(summary) => {
            voice.say_lines(&tables::text(&summary));
            if json {
                print_json(&summary)?;
            }
            Ok(Ending::Done)
        }
        Ended::Stopped(stopped) => {
            voice.say(format_args!(
                "interrupted at {:.1} % and saved; go on with `proxtape train --resume {}`",
                100.0 * stopped.fraction,
                shell::word(&stopped.folder)
            ));
            if json {
                print_json(&stopped)?;
            }
            Ok(Ending::Interrupted(interrupt::signal()))
        }
        Ended::Diverged(failure) => Err(failure),
    }
}

/// A training to run.
pub(crate) struct Job<'a> {
    pub(crate) recipe: Recipe,
    /// The samples of the recipe, where they have been read already.
    pub(crate) source: Option<Arc<Source>>,
    pub(crate) place: Place<'a>,
    /// What its bar calls it, where it is one of many.
    pub(crate) label: String,
}

/// The run folder of a training.
pub(crate) enum Place<'a> {
    /// A new one: this, or the first free one of the recipe's name.
    New(Option<&'a Path>),
    /// One that a training was begun in, to go on with.
    Resume(RunFolder),
}

/// How a training ended that did what it should.
pub(crate) enum Ended {
    Done(Box<Summary>),
    /// It was told to stop, and is saved.
    Stopped(Stopped),
    /// The loss or a weight is no finite number; the last good model is saved.
    Diverged(Failure),
}

/// The recipe that the command line names, with its flags.
pub(crate) fn resolved(name: Option<&str>, overrides: &Overrides) -> Result<Recipe, Failure> {
    let recipe = recipe::find(name.unwrap_or(recipe::DEFAULT))?;
    let mut recipe = overrides.apply(recipe)?;
    recipe.data.source = recipe.data.source.absolute();
    start_weights::resolve(&mut recipe.model)?;
    Ok(recipe)
}

/// The recipe that a run has saved.
fn recipe_of(folder: &RunFolder) -> Result<Recipe, Failure> {
    for (file, command) in [("compare.toml", "compare"), ("sweep.toml", "sweep")] {
        if is_there(&folder.path().join(file))? {
            return Err(Failure::failed(format!(
                "{}: expected the folder of a training, found many trainings; go on with them by \
                 `proxtape {command} --resume {}`",
                folder.path().display(),
                shell::word(folder.path())
            )));
        }
    }
    recipe::read(&folder.recipe())
}

/// The data of a run that goes on. Columns are found by the names that its model keeps, once there is one.
fn source_of(folder: &RunFolder, data: &recipe::Data) -> Result<Source, Failure> {
    let model = folder.model();
    // One that is there and cannot be read is damaged, which must be told.
    let read = match is_there(&model)? {
        true => again::read(&Trained::read(&model)?, data),
        false => read(data),
    };
    read.map_err(|e| gone(e, data))
}

/// Runs a training from its place to its end, or until it is to stop.
pub(crate) fn train(
    Job { recipe, source, place, label }: Job<'_>,
    machine: &Machine,
    (stop, voice): (&mut Stop, Voice),
) -> Result<Ended, Failure> {
    let samples = Samples::of(source, &recipe)?;
    tell(&samples.source, &recipe.data, voice);
    let set = &samples.source.train;
    let is_saved = match &place {
        Place::Resume(folder) => is_there(&folder.state())?,
        Place::New(_) => false,
    };
    let begin = match (&recipe.model.weights, is_saved) {
        (None, false) => experiment::Start::Seed,
        _ => experiment::Start::Saved,
    };
    let mut network = build(&recipe, set, begin)?;
    if let (Some(weights), false) = (&recipe.model.weights, is_saved) {
        start_weights::load((weights, &recipe.model), network.params_mut(), voice)?;
    }
    let exec = recipe.exec(machine.exec());
    let trainer = Trainer::new(exec, samples.data(), network, recipe.config());
    let mut trainer =
        trainer.map_err(|e| Failure::failed(format!("recipe {:?}: {e}", recipe.name)))?;
    let penalty = &recipe.penalty.0;
    if penalty.family != Family::None && penalty.lambda == 0.0 && penalty.layers.is_empty() {
        voice.say(format_args!(
            "note: lambda is 0, so {} does nothing; set it by --lambda",
            penalty.family
        ));
    }
    let (schedule, epochs) = (recipe.train.schedule.0, recipe.train.epochs);
    if schedule.warmup >= epochs.get() as f32 {
        voice.say(format_args!(
            "note: the step size rises for {} epochs and the training has {epochs}, so it never reaches {}",
            schedule.warmup, schedule.eta
        ));
    }
    let origin = Origin::of(&samples);
    model_file::check_notes((&recipe, &samples, &origin))?;
    recipe.penalty.tell_unused(voice);
    let mark = Mark {
        recipe: recipe.to_toml(),
        origin,
        source: recipe.data.source.to_string(),
        isa: machine.isa(),
    };
    let start = match place {
        Place::Resume(folder) if is_saved => Start::resume(folder, &mut trainer, (&mark, voice))?,
        Place::Resume(folder) => {
            voice.say(format_args!(
                "note: {}: nothing was saved before the training ended; it starts anew, from its recipe",
                folder.path().display()
            ));
            Start::at_the_beginning(folder)
        }
        Place::New(out) => Start::fresh(out, &recipe.name, &mark)?,
    };
    // Data that was moved is found at its new place from now on.
    let file = start.folder.recipe();
    if read_text(&file)? != mark.recipe {
        write_text(&file, &mark.recipe)?;
    }
    start.folder.note_lock(voice);
    let metrics = Metrics::open(&start.folder.metrics(), start.epochs, voice)?;
    let mut session = Session {
        progress: Progress::new((voice, label), recipe.train.epochs.get(), trainer.fraction()),
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
    session.announce(voice, machine);
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
        voice.say(note);
    }
    match interrupt::asked() {
        Some(_) => Ok(Ended::Stopped(session.stopped())),
        None => Ok(Ended::Done(Box::new(summary))),
    }
}
