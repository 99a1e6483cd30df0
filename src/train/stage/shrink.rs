//! Shrinking: minibatch steps with the penalty, whose strength follows its ramp.

use super::Policy;
use crate::optim::PenaltyError;
use crate::train::{Config, Trainer};

pub(super) struct ShrinkPolicy;

impl Policy for ShrinkPolicy {
    fn batches(&self, config: &Config, _all: usize) -> usize {
        config.accumulate
    }

    fn eta(&self, config: &Config, time: f32) -> f32 {
        config.schedule.at(time, config.starts().0 as f32)
    }

    fn start_epoch(&self, trainer: &mut Trainer<'_>, _epoch: u32) {
        trainer.optimizer.set_frozen(false);
    }

    fn strength(
        &self,
        trainer: &mut Trainer<'_>,
        time: f32,
        eta: f32,
    ) -> Result<Option<f32>, PenaltyError> {
        let (end, penalised) = trainer.config.starts();
        let (epoch, step) = (trainer.progress.epoch, trainer.progress.step);
        let steps = trainer.steps(epoch);
        let mut factor = trainer.config.penalty.ramp.at(time / end as f32);
        if let Some((control, observed)) = trainer.controlled() {
            // The last epoch with the penalty: no settle follows.
            if epoch + 1 == penalised {
                control.land(&observed, (eta, step, steps))?;
                factor = 1.0;
            }
            factor *= control.factor;
        }
        Ok(Some(factor))
    }

    /// Once the ramp has ended, and while other epochs with the penalty follow.
    fn steer(&self, trainer: &mut Trainer<'_>, epoch: u32) -> Result<(), PenaltyError> {
        let (end, penalised) = trainer.config.starts();
        let (ramp, settle) = (trainer.config.penalty.ramp, trainer.config.settle);
        let [done, rises] = [(epoch + 1) as f32 / end as f32, ramp.warmup + ramp.rise];
        let Some((control, observed)) = trainer.controlled() else { return Ok(()) };
        if epoch + 1 == penalised || done < rises {
            return Ok(());
        }
        let alone = settle.map(|settle| (settle.eta, (settle.epochs as f32 / 3.0).max(1.0)));
        let warmup = f64::from(ramp.warmup);
        let t = (f64::from(done) - warmup) / (1.0 - warmup).max(f64::MIN_POSITIVE);
        control.steer(&observed, (t, end), alone)
    }
}
