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

use super::{Config, TrainError};
use crate::optim::Schedule;
use core::fmt;

/// What an epoch of a training does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// Epochs of one step each, along the mean gradient of all the epoch's whole batches. The first
/// moment starts at zero, without the noise of the steps before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settle {
    /// How many of the training's epochs.
    pub epochs: u32,
    /// The step size. It is halved, and the momentum forgotten, where the loss rises by a quarter.
    pub eta: f32,
}

/// How settling goes. A step too large for the curvature makes the loss grow from step to step, and
/// the loss over all samples has no noise that could hide it. (O'Donoghue, Candes, "Adaptive Restart
/// for Accelerated Gradient Schemes", 2015, restart at any rise; a lambda that moves lets the loss
/// rise too, so this asks for more.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settling {
    /// The lowest loss since the step size is what it is.
    pub(super) lowest: f64,
    /// The step size in use over the configuration's.
    pub(super) share: f32,
}

impl Settling {
    /// A rise of the loss by a quarter is no lambda at work.
    const RISE: f64 = 1.25;

    pub(super) fn new() -> Settling {
        Settling { lowest: f64::INFINITY, share: 1.0 }
    }

    /// Takes the loss before a step; whether the step size was halved.
    pub(super) fn halves(&mut self, loss: f64) -> bool {
        let rises = loss > Settling::RISE * self.lowest;
        self.lowest = if rises { loss } else { self.lowest.min(loss) };
        self.share *= if rises { 0.5 } else { 1.0 };
        rises
    }
}

/// Epochs without the penalty and with the support frozen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refit {
    /// How many of the training's epochs, the last ones.
    pub epochs: u32,
    /// The first step size; it moves on along the schedule's shape, without a warm-up.
    pub eta: f32,
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

    /// The step size at a moment, in epochs.
    pub(super) fn eta(&self, time: f32) -> f32 {
        let (settle_start, refit_start) = self.starts();
        match (self.stage(time as u32), self.settle, self.refit) {
            (Stage::Settle, Some(Settle { eta, .. }), _) => eta,
            (Stage::Refit, _, Some(Refit { epochs, eta })) => {
                let schedule = Schedule { eta, warmup: 0.0, ..self.schedule };
                schedule.at(time - refit_start as f32, epochs as f32)
            }
            _ => self.schedule.at(time, settle_start as f32),
        }
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
