//! `[train]`: the loop, the optimiser, the schedule and the augmentation.

mod optimizer;
mod schedule;
mod stage;

pub(crate) use optimizer::{Optimizer, OptimizerKind};
pub(crate) use schedule::{Schedule, ScheduleKind};
pub(crate) use stage::{Prune, Stage};

use super::data::at_least_one;
use core::num::{NonZeroU32, NonZeroUsize};
use proxtape::data;
use proxtape::train;
use serde::{Deserialize, Serialize};

/// The section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Train {
    pub(crate) epochs: NonZeroU32,
    pub(crate) batch: NonZeroUsize,
    pub(crate) accumulate: NonZeroUsize,
    /// The largest norm of the gradient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clip: Option<f32>,
    /// Epochs without a lower validation loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) patience: Option<u32>,
    pub(crate) keep: Keep,
    pub(crate) seed: u64,
    /// Convolutions without Winograd's algorithm.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub(crate) exact_conv: bool,
    pub(crate) optimizer: Optimizer,
    pub(crate) schedule: Schedule,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) augment: Option<Augment>,
    /// Epochs of full-gradient steps with the penalty, before the refit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settle: Option<Stage>,
    /// The smallest weights become zero before the refit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prune: Option<Prune>,
    /// The last epochs, with the zeros frozen and the penalty off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refit: Option<Stage>,
}

impl Default for Train {
    fn default() -> Train {
        Train {
            epochs: NonZeroU32::MIN.saturating_add(9),
            batch: at_least_one(64),
            accumulate: NonZeroUsize::MIN,
            clip: None,
            patience: None,
            keep: Keep::Last,
            seed: 1,
            exact_conv: false,
            optimizer: Optimizer(OptimizerKind::Momentum.usual()),
            schedule: Schedule::default(),
            augment: None,
            settle: None,
            prune: None,
            refit: None,
        }
    }
}

impl Train {
    /// The epochs of settle and refit that the shares come to; none where they round to none. Shares of
    /// more than the whole come to more epochs than there are, which the training refuses.
    pub(crate) fn stages(&self) -> (Option<train::Settle>, Option<train::Refit>) {
        let epochs = self.epochs.get();
        let shares: f32 = [self.settle, self.refit].iter().flatten().map(|stage| stage.share).sum();
        let count = |stage: Stage, left: u32| {
            // Both may round up.
            let most = if shares <= 1.0 + f32::EPSILON { left } else { u32::MAX };
            Some((stage.share * epochs as f32).round() as u32)
                .filter(|&n| n > 0)
                .map(|n| n.min(most))
        };
        let refit = self
            .refit
            .and_then(|stage| Some(train::Refit { epochs: count(stage, epochs)?, eta: stage.eta }));
        let left = epochs.saturating_sub(refit.map_or(0, |refit| refit.epochs));
        let settle = self
            .settle
            .filter(|_| left > 0 || shares > 1.0)
            .and_then(|stage| Some(train::Settle { epochs: count(stage, left)?, eta: stage.eta }));
        (settle, refit)
    }
}

/// Which parameters stay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Keep {
    Last,
    Best,
}

impl From<Keep> for train::Keep {
    fn from(keep: Keep) -> train::Keep {
        match keep {
            Keep::Last => train::Keep::Last,
            Keep::Best => train::Keep::Best,
        }
    }
}

/// `[train.augment]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Augment {
    /// The probability of a mirror image.
    #[serde(default)]
    flip: f32,
    /// The farthest move in pixels.
    #[serde(default)]
    shift: usize,
}

impl From<Augment> for data::Augment {
    fn from(Augment { flip, shift }: Augment) -> data::Augment {
        data::Augment { flip, shift }
    }
}
