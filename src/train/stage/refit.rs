//! The refit: minibatch steps without the penalty, for the weights that are not zero.

use super::Policy;
use crate::optim::{PenaltyError, Schedule};
use crate::train::{Config, Refit, Trainer};

pub(super) struct RefitPolicy;

impl Policy for RefitPolicy {
    fn batches(&self, config: &Config, _all: usize) -> usize {
        config.accumulate
    }

    fn eta(&self, config: &Config, time: f32) -> f32 {
        config.refit.map_or(0.0, |Refit { epochs, eta }| {
            let schedule = Schedule { eta, warmup: 0.0, ..config.schedule };
            schedule.at(time - config.starts().1 as f32, epochs as f32)
        })
    }

    fn start_epoch(&self, trainer: &mut Trainer<'_>, _epoch: u32) {
        trainer.optimizer.set_frozen(true);
    }

    /// Pruning comes before the first step.
    fn start_step(&self, trainer: &mut Trainer<'_>) {
        let first = (trainer.config.starts().1, 0);
        if let Some(prune) = trainer.config.prune
            && (trainer.progress.epoch, trainer.progress.step) == first
        {
            prune.apply(&mut trainer.network.params, &trainer.regularized);
        }
    }

    fn strength(
        &self,
        _trainer: &mut Trainer<'_>,
        _time: f32,
        _eta: f32,
    ) -> Result<Option<f32>, PenaltyError> {
        Ok(None)
    }
}
