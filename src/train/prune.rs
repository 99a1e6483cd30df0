//! Magnitude pruning: between two stages the smallest weights become zero.
//!
//! ```text
//! keep the K weights with the largest |w| of the whole network,   K = round(keep n)
//! ```
//!
//! The threshold is one for the whole network: the "global magnitude" baseline of Blalock, Gonzalez
//! Ortiz, Frankle, Guttag, "What is the State of Neural Network Pruning?", MLSys 2020. (Han, Pool,
//! Tran, Dally, "Learning both Weights and Connections for Efficient Neural Networks", NeurIPS 2015,
//! choose one for each layer.)

use super::TrainError;
use crate::optim::Regularized;
use crate::params::Params;

/// The smallest weights become exactly zero at the first step of the refit, which then trains the
/// others: with [`Family::None`](crate::optim::Family::None) the baseline that regularisers are
/// compared with.
///
/// ```
/// use proxtape::train::{Config, Prune, Refit};
/// let refit = Some(Refit { epochs: 5, eta: 0.01 });
/// let config = Config { epochs: 15, prune: Some(Prune { keep: 0.05 }), refit, ..Config::default() };
/// # assert!(config.prune.is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prune {
    /// The share of all weights that stay, above 0 and up to 1; biases do not count. Where fewer are
    /// left by then, nothing happens.
    pub keep: f32,
}

impl Prune {
    /// Checks that the share is one.
    pub(super) fn check(self) -> Result<(), TrainError> {
        let keep = self.keep;
        if !(keep > 0.0 && keep <= 1.0) {
            return Err(TrainError::Config(format!(
                "prune keeps a share of the weights, above 0 and up to 1, not {keep}"
            )));
        }
        Ok(())
    }

    /// Zeroes the smallest weights. Of equal ones the first stay, in the order of the layers.
    pub(super) fn apply(self, params: &mut Params, regularized: &[Regularized]) {
        let weights = regularized.iter().flat_map(|r| params.value(r.id));
        // Without their sign, the bits of numbers are in the order of the numbers.
        let mut sizes: Vec<u32> = weights.map(|w| w.abs().to_bits()).collect();
        let keep = (f64::from(self.keep) * sizes.len() as f64).round() as usize;
        if keep >= sizes.len() {
            return;
        }
        // In falling order: `larger` stay, the one at `keep` is the first that goes, and of those
        // that are equal to it as many stay as there is room for.
        let (larger, &mut first, _) = sizes.select_nth_unstable_by(keep, |a, b| b.cmp(a));
        let mut room = larger.iter().filter(|&&size| size == first).count();
        for r in regularized {
            for w in params.value_mut(r.id) {
                let size = w.abs().to_bits();
                let stays = size > first || (size == first && room > 0);
                room -= usize::from(stays && size == first);
                if !stays {
                    *w = 0.0;
                }
            }
        }
    }
}
