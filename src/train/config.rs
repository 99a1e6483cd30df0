//! What a training is told.

use super::{Data, Loss, Prune, Refit, Settle, Target, TrainError};
use crate::data::Augment;
use crate::nn::Model;
use crate::optim::{Family, OutOfRange, Path, Penalty, Regularized, Rule, Schedule, ScheduleShape};

/// Which parameters a training leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Those of the last step. A penalty makes weights zero over the whole training, so an early
    /// epoch may be good and dense.
    #[default]
    Last,
    /// Those of the epoch with the lowest validation loss in the last stage.
    Best,
}

/// The random streams of a training, all of one seed.
pub(super) mod streams {
    pub(crate) const AUGMENTATION: u64 = 1;
    pub(crate) const DROPOUT: u64 = 2;
}

/// What a training is told. The default is plain momentum without a penalty.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Passes over the training part, in all stages together.
    pub epochs: u32,
    /// Samples of a batch.
    pub batch: usize,
    /// Batches whose mean gradient makes one step.
    pub accumulate: usize,
    /// What is minimised, beside the penalty.
    pub loss: Loss,
    /// How the gradient becomes a step.
    pub rule: Rule,
    /// The step size over time.
    pub schedule: Schedule,
    /// The penalty on the weights.
    pub penalty: Penalty,
    /// What is to be kept at the end, for which lambda is moved.
    pub target: Option<Target>,
    /// The epochs, before a refit, that take the full gradient.
    pub settle: Option<Settle>,
    /// What becomes zero before the refit, whatever the penalty has left.
    pub prune: Option<Prune>,
    /// The last epochs, without the penalty.
    pub refit: Option<Refit>,
    /// The largest norm of the gradient over all parameters; longer ones are scaled down.
    pub clip: Option<f32>,
    /// Flips and shifts.
    pub augment: Option<Augment>,
    /// Epochs without a lower validation loss after which the training stops; only those of the
    /// last stage count.
    pub patience: Option<u32>,
    /// Which parameters are kept.
    pub keep: Keep,
    /// Drives the order of samples, augmentation and dropout.
    pub seed: u64,
    /// How the update is computed.
    pub path: Path,
}

impl Default for Config {
    fn default() -> Config {
        let shape = ScheduleShape::Constant;
        Config {
            epochs: 10,
            batch: 64,
            accumulate: 1,
            loss: Loss::CrossEntropy,
            rule: Rule::Momentum { beta: 0.9 },
            schedule: Schedule { eta: 0.05, warmup: 0.0, shape },
            penalty: Penalty::new(Family::None),
            target: None,
            settle: None,
            prune: None,
            refit: None,
            clip: None,
            augment: None,
            patience: None,
            keep: Keep::Last,
            seed: 0,
            path: Path::Fused,
        }
    }
}

impl Config {
    /// Checks everything that does not need the parameters.
    pub(super) fn check(&self, data: &Data<'_>, model: &Model) -> Result<(), TrainError> {
        let set = &data.source.train;
        let error = |what: String| Err(TrainError::Config(what));
        if model.input()[..] != set.shape()[..] {
            let (wants, has) = (model.input(), set.shape());
            return error(format!("the model wants samples {wants} and the data has {has:?}"));
        }
        if model.output()[..] != [set.classes()] {
            let (gives, has) = (model.output(), set.classes());
            return error(format!(
                "the model gives {gives} and the data has {has} classes; the last layer must \
                 give one number for each class"
            ));
        }
        let samples = data.split.train.len();
        let wanted = self.batch.saturating_mul(self.accumulate);
        if self.batch == 0 || self.accumulate == 0 || wanted > samples {
            return error(format!(
                "a step of {} x {} samples cannot be taken from {samples} training samples",
                self.accumulate, self.batch
            ));
        }
        model.check_batch(self.batch).map_err(|e| TrainError::Config(e.to_string()))?;
        if self.batch < model.least_batch() {
            return error(format!(
                "a batch of {} has no variance for batch normalisation; it needs {} samples or more",
                self.batch,
                model.least_batch()
            ));
        }
        let Schedule { eta, warmup, .. } = self.schedule;
        if !(eta.is_finite() && eta > 0.0 && warmup.is_finite() && warmup >= 0.0) {
            return error(format!(
                "the step size is a positive number and the warm-up at least 0, not {eta} and \
                 {warmup}"
            ));
        }
        if !self.schedule.shape.is_valid() {
            return error(format!(
                "a number of the step size's schedule is out of range: {:?}",
                self.schedule.shape
            ));
        }
        self.check_stages()?;
        // A step schedule may rise; all others fall.
        let last = self.epochs as f32;
        for eta in [Some(eta), self.refit.map(|refit| refit.eta)].into_iter().flatten() {
            let reached = Schedule { eta, ..self.schedule }.unbounded(last, last);
            if !reached.is_finite() {
                return error(format!(
                    "the step size rises from {eta} to {reached}; take a smaller factor, or more \
                     epochs between two steps"
                ));
            }
        }
        if let Some(prune) = self.prune {
            prune.check(self.refit)?;
        }
        if let Some(target) = self.target {
            target.check(self)?;
        }
        if let Some(clip) = self.clip
            && !(clip.is_finite() && clip > 0.0)
        {
            return error(format!("clip is a positive number, not {clip}"));
        }
        if self.patience.is_some() && data.split.validation.is_empty() {
            return error("patience needs a validation part".to_owned());
        }
        if let Some(augment) = &self.augment {
            augment.check(set.shape())?;
        }
        self.check_rule()
    }

    /// Checks the numbers of the optimiser.
    fn check_rule(&self) -> Result<(), TrainError> {
        match self.rule.out_of_range() {
            None => Ok(()),
            Some(OutOfRange { name, expected, found }) => Err(TrainError::Config(format!(
                "{name} of the optimiser is out of range: expected {expected}, found {found}"
            ))),
        }
    }

    /// Checks that every regulariser works with the optimiser.
    pub(super) fn check_metric(
        &self,
        regularized: &[Regularized],
        model: &Model,
    ) -> Result<(), TrainError> {
        let is_adam = matches!(self.rule, Rule::Adam { .. });
        match regularized.iter().find(|r| is_adam && !r.regularizer.supports_diagonal()) {
            None => Ok(()),
            Some(r) => {
                let weight = model.weights().iter().find(|weight| weight.id == r.id);
                let layer = weight.map_or("", |weight| &weight.layer);
                let family = self.penalty.family_of(layer);
                Err(TrainError::Config(format!(
                    "layer {layer:?}: {family} has no prox in Adam's metric; use momentum, or another \
                     regulariser"
                )))
            }
        }
    }
}
