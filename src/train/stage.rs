//! The stages of a training under a penalty: shrink, settle, refit.
//!
//! ```text
//! shrink   minibatch steps with the penalty: most weights become zero
//! settle   a few steps with the penalty along the gradient over all samples: what only the noise of
//!          minibatches kept away from zero becomes zero
//! refit    minibatch steps without the penalty and with the zeros frozen: what is left wins back
//!          what the penalty took from it
//! ```
//!
//! Why settle: a minibatch step moves a weight at zero by eta times gradient noise, and the prox
//! takes back eta lambda, so where the noise is larger than lambda the weight is non-zero after most
//! steps, however small eta gets. The support of the last step is then that of the noise, not that
//! of the objective (Lee, Wright, "Manifold Identification in Dual Averaging for Regularized
//! Stochastic Online Learning", JMLR 13, 2012). The full gradient has no such noise.
//!
//! What differs between the stages is behind [`Policy`], and each one's is in a file of its own.

mod refit;
mod settle;
mod shrink;

pub(super) use settle::Settling;

use super::{Config, TrainError, Trainer};
use crate::optim::PenaltyError;
use core::fmt;
use refit::RefitPolicy;
use settle::SettlePolicy;
use shrink::ShrinkPolicy;

/// What an epoch of a training does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Minibatch steps with the penalty.
    #[default]
    Shrink,
    /// One step with the penalty, along the gradient over all samples.
    Settle,
    /// Minibatch steps without the penalty; what is zero stays exactly zero.
    Refit,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Shrink => "shrink",
            Stage::Settle => "settle",
            Stage::Refit => "refit",
        })
    }
}

impl Stage {
    /// All stages, in their order.
    const ALL: [Stage; 3] = [Stage::Shrink, Stage::Settle, Stage::Refit];

    pub(super) fn policy(self) -> &'static dyn Policy {
        match self {
            Stage::Shrink => &ShrinkPolicy,
            Stage::Settle => &SettlePolicy,
            Stage::Refit => &RefitPolicy,
        }
    }
}

/// What a stage does in its own way.
pub(super) trait Policy {
    /// Batches of one step; an epoch has `all`.
    fn batches(&self, config: &Config, all: usize) -> usize;

    /// The step size at a moment, in epochs.
    fn eta(&self, config: &Config, time: f32) -> f32;

    /// Before the first step of an epoch.
    fn start_epoch(&self, trainer: &mut Trainer<'_>, epoch: u32);

    /// Before a step.
    fn start_step(&self, _trainer: &mut Trainer<'_>) {}

    /// Whether a step takes so long that it may be given up between two of its batches.
    fn is_long(&self) -> bool {
        false
    }

    /// The step size, where the loss before the step is `loss` and the configuration says `eta`.
    fn adapt(&self, _trainer: &mut Trainer<'_>, _loss: f64, eta: f32) -> f32 {
        eta
    }

    /// The factor of the penalty's strength for the step at a moment, in epochs; none where the
    /// penalty does not act.
    fn strength(
        &self,
        trainer: &mut Trainer<'_>,
        time: f32,
        eta: f32,
    ) -> Result<Option<f32>, PenaltyError>;

    /// After an epoch: moves lambda towards the target.
    fn steer(&self, _trainer: &mut Trainer<'_>, _epoch: u32) -> Result<(), PenaltyError> {
        Ok(())
    }
}

impl Config {
    /// What an epoch, counted from 0, does.
    pub fn stage(&self, epoch: u32) -> Stage {
        let (settle, refit) = self.starts();
        match epoch {
            _ if self.refit.is_some() && epoch >= refit => Stage::Refit,
            _ if self.settle.is_some() && epoch >= settle => Stage::Settle,
            _ => Stage::Shrink,
        }
    }

    /// The first epochs of settle and refit; the next stage's where there is none.
    pub(super) fn starts(&self) -> (u32, u32) {
        let refit = self.epochs.saturating_sub(self.refit.map_or(0, |refit| refit.epochs));
        (refit.saturating_sub(self.settle.map_or(0, |settle| settle.epochs)), refit)
    }

    /// Steps that are over when an epoch begins, where an epoch has `batches`.
    pub(super) fn steps_before(&self, epoch: u32, batches: usize) -> u128 {
        let (settle, refit) = self.starts();
        let starts = [0, settle, refit, self.epochs];
        let spans = Stage::ALL.into_iter().zip(starts.windows(2));
        spans
            .map(|(stage, span)| {
                let epochs = epoch.clamp(span[0], span[1]) - span[0];
                u128::from(epochs) * (batches / stage.policy().batches(self, batches)) as u128
            })
            .sum()
    }

    /// The step size at a moment, in epochs.
    pub(super) fn eta(&self, time: f32) -> f32 {
        self.stage(time as u32).policy().eta(self, time)
    }

    /// Checks that the stages fit into the training.
    pub(super) fn check_stages(&self) -> Result<(), TrainError> {
        let settle = self.settle.map(|settle| ("settle", settle.epochs, settle.eta));
        let refit = self.refit.map(|refit| ("refit", refit.epochs, refit.eta));
        let mut left = self.epochs;
        for (name, epochs, eta) in settle.into_iter().chain(refit) {
            if !((1..=left).contains(&epochs) && eta.is_finite() && eta > 0.0) {
                return Err(TrainError::Config(format!(
                    "{name} takes some of the {} epochs of the training, of which {left} are left, \
                     and a positive step size; found {epochs} epochs and {eta}",
                    self.epochs
                )));
            }
            left -= epochs;
        }
        Ok(())
    }
}
