//! A training while it runs.
//!
//! ```text
//! each step     take it; when asked to stop, save the state and the model
//! each epoch    metrics.jsonl; and state.safetensors, model.safetensors, once a second is over: a line
//!               without its state is cut off at the next resume, a state without its line could not
//!               be mended
//! at the end    test, certificates, summary.json
//! not finite    diverged.txt, save the model of the last good epoch, and fail
//! ```

use super::certificates::{Certificates, Certified};
use super::clock::Clock;
use super::start::Mark;
use crate::failure::Failure;
use crate::output::number::{grouped, share, threads};
use crate::output::terminal::Terminal;
use crate::recipe::Recipe;
use crate::run::divergence;
use crate::run::folder::RunFolder;
use crate::run::metrics::{Line, Metrics};
use crate::run::model_file;
use crate::run::progress::Progress;
use crate::run::samples::Samples;
use crate::run::summary::Counts;
use crate::system::draft;
use crate::system::interrupt;
use crate::system::machine::Machine;
use crate::system::stop::Stop;
use core::time::Duration;
use proxtape::sparsity::Report;
use proxtape::train::{Epoch, Event, Keep, Stage, TrainError, Trainer};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// The least time between two savings on the way.
const EVERY: Duration = Duration::from_secs(1);

/// A loss of accuracy that people should hear of.
const MUCH: f64 = 0.05;

/// A training and its folder.
pub(super) struct Session<'a> {
    pub(super) trainer: Trainer<'a>,
    pub(super) samples: &'a Samples,
    pub(super) recipe: Recipe,
    pub(super) folder: RunFolder,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    pub(super) mark: Mark,
    pub(super) stop: &'a mut Stop,
    pub(super) progress: Progress,
    /// When the state was saved, or the training began.
    pub(super) saved: Instant,
    /// The last step size.
    pub(super) eta: f32,
    /// The validation accuracies of the last two epochs.
    pub(super) accuracies: [Option<f64>; 2],
    /// Those of the last weights under the penalty, once a refit has begun.
    pub(super) certificates: Certified,
}

/// Why the loop ends.
pub(super) enum Pause {
    Done,
    /// Stopped and saved.
    Asked,
    Diverged(TrainError),
}

/// The object that `train --json` prints for a training that was stopped.
#[derive(Serialize)]
pub(crate) struct Stopped {
    /// `interrupted`.
    status: &'static str,
    run: String,
    steps: u64,
    pub(crate) fraction: f64,
    /// The same as `run`, which may have lost characters that are no text.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

impl Session<'_> {
    pub(super) fn announce(&self, terminal: Terminal, machine: &Machine) {
        let split = &self.samples.split;
        terminal.say(format_args!(
            "{}: {} weights, {} training, {} validation and {} test samples, {}, {}",
            self.folder.path().display(),
            grouped(newest(&self.trainer).weights()),
            grouped(split.train.len()),
            grouped(split.validation.len()),
            grouped(split.test.len()),
            threads(machine.threads()),
            self.mark.isa,
        ));
    }

    pub(super) fn go(&mut self) -> Result<Pause, Failure> {
        self.clock.start();
        loop {
            if matches!(self.certificates, Certified::Due) {
                self.certify();
            }
            if self.stop.reason().is_some() {
                self.save()?;
                return Ok(Pause::Asked);
            }
            let started = self.clock.now();
            match self.trainer.advance_unless(&mut || interrupt::asked().is_some()) {
                Ok(Some(Event::Step(step))) => {
                    self.stop.count();
                    self.clock.count(started, step.samples as u64);
                    self.eta = step.eta;
                    self.progress.step(&step, self.trainer.fraction());
                }
                Ok(Some(Event::Epoch(epoch))) => self.end_epoch(&epoch)?,
                Ok(Some(Event::Done)) => {
                    self.save()?;
                    return Ok(Pause::Done);
                }
                // Given up, and as it was: it was asked to.
                Ok(None) => {}
                Err(e) => return Ok(Pause::Diverged(e)),
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
            self.certify();
        }
        self.accuracies = [self.accuracies[1], line.validation_accuracy];
        self.metrics.add(&line)?;
        self.progress.epoch(&line);
        // The disk takes as long as a short epoch. A process that is killed may lose a second.
        match self.saved.elapsed() >= EVERY {
            true => self.save(),
            false => Ok(()),
        }
    }

    /// Takes the certificates before a refit, or leaves them for the next start.
    fn certify(&mut self) {
        let found = Certificates::of(&mut self.trainer);
        self.certificates = found.map_or(Certified::Due, Certified::Taken);
    }

    fn save(&mut self) -> Result<(), Failure> {
        let mut state = self.trainer.state();
        self.mark.note(&mut state);
        self.clock.note(&mut state);
        state.note("run.eta", self.eta.to_bits());
        self.certificates.note(&mut state)?;
        // A line without its state is cut off, a state without its line cannot be mended.
        self.metrics.sync()?;
        draft::write(&self.folder.state(), &state)?;
        self.save_model()?;
        divergence::forget(&self.folder)?;
        self.saved = Instant::now();
        Ok(())
    }

    pub(super) fn save_model(&self) -> Result<(), Failure> {
        let (recipe, samples, origin) = (&self.recipe, self.samples, &self.mark.origin);
        let facts = model_file::Facts { recipe, samples, origin };
        draft::write(&self.folder.model(), &model_file::contents(&facts, self.trainer.params()))
    }

    /// Saves the last good model; the error says why.
    pub(super) fn give_up(&self, error: TrainError) -> Result<Failure, Failure> {
        let model = self.folder.model();
        let model = model.display();
        let best = self.trainer.best().filter(|_| self.trainer.config().keep == Keep::Best);
        let kept = match (&error, best) {
            (_, Some((epoch, ..))) => {
                format!("the model of epoch {}, the best one, is in {model}", epoch + 1)
            }
            (TrainError::Loss { epoch: 0, .. } | TrainError::Weights { epoch: 0, .. }, None) => {
                format!("no epoch ended well, so {model} has the weights of the start")
            }
            // From 0: those before it.
            (TrainError::Loss { epoch, .. } | TrainError::Weights { epoch, .. }, None) => {
                format!("the model of epoch {epoch}, the last good one, is in {model}")
            }
            _ => format!("the last model is in {model}"),
        };
        let why = Failure::failed(format!("{error}; {kept}"));
        // The reason first: a model alone would be taken for one whose state was lost.
        let saved = divergence::write(&self.folder, &why).and_then(|()| self.save_model());
        match saved {
            Ok(()) => Ok(why),
            Err(other) => Err(Failure::failed(format!("{error}; and {other}"))),
        }
    }

    /// A note on the accuracy that the last epoch lost, where it cut the weights to their target and no training
    /// followed.
    pub(super) fn cost_of_the_cut(&self) -> Option<String> {
        let config = self.trainer.config();
        config.target.filter(|_| config.refit.is_none())?;
        let [Some(before), Some(after)] = self.accuracies else { return None };
        (before - after > MUCH).then(|| {
            format!(
                "note: the last epoch cut the network to its target, and validation fell from {} to {}; \
                 add --refit 0.3 to train what is left, or keep more",
                share(before),
                share(after)
            )
        })
    }

    pub(super) fn stopped(&self) -> Stopped {
        Stopped {
            status: "interrupted",
            run: self.folder.named().display().to_string(),
            steps: self.trainer.optimizer().steps(),
            fraction: self.trainer.fraction(),
            folder: self.folder.path().to_path_buf(),
        }
    }
}

/// Counts the newest parameters of a training.
fn newest(trainer: &Trainer<'_>) -> Report {
    Report::new(trainer.model(), trainer.last(), trainer.regularized())
}
