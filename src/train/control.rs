//! The controller that moves lambda until a target is met.
//!
//! Counting zeros while minibatches shrink the weights says little about the support that is kept: the support
//! of a step is that of the gradient's noise (see `stage.rs`). So each stage has a measure of its own:
//!
//! ```text
//! shrink   at each epoch's end, N = what is left if the penalty acted alone for a third of the steps of
//!          settle, which takes away what the noise keeps alive; the count itself without a settle
//!          ln lambda = I + P e,   e = ln(N / path),   I += e I' / epochs
//!          path = wanted (all / wanted)^((1 - t)^2),   t from 0 to 1 over the stage
//! settle   at each step, the lambda nearest to the last one at which the steps that are left would lead
//!          to the target if the gradient stayed as it is (optim/ahead.rs); the last step is exact
//! ```
//!
//! Without a settle the steps of the last shrinking epoch choose lambda by their own prox: half of them
//! bring the count to the target, half keep it there.
//!
//! The measure: LeNet-300-100 on Fashion-MNIST under l1,1 + l1,2 with mu 0.5, 75 epochs, and lambda
//! 1e-4, 3e-4 and 8e-4 has N = 117,959, 16,574 and 3,847 after 45 epochs, where 242,739, 93,099 and
//! 25,059 weights are not zero and settling leaves 113,939, 16,860 and 4,246. The path is how N falls
//! where lambda does not move: ln(N / wanted) is 2.19, 1.71, 1.27, 0.98, 0.72, 0.50 and 0.05 there
//! after 6, 10, 15, 20, 25, 30 and 38 of 45 epochs, and the path says 2.07, 1.67, 1.23, 0.85, 0.55,
//! 0.31 and 0.07. (A schedule of sparsity that falls fast at first and slowly at the end is Zhu,
//! Gupta's, ICLR workshop 2018.) With N near lambda^-1.5 and drawn to its end at the rate 2 / (1 - t)
//! that this path has, P = 1 and I' = 6 are well damped.
//!
//! The result there: with a target of 6.3 % the controller ends with 16,805 weights and 89.31 % on the
//! test set from lambda 3e-4, and with 16,804 and 89.36 % from 1e-4; lambda 3e-4 alone with 16,860 and
//! 89.33 %.

use super::target::{Target, count};
use crate::gradients::Gradients;
use crate::nn::Model;
use crate::optim::{Ahead, Optimizer, Penalty, PenaltyError, Regularized};
use crate::params::Params;

/// P and I' above.
const PROPORTIONAL: f64 = 1.0;
const INTEGRAL: f64 = 6.0;

/// Counts this near to what is wanted, relative to it, leave lambda alone: a fifth of what a target
/// promises.
const BAND: f64 = 0.01;

/// How far a step moves lambda at most, as a factor: all steps but the last one, which is exact.
const REACH: f64 = 2.0;
const LAST_REACH: f64 = 1e9;

/// Finds the factor of lambda.
#[derive(Debug)]
pub(super) struct Control {
    target: Target,
    wanted: f64,
    total: f64,
    ahead: Ahead,
    /// Room for the regularisers at a strength that is tried.
    tried: Vec<Regularized>,
    /// I of the law above.
    pub(super) integral: f64,
    /// The factor in use, without the ramp.
    pub(super) factor: f32,
}

/// The training, as the controller observes it.
pub(super) struct Observation<'a> {
    pub(super) penalty: &'a Penalty,
    pub(super) model: &'a Model,
    pub(super) params: &'a Params,
    pub(super) optimizer: &'a Optimizer,
    /// Along which the next step goes.
    pub(super) gradients: &'a Gradients,
}

impl Control {
    pub(super) fn new(
        target: Target,
        [wanted, total]: [f64; 2],
        (optimizer, params): (&Optimizer, &Params),
        regularized: &[Regularized],
    ) -> Control {
        let ahead = Ahead::new(optimizer, params);
        let tried = regularized.to_vec();
        Control { target, wanted, total, ahead, tried, integral: 0.0, factor: 1.0 }
    }

    /// After a shrinking epoch, the share `t` of the stage, of which there are `epochs`: `alone` is the
    /// step size and number of the steps that the penalty takes alone; without them the count is that of
    /// the weights as they are.
    pub(super) fn steer(
        &mut self,
        observed: &Observation<'_>,
        (t, epochs): (f64, u32),
        alone: Option<(f32, f32)>,
    ) -> Result<(), PenaltyError> {
        let left = match alone {
            Some(steps) => {
                self.ahead.aim(observed.optimizer, (observed.params, None), steps);
                self.count(observed, self.factor)?
            }
            None => self.now(observed),
        };
        let path = self.wanted * (self.total / self.wanted).powf((1.0 - t).powi(2));
        // At most a factor of e: what is far off needs time, not force.
        let error = (left.max(0.5) / path).ln().clamp(-1.0, 1.0);
        self.integral += INTEGRAL / f64::from(epochs) * error;
        self.factor = (self.integral + PROPORTIONAL * error).exp() as f32;
        Ok(())
    }

    /// Before a step of settle, with `left` steps to go, itself among them.
    pub(super) fn settle(
        &mut self,
        observed: &Observation<'_>,
        (eta, left): (f32, u32),
    ) -> Result<(), PenaltyError> {
        self.ahead.aim(
            observed.optimizer,
            (observed.params, Some(observed.gradients)),
            (eta, left as f32),
        );
        self.search(observed, self.wanted, if left == 1 { LAST_REACH } else { REACH })
    }

    /// Before step `step` of the `steps` of the last epoch with the penalty, where none settles.
    pub(super) fn land(
        &mut self,
        observed: &Observation<'_>,
        (eta, step, steps): (f32, usize, usize),
    ) -> Result<(), PenaltyError> {
        let now = self.now(observed).max(1.0);
        let way = (steps / 2).saturating_sub(step).max(1);
        let next = now * (self.wanted / now).powf(1.0 / way as f64);
        self.ahead.aim(observed.optimizer, (observed.params, Some(observed.gradients)), (eta, 1.0));
        self.search(observed, next, if step + 1 == steps { LAST_REACH } else { REACH })
    }

    /// The factor nearest to the one in use, at most `reach` times more or less, at which what lies
    /// ahead keeps what is wanted.
    fn search(
        &mut self,
        observed: &Observation<'_>,
        wanted: f64,
        reach: f64,
    ) -> Result<(), PenaltyError> {
        // A band around few holds at least the nearest whole number.
        let low = (wanted * (1.0 - BAND)).min(wanted.round());
        let high = (wanted * (1.0 + BAND)).max(wanted.round());
        let mut near = (f64::from(self.factor), self.count(observed, self.factor)?);
        if (low..=high).contains(&near.1) {
            return Ok(());
        }
        let many = near.1 > high;
        let beyond = |count: f64| if many { count <= high } else { count >= low };
        let (start, mut pace) = (near.0, 1.0f64);
        let mut far = loop {
            pace = (pace * pace * 1.25).min(reach);
            let factor = if many { start * pace } else { start / pace };
            let tried = (factor, self.count(observed, factor as f32)?);
            if beyond(tried.1) || pace == reach {
                break tried;
            }
            near = tried;
        };
        // Halving the logarithm 30 times leaves a part in 1e7 of the reach.
        for _ in 0..30 {
            if (low..=high).contains(&far.1) || !beyond(far.1) {
                break;
            }
            let factor = (near.0 * far.0).sqrt();
            let tried = (factor, self.count(observed, factor as f32)?);
            *(if beyond(tried.1) { &mut far } else { &mut near }) = tried;
        }
        // Weights that leave together, a group, may leave no count in the band.
        let off = |(_, count): (f64, f64)| (count - wanted).abs();
        self.factor = (if off(near) < off(far) { near.0 } else { far.0 }) as f32;
        Ok(())
    }

    /// What is kept now.
    fn now(&self, observed: &Observation<'_>) -> f64 {
        let weights = observed.model.weights().iter().zip(&self.tried);
        let of = self.target.of;
        let counts = weights.map(|(w, r)| count(of, w, r, observed.params.value(r.id)));
        counts.sum::<u64>() as f64
    }

    /// What the prox at a factor keeps of the point aimed at.
    fn count(&mut self, observed: &Observation<'_>, factor: f32) -> Result<f64, PenaltyError> {
        let Observation { penalty, model, params, optimizer, .. } = *observed;
        penalty.scale(model, factor, &mut self.tried)?;
        let (of, weights) = (self.target.of, model.weights());
        let kept =
            self.ahead.sum(optimizer, params, &self.tried, |i, r, x| count(of, &weights[i], r, x));
        Ok(kept as f64)
    }
}

impl super::Trainer<'_> {
    /// The controller, where there is a target, and what it looks at.
    pub(super) fn controlled(&mut self) -> Option<(&mut Control, Observation<'_>)> {
        let control = self.control.as_mut()?;
        let observed = Observation {
            penalty: &self.config.penalty,
            model: &self.network.model,
            params: &self.network.params,
            optimizer: &self.optimizer,
            gradients: &self.gradients,
        };
        Some((control, observed))
    }

    /// Sets the strength of the penalty for the step at a moment, in epochs.
    pub(super) fn set_strength(&mut self, time: f32, eta: f32) -> Result<(), PenaltyError> {
        match self.policy().strength(self, time, eta)? {
            Some(factor) => self.apply_strength(factor),
            None => Ok(()),
        }
    }

    /// Sets the penalty to `factor` times its strength.
    pub(super) fn apply_strength(&mut self, factor: f32) -> Result<(), PenaltyError> {
        if factor.to_bits() != self.factor.to_bits() {
            self.config.penalty.scale(&self.network.model, factor, &mut self.regularized)?;
            self.optimizer.set_regularizers(&self.regularized);
            self.factor = factor;
        }
        Ok(())
    }
}
