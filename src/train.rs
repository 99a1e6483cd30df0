//! Training: a loop that its user drives, one optimiser step at a time.
//!
//! [`Trainer::advance`] takes a step and returns what happened; the caller may look, log, stop or
//! save between any two. One seed drives everything, and the state of an interrupted training goes
//! on to the same bits as an unbroken one.

mod check;
mod config;
mod control;
mod during;
mod error;
mod evaluate;
mod event;
mod given_up;
mod graph;
mod loss;
mod prune;
mod results;
mod stage;
mod state;
mod target;

pub use config::{Config, Keep, Refit, Settle};
pub use error::TrainError;
pub use evaluate::{Evaluation, Evaluator};
pub use event::{Epoch, Event, Step};
pub use loss::Loss;
pub use prune::Prune;
pub use stage::Stage;
pub use target::{Measure, Target};

use crate::data::{Batches, LastBatch, Normalization, Source, Split};
use crate::gradients::Gradients;
use crate::memory;
use crate::nn::{Network, Phase};
use crate::optim::{Optimizer, Regularized, StepOutcome};
use crate::params::Params;
use crate::random::Random;
use config::streams;
use control::Control;
use graph::Graph;
use proxtape_kernels::Exec;
use stage::{Policy, Settling};
use std::fmt;
use std::ops::Range;

/// The samples to train on.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// Where they come from.
    pub source: &'a Source,
    /// Which serve for what.
    pub split: &'a Split,
    /// How they are scaled, fitted on the training part.
    pub normalization: &'a Normalization,
}

/// Trains a network.
///
/// ```
/// use proxtape::data::{self, Fractions, Normalization, Source};
/// use proxtape::nn::{Network, zoo};
/// use proxtape::train::{Config, Data, Event, Trainer};
/// use proxtape::{Exec, Isa, Random};
/// let source = Source::from(data::digits::load()?);
/// let split = source.split(Fractions { validation: 0.1, test: 0.2 }, 1)?;
/// let normalization = Normalization::fit(&source.train, &split.train);
/// let data = Data { source: &source, split: &split, normalization: &normalization };
/// let network = Network::new([1, 8, 8], &zoo::lenet300(10), &mut Random::new(1))?;
/// let config = Config { epochs: 1, batch: 64, ..Config::default() };
/// let mut trainer = Trainer::new(Exec::new(Isa::detect()), data, network, config)?;
/// while trainer.advance()? != Event::Done {}
/// assert!(trainer.test().accuracy > 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'a> {
    exec: Exec,
    data: Data<'a>,
    config: Config,
    /// With the parameters after the last step.
    network: Network,
    /// The regularisers at the strength in use.
    regularized: Vec<Regularized>,
    /// The strength in use over the configuration's.
    factor: f32,
    control: Option<Control>,
    settling: Settling,
    graph: Graph,
    evaluator: Evaluator,
    gradients: Gradients,
    optimizer: Optimizer,
    batches: Batches,
    augmentation: Random,
    progress: Progress,
    /// The running statistics before a step that may be given up.
    running: Vec<f32>,
    /// The parameters at the last epoch's end: what stays if the loss stops being finite.
    good: Params,
    best: Option<Best>,
}

impl fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer").field("progress", &self.progress).finish_non_exhaustive()
    }
}

/// Where the training stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Progress {
    epoch: u32,
    step: usize,
    loss: f64,
    right: u64,
    seen: u64,
    /// Epochs since the best one.
    stale: u32,
    done: bool,
}

impl Progress {
    /// Counts what a batch of some samples gave, and returns its loss.
    fn note(&mut self, outcome: &graph::BatchResult, samples: usize) -> f64 {
        self.right += outcome.right;
        self.seen += samples as u64;
        outcome.loss
    }
}

/// The best epoch so far.
#[derive(Clone)]
struct Best {
    epoch: u32,
    evaluation: Evaluation,
    params: Params,
}

impl<'a> Trainer<'a> {
    /// Prepares a training; all memory is allocated here.
    ///
    /// # Errors
    /// If the model does not fit the data, or the configuration does not fit either; the error
    /// names what is wrong.
    pub fn new(
        exec: Exec,
        data: Data<'a>,
        network: Network,
        config: Config,
    ) -> Result<Trainer<'a>, TrainError> {
        let (model, params) = (network.model(), network.params());
        config.check(&data, model)?;
        let regularized = config.penalty.resolve(&network)?;
        config.check_metric(&regularized, model)?;
        state::check_names(params)?;
        let mut graph =
            Graph::new(exec, (model, params), config.batch, config.loss, Phase::Training);
        *graph.tape.random_mut() = Random::stream(config.seed, streams::DROPOUT);
        let mut evaluator = Evaluator::new(exec, &network, config.batch).with_loss(config.loss);
        // The good parameters, the best and the moments, and the same again in a state that is saved;
        // the gradients, what a state holds of the newest parameters, and a controller's sight.
        let copies = 2 * (2 + config.rule.moments()) + 2 + 3 * usize::from(config.target.is_some());
        let wanted = copies as u128 * params.len() as u128;
        memory::check("the training", wanted + (graph.planned() + evaluator.planned()) as u128)?;
        let train = &data.split.train;
        let batches = Batches::new(train, config.batch, LastBatch::Drop, config.seed)?;
        let optimizer =
            Optimizer::new(exec, params, config.rule, &regularized).with_path(config.path);
        let taken = config.taken(&optimizer, params, &graph.tape.gives_rows());
        let control = config.target.map(|target| {
            let wanted = target.wanted(model, &regularized)?;
            Ok::<_, TrainError>(Control::new(target, wanted, (&optimizer, params), &regularized))
        });
        let control = control.transpose()?;
        let mut trainer = Trainer {
            exec,
            gradients: Gradients::without(params, &taken),
            optimizer,
            augmentation: Random::stream(config.seed, streams::AUGMENTATION),
            progress: Progress::default(),
            running: Vec::with_capacity(params.running().len()),
            good: params.clone(),
            best: None,
            data,
            config,
            network,
            regularized,
            factor: 1.0,
            control,
            settling: Settling::new(),
            graph,
            evaluator,
            batches,
        };
        trainer.start_epoch(0);
        Ok(trainer)
    }

    /// Takes the next step, or closes an epoch.
    ///
    /// # Errors
    /// If the loss or a weight is not a finite number. The parameters are then those of the last
    /// epoch that ended well.
    pub fn advance(&mut self) -> Result<Event, TrainError> {
        // Nobody asks, so nothing is given up.
        self.advance_unless(&mut || false).map(|event| event.unwrap_or(Event::Done))
    }

    /// The same, but what walks over many samples (a step of `settle`, the end of an epoch) is given
    /// up as soon as `asked` says so between two batches: none, and the training is as it was before.
    ///
    /// # Errors
    /// As those of [`advance`](Trainer::advance).
    pub fn advance_unless(
        &mut self,
        asked: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Event>, TrainError> {
        if self.progress.done || self.progress.epoch >= self.config.epochs {
            self.progress.done = true;
            return Ok(Some(Event::Done));
        }
        if self.progress.step == self.steps(self.progress.epoch) {
            return Ok(self.end_epoch(asked)?.map(Event::Epoch));
        }
        let result = self.step(asked).map(|step| step.map(Event::Step));
        if result.is_err() {
            self.network.params_mut().copy_from(&self.good);
        }
        result
    }

    /// Optimiser steps of an epoch.
    pub fn steps(&self, epoch: u32) -> usize {
        self.batches.steps() / self.parts(epoch)
    }

    /// Batches of one optimiser step.
    fn parts(&self, epoch: u32) -> usize {
        self.config.stage(epoch).policy().batches(&self.config, self.batches.steps())
    }

    /// What the stage of this epoch does in its own way.
    fn policy(&self) -> &'static dyn Policy {
        self.config.stage(self.progress.epoch).policy()
    }

    /// Lays out the samples of an epoch, and sets the optimiser to its stage.
    fn start_epoch(&mut self, epoch: u32) {
        self.batches.start_epoch(epoch);
        self.config.stage(epoch).policy().start_epoch(self, epoch);
    }

    /// None where it was given up.
    fn step(&mut self, asked: &mut dyn FnMut() -> bool) -> Result<Option<Step>, TrainError> {
        let Progress { epoch, step, .. } = self.progress;
        self.policy().start_step(self);
        let (parts, steps) = (self.parts(epoch), self.steps(epoch));
        // The middle of the step: a warm-up starts above zero, a cosine ends above its floor, and
        // a drop falls between two epochs.
        let time = epoch as f32 + (step as f32 + 0.5) / steps as f32;
        let mut eta = self.config.eta(time);
        let (loss, outcome) = match self.gradients.has_all() {
            true => {
                let batches = step * parts..(step + 1) * parts;
                match self.step_after(batches, (time, &mut eta), asked)? {
                    Some(outcome) => outcome,
                    None => return Ok(None),
                }
            }
            false => self.step_during(step, (time, eta))?,
        };
        let Some(outcome) = outcome else {
            return Err(TrainError::Loss { epoch, step, loss });
        };
        if outcome.nan {
            return Err(TrainError::Weights { epoch, step });
        }
        self.progress.loss += loss;
        self.progress.step += 1;
        let lambda = if self.optimizer.is_frozen() { 0.0 } else { self.lambda() };
        let samples = parts * self.config.batch;
        Ok(Some(Step { epoch, step, steps, samples, loss, eta, lambda }))
    }

    /// The mean loss of some batches and the step along their mean gradient; none where the loss is
    /// not finite. A step that settles may be smaller than `eta`, which then holds the smaller one; and it may be
    /// given up.
    fn step_after(
        &mut self,
        batches: Range<usize>,
        (time, eta): (f32, &mut f32),
        asked: &mut dyn FnMut() -> bool,
    ) -> Result<Option<(f64, Option<StepOutcome>)>, TrainError> {
        let parts = batches.len();
        let policy = self.policy();
        let mut before = policy.is_long().then(|| self.note_before());
        self.gradients.clear();
        let mut loss = 0.0;
        for batch in batches {
            if before.is_some()
                && asked()
                && let Some(before) = before.take()
            {
                self.give_up(before);
                return Ok(None);
            }
            let indices = self.batches.batch(batch);
            let augmentation = self.config.augment.as_ref().map(|a| (a, &mut self.augmentation));
            let (params, sink) = (&mut self.network.params, &mut self.gradients);
            let outcome = self.graph.run(self.data, (indices, augmentation), params, sink);
            loss += self.progress.note(&outcome, indices.len()) / parts as f64;
        }
        if !loss.is_finite() {
            return Ok(Some((loss, None)));
        }
        *eta = policy.adapt(self, loss, *eta);
        self.scale_gradients(parts);
        self.set_strength(time, *eta)?;
        let outcome = self.optimizer.step(&mut self.network.params, &mut self.gradients, *eta);
        Ok(Some((loss, Some(outcome))))
    }

    /// Turns the sum over parts into their mean and clips its norm.
    fn scale_gradients(&mut self, parts: usize) {
        let mut scale = 1.0 / parts as f32;
        if let Some(clip) = self.config.clip {
            let norm = self.gradients.norm(self.exec);
            let mean = norm as f32 * scale;
            if mean > clip {
                let clipped = scale * (clip / mean);
                if clipped.is_normal() {
                    scale = clipped;
                } else {
                    // The norm or the factor leaves the range of f32, so the factor is cut in two.
                    self.gradients.scale(self.exec, (1.0 / norm.sqrt()) as f32);
                    let clip = f64::from(clip).min(norm * f64::from(scale));
                    scale = (clip / norm.sqrt()) as f32;
                }
            }
        }
        if scale != 1.0 {
            self.gradients.scale(self.exec, scale);
        }
    }

    /// None where the evaluation was given up.
    fn end_epoch(&mut self, asked: &mut dyn FnMut() -> bool) -> Result<Option<Epoch>, TrainError> {
        let Progress { epoch, step, loss, right, seen, .. } = self.progress;
        let indices = &self.data.split.validation;
        let mut validation = None;
        if !indices.is_empty() {
            let of = (&self.data.source.train, &indices[..], self.data.normalization);
            validation = self.evaluator.run_unless(&self.network.params, of, asked);
            if validation.is_none() {
                return Ok(None);
            }
        }
        if let Some(evaluation) = validation
            && !evaluation.loss.is_finite()
        {
            self.network.params_mut().copy_from(&self.good);
            return Err(TrainError::Loss { epoch, step, loss: evaluation.loss });
        }
        self.policy().steer(self, epoch)?;
        self.good.copy_from(&self.network.params);
        let best = self.note_best(epoch, validation);
        self.progress.stale = if best { 0 } else { self.progress.stale + 1 };
        let stale = self.progress.stale;
        let [stage, next, last] =
            [epoch, epoch + 1, self.config.epochs].map(|epoch| self.config.stage(epoch));
        let out_of_patience = self.config.patience.is_some_and(|patience| stale >= patience);
        let done = !best && stage == last && out_of_patience;
        self.progress = Progress { epoch: epoch + 1, stale, done, ..Progress::default() };
        if next != stage {
            // The epochs before were about another objective, or another support.
            (self.best, self.progress.stale) = (None, 0);
        }
        self.start_epoch(epoch + 1);
        let (loss, accuracy) = (loss / step as f64, right as f64 / seen as f64);
        Ok(Some(Epoch { epoch, stage, loss, accuracy, validation, best }))
    }

    fn note_best(&mut self, epoch: u32, validation: Option<Evaluation>) -> bool {
        let Some(evaluation) = validation else { return false };
        match &mut self.best {
            Some(best) if evaluation.loss >= best.evaluation.loss => false,
            Some(best) => {
                (best.epoch, best.evaluation) = (epoch, evaluation);
                best.params.copy_from(&self.network.params);
                true
            }
            None => {
                self.best = Some(Best { epoch, evaluation, params: self.network.params.clone() });
                true
            }
        }
    }
}
