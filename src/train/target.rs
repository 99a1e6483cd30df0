//! A size that a training is to reach, and how it is counted.

use super::TrainError;
use crate::nn::{Model, Weight};
use crate::optim::{Part, Regularized, Zeros};
use core::fmt;

/// What a target counts. Biases do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Weights that are not zero.
    Weights,
    /// Groups with a weight that is not zero.
    Groups,
    /// Multiply-accumulates for one sample with a weight that is not zero:
    /// [`Report::macs_nonzero`](crate::sparsity::Report::macs_nonzero) over
    /// [`Report::macs`](crate::sparsity::Report::macs). A network that is compacted but dense takes
    /// more than these.
    Macs,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Measure::Weights => "weights",
            Measure::Groups => "groups",
            Measure::Macs => "multiply-accumulates",
        })
    }
}

/// The share that is to be kept at the end. A controller moves lambda until it is met within 5 % of
/// it: a target of 0.05 gives 0.0475 to 0.0525 (`train/control.rs` has the law). It is surest with a
/// settle; without one, and from a lambda that is far off, whole groups may come or go together.
///
/// ```
/// use proxtape::optim::{Family, Penalty};
/// use proxtape::train::{Config, Measure, Target};
/// let penalty = Penalty { lambda: 1e-3, ..Penalty::new(Family::L11L12) }; // where lambda starts
/// let target = Some(Target { of: Measure::Weights, share: 0.05 });
/// let config = Config { epochs: 30, penalty, target, ..Config::default() };
/// # assert!(config.target.is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Of what.
    pub of: Measure,
    /// How much of it, above 0 and up to 1.
    pub share: f32,
}

impl Target {
    /// How much of the target's measure is to stay, and all there is.
    ///
    /// # Errors
    /// If the penalty cannot make that much zero.
    pub(super) fn wanted(
        self,
        model: &Model,
        regularized: &[Regularized],
    ) -> Result<[f64; 2], TrainError> {
        let (mut total, mut fixed, mut names) = (0, 0, Vec::new());
        for (weight, r) in model.weights().iter().zip(regularized) {
            total += all(self.of, weight, r);
            let stays = least(self.of, weight, r);
            if stays > 0 {
                names.push(weight.layer.as_str());
            }
            fixed += stays;
        }
        let wanted = f64::from(self.share) * total as f64;
        if fixed as f64 > wanted {
            return Err(TrainError::Config(format!(
                "a target of {} % of the {} is out of reach: {:.1} % cannot become zero, since the \
                 penalty of {} makes none zero or has lambda 0; give a regulariser such as l1, \
                 group-lasso or l11-l12, and a lambda to start from",
                100.0 * self.share,
                self.of,
                100.0 * fixed as f64 / total as f64,
                names.join(", ")
            )));
        }
        Ok([wanted, total as f64])
    }
}

fn all(of: Measure, weight: &Weight, r: &Regularized) -> u64 {
    r.parts
        .iter()
        .map(|part| of.counts(weight, part.band.groups.len(), part.band.groups.groups))
        .sum()
}

/// What no strength makes zero.
fn least(of: Measure, weight: &Weight, r: &Regularized) -> u64 {
    let parts = r.parts.iter().map(|part| {
        let groups = part.band.groups;
        match part.regularizer.zeros() {
            Zeros::Nothing => of.counts(weight, groups.len(), groups.groups),
            // One weight of each group.
            Zeros::AllButOne => of.counts(weight, groups.groups, groups.groups),
            Zeros::All => 0,
        }
    });
    parts.sum()
}

impl Measure {
    /// Of so many weights in so many groups.
    fn counts(self, weight: &Weight, weights: usize, groups: usize) -> u64 {
        match self {
            Measure::Weights => weights as u64,
            Measure::Groups => groups as u64,
            Measure::Macs => weight.uses * weights as u64,
        }
    }
}

/// What is not zero in the values of a weight.
pub(super) fn count(of: Measure, weight: &Weight, r: &Regularized, w: &[f32]) -> u64 {
    let nonzero = || w.iter().filter(|&&w| w != 0.0).count();
    match of {
        Measure::Weights | Measure::Macs => of.counts(weight, nonzero(), 0),
        Measure::Groups => {
            let lives = |part: &Part| {
                let lives =
                    |&g: &usize| part.band.runs_of(g).any(|run| w[run].iter().any(|&w| w != 0.0));
                (0..part.band.groups.groups).filter(lives).count() as u64
            };
            r.parts.iter().map(lives).sum()
        }
    }
}
