//! `train`: the loop, and what is saved on its way.
//!
//! ```text
//! each step     take it; at an interrupt save the state and the model, and end with 130
//! each epoch    metrics.jsonl, state.safetensors, model.safetensors, in this order: a line without
//!               its state is cut off at the next resume, a state without its line could not be mended
//! at the end    test, certificates, tables
//! not finite    save the model of the last good epoch, and fail
//! ```

mod certificates;
mod clock;
mod conclude;
mod start;

use crate::args::TrainArgs;
use crate::experiment::{Samples, build};
use crate::failure::{Ending, Failure};
use crate::interrupt::Interrupt;
use crate::metrics::{Line, Metrics};
use crate::model_file;
use crate::progress::Progress;
use crate::recipe::{self, Recipe};
use crate::report;
use crate::run_folder::RunFolder;
use crate::summary::Counts;
use crate::voice::{Voice, print_json};
use certificates::Certificates;
use clock::Clock;
use proxtape::checkpoint;
use proxtape::optim::Family;
use proxtape::sparsity::Report;
use proxtape::train::{Epoch, Event, Stage, TrainError, Trainer};
use proxtape::{Isa, Pool};
use serde::Serialize;
use start::{Mark, Start};

/// Runs the command.
pub(crate) fn run(args: &TrainArgs, voice: Voice) -> Result<Ending, Failure> {
    let isa = Isa::from_env().map_err(|e| Failure::usage(format!("PROXTAPE_ISA: {e}")))?;
    let pool = Pool::new(args.threads.count()).map_err(Failure::failed)?;
    let interrupt = Interrupt::watch()?;
    let recipe = match &args.resume {
        Some(folder) => recipe_of(&RunFolder::open(folder)?)?,
        None => resolved(args)?,
    };
    // The whole training runs inside the pool: entering it from outside would allocate each time.
    pool.install(|| train((args, voice), (recipe, interrupt), (&pool, isa)))
}

/// The recipe that the command line names, with its flags.
fn resolved(args: &TrainArgs) -> Result<Recipe, Failure> {
    let recipe = recipe::find(args.recipe.as_deref().unwrap_or(recipe::DEFAULT))?;
    let mut recipe = args.overrides.apply(recipe)?;
    recipe.data.source = recipe.data.source.absolute();
    if let Some(weights) = &mut recipe.model.weights
        && let Ok(absolute) = std::path::absolute(&weights)
    {
        *weights = absolute;
    }
    Ok(recipe)
}

/// The recipe that a run has saved.
fn recipe_of(folder: &RunFolder) -> Result<Recipe, Failure> {
    let path = folder.recipe();
    path.to_str().map_or_else(
        || Err(Failure::failed(format!("{}: the path is no text", path.display()))),
        recipe::find,
    )
}

fn train(
    (args, voice): (&TrainArgs, Voice),
    (recipe, interrupt): (Recipe, Interrupt),
    (pool, isa): (&Pool, Isa),
) -> Result<Ending, Failure> {
    let samples = Samples::read(&recipe)?;
    let set = &samples.source.train;
    let (model, mut params) = build(&recipe, &set.shape(), set.classes())?;
    if let (Some(weights), None) = (&recipe.model.weights, &args.resume) {
        checkpoint::load_state_dict(weights, &mut params)?;
    }
    let exec = pool.exec(isa);
    let trainer = Trainer::new(exec, samples.data(), (model, params), recipe.config());
    let mut trainer =
        trainer.map_err(|e| Failure::failed(format!("recipe \"{}\": {e}", recipe.name)))?;
    let penalty = &recipe.penalty.0;
    if penalty.family != Family::None && penalty.lambda == 0.0 && penalty.layers.is_empty() {
        voice.say(format_args!(
            "note: lambda is 0, so {} does nothing; set it by --lambda",
            penalty.family
        ));
    }
    let mark = Mark { recipe: recipe.to_toml(), samples: samples.mark(), isa: isa.name() };
    let start = match &args.resume {
        Some(folder) => Start::resume(folder, &mut trainer, (&mark, voice))?,
        None => Start::fresh(args.out.as_deref(), &recipe.name, &mark)?,
    };
    let metrics = Metrics::open(&start.folder.metrics(), start.epochs)?;
    let mut session = Session {
        progress: Progress::new(voice, recipe.train.epochs.get(), trainer.fraction()),
        stop_at: args.stop_after.map(|steps| trainer.optimizer().steps().saturating_add(steps)),
        trainer,
        samples: &samples,
        recipe,
        folder: start.folder,
        metrics,
        clock: start.clock,
        mark,
        interrupt,
        eta: start.eta,
        certificates: start.certificates,
    };
    session.announce(voice, pool);
    let ending = session.go()?;
    session.progress.finish();
    match ending {
        Ending::Interrupted => session.tell_interrupted(voice, args.speech.json)?,
        Ending::Done => {
            let summary = session.conclude(exec, pool)?;
            voice.say(report::text(&summary));
            if args.speech.json {
                print_json(&summary)?;
            }
        }
    }
    Ok(ending)
}

/// A training and its folder.
struct Session<'a> {
    trainer: Trainer<'a>,
    samples: &'a Samples,
    recipe: Recipe,
    folder: RunFolder,
    metrics: Metrics,
    clock: Clock,
    mark: Mark,
    interrupt: Interrupt,
    progress: Progress,
    /// The optimiser step after which to stop.
    stop_at: Option<u64>,
    /// The last step size.
    eta: f32,
    /// Those of the last weights under the penalty, once a refit has begun.
    certificates: Option<Certificates>,
}

impl Session<'_> {
    fn announce(&self, voice: Voice, pool: &Pool) {
        let split = &self.samples.split;
        voice.say(format_args!(
            "{}: {} weights, {} training, {} validation and {} test samples, {} threads, {}",
            self.folder.path().display(),
            crate::number::grouped(newest(&self.trainer).weights()),
            crate::number::grouped(split.train.len()),
            crate::number::grouped(split.validation.len()),
            crate::number::grouped(split.test.len()),
            pool.threads(),
            self.mark.isa,
        ));
    }

    fn go(&mut self) -> Result<Ending, Failure> {
        self.clock.start();
        loop {
            let stop = self.stop_at.is_some_and(|at| self.trainer.optimizer().steps() >= at);
            if stop || self.interrupt.is_asked() {
                self.save()?;
                return Ok(Ending::Interrupted);
            }
            let started = self.clock.now();
            match self.trainer.advance() {
                Ok(Event::Step(step)) => {
                    self.clock.count(started, step.samples as u64);
                    self.eta = step.eta;
                    self.progress.step(&step, self.trainer.fraction());
                }
                Ok(Event::Epoch(epoch)) => self.end_epoch(&epoch)?,
                Ok(Event::Done) => return Ok(Ending::Done),
                Err(e) => return Err(self.give_up(e)),
            }
        }
    }

    fn end_epoch(&mut self, epoch: &Epoch) -> Result<(), Failure> {
        let counts = Counts::from(&newest(&self.trainer));
        let line = Line {
            epoch: epoch.epoch + 1,
            stage: epoch.stage,
            loss: epoch.loss,
            accuracy: epoch.accuracy,
            validation_loss: epoch.validation.map(|v| v.loss),
            validation_accuracy: epoch.validation.map(|v| v.accuracy),
            eta: self.eta,
            lambda: if epoch.stage == Stage::Refit { 0.0 } else { self.trainer.lambda() },
            weights: counts.weights,
            weights_kept: counts.weights_kept,
            groups: counts.groups,
            groups_kept: counts.groups_kept,
            seconds: self.clock.seconds(),
        };
        if self.trainer.optimizer().is_frozen() && epoch.stage != Stage::Refit {
            self.certificates = Some(Certificates::of(&mut self.trainer));
        }
        self.metrics.add(&line)?;
        self.progress.epoch(&line);
        self.save()
    }

    fn save(&self) -> Result<(), Failure> {
        let mut state = self.trainer.state();
        self.mark.note(&mut state);
        self.clock.note(&mut state);
        state.note("run.eta", self.eta.to_bits());
        if let Some(certificates) = &self.certificates {
            certificates.note(&mut state)?;
        }
        checkpoint::write(&self.folder.state(), &state)?;
        self.save_model()
    }

    fn save_model(&self) -> Result<(), Failure> {
        let told = (&self.recipe, self.samples);
        model_file::write(&self.folder.model(), told, self.trainer.params())
    }

    /// Saves the last good model.
    fn give_up(&self, error: TrainError) -> Failure {
        let model = self.folder.model();
        match self.save_model() {
            Ok(()) => Failure::failed(format!(
                "{error}; the model of the last good epoch is in {}",
                model.display()
            )),
            Err(other) => Failure::failed(format!("{error}; and {other}")),
        }
    }

    fn tell_interrupted(&self, voice: Voice, json: bool) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Interrupted {
            status: &'static str,
            run: String,
            steps: u64,
            fraction: f64,
        }
        let run = self.folder.path().display().to_string();
        let fraction = self.trainer.fraction();
        voice.say(format_args!(
            "interrupted at {:.1} % and saved; go on with `proxtape train --resume {run}`",
            100.0 * fraction
        ));
        if json {
            let steps = self.trainer.optimizer().steps();
            print_json(&Interrupted { status: "interrupted", run, steps, fraction })?;
        }
        Ok(())
    }
}

/// Counts the newest parameters of a training.
fn newest(trainer: &Trainer<'_>) -> Report {
    Report::new(trainer.model(), trainer.last(), trainer.regularized())
}
