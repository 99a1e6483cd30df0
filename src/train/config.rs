//! The configuration of a training.

use super::{Loss, Prune, Target};
use crate::data::Augment;
use crate::optim::{Family, Path, Penalty, Rule, Schedule, ScheduleShape};

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

/// Epochs of one step each, along the mean gradient of all the epoch's whole batches. The first
/// moment starts at zero, without the noise of the steps before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settle {
    /// How many of the training's epochs.
    pub epochs: u32,
    /// The step size. It is halved, and the momentum forgotten, where the loss rises by a quarter.
    pub eta: f32,
}

/// Epochs without the penalty and with the support frozen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refit {
    /// How many of the training's epochs, the last ones.
    pub epochs: u32,
    /// The first step size; it moves on along the schedule's shape, without a warm-up.
    pub eta: f32,
}

/// The random streams of a training, all of one seed.
pub(super) mod streams {
    pub(crate) const AUGMENTATION: u64 = 1;
    pub(crate) const DROPOUT: u64 = 2;
}

/// The configuration of a training. The default is plain momentum without a penalty.
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
