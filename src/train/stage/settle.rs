//! Settling: a few steps with the penalty, each along the gradient over all samples.

use super::Policy;
use crate::optim::PenaltyError;
use crate::train::{Config, Trainer};

/// How settling goes. A step too large for the curvature makes the loss grow from step to step, and
/// the loss over all samples has no noise that could hide it. (O'Donoghue, Candes, "Adaptive Restart
/// for Accelerated Gradient Schemes", 2015, restart at any rise; a lambda that moves lets the loss
/// rise too, so this asks for more.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::train) struct Settling {
    /// The lowest loss since the step size is what it is.
    pub(in crate::train) lowest: f64,
    /// The step size in use over the configuration's.
    pub(in crate::train) share: f32,
}

impl Settling {
    /// A rise of the loss by a quarter is no lambda at work.
    const RISE: f64 = 1.25;

    pub(in crate::train) fn new() -> Settling {
        Settling { lowest: f64::INFINITY, share: 1.0 }
    }

    /// Takes the loss before a step; whether the step size was halved.
    fn halves(&mut self, loss: f64) -> bool {
        let rises = loss > Settling::RISE * self.lowest;
        self.lowest = if rises { loss } else { self.lowest.min(loss) };
        self.share *= if rises { 0.5 } else { 1.0 };
        rises
    }
}

pub(super) struct SettlePolicy;

impl Policy for SettlePolicy {
    /// An epoch is one step.
    fn batches(&self, _config: &Config, all: usize) -> usize {
        all
    }

    fn eta(&self, config: &Config, _time: f32) -> f32 {
        config.settle.map_or(0.0, |settle| settle.eta)
    }

    fn start_epoch(&self, trainer: &mut Trainer<'_>, epoch: u32) {
        if epoch == trainer.config.starts().0 {
            trainer.optimizer.clear_momentum();
            trainer.settling = Settling::new();
        }
        trainer.optimizer.set_frozen(false);
    }

    fn is_long(&self) -> bool {
        true
    }

    fn adapt(&self, trainer: &mut Trainer<'_>, loss: f64, eta: f32) -> f32 {
        if trainer.settling.halves(loss) {
            trainer.optimizer.clear_momentum();
        }
        eta * trainer.settling.share
    }

    fn strength(
        &self,
        trainer: &mut Trainer<'_>,
        _time: f32,
        eta: f32,
    ) -> Result<Option<f32>, PenaltyError> {
        let left = trainer.config.starts().1 - trainer.progress.epoch;
        let Some((control, observed)) = trainer.controlled() else { return Ok(Some(1.0)) };
        control.settle(&observed, (eta, left))?;
        Ok(Some(control.factor))
    }
}
