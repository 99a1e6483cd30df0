//! Verification of a compacted network against the dense one, with its zeros and without.

use crate::failure::Failure;
use crate::run::inference::{Network, OneByOne, Recorded};
use crate::run::model_file::{BATCH, Trained};
use crate::run::samples::Samples;
use crate::run::verification::{LIMIT, Verification, max, verify};
use proxtape::Exec;
use serde::Serialize;

/// The differences that were found.
#[derive(Debug, Serialize)]
pub(crate) struct Verifications {
    #[serde(flatten)]
    pub(crate) compacted: Verification,
    /// The largest difference where zeros are left out, in batches and one by one.
    pub(crate) sparse_difference: f64,
    pub(crate) sparse_decisions_changed: usize,
}

impl Verifications {
    /// Compares on every sample.
    pub(super) fn find(
        exec: Exec,
        [dense, small]: [&Trained; 2],
        samples: &Samples,
    ) -> Result<Verifications, Failure> {
        let mut dense = Recorded::new(exec, dense, BATCH)?;
        let mut compacted = Recorded::new(exec, small, BATCH)?;
        let mut batches = Recorded::without_zeros(exec, small, BATCH)?;
        let mut single = OneByOne::new(Recorded::without_zeros(exec, small, 1)?);
        let others = [&mut compacted as &mut dyn Network, &mut batches, &mut single];
        let [compacted, batches, single] = verify(&mut dense, others, samples, usize::MAX)?;
        Ok(Verifications {
            compacted,
            sparse_difference: max(batches.difference, single.difference),
            sparse_decisions_changed: batches.decisions_changed.max(single.decisions_changed),
        })
    }

    pub(super) fn holds(&self) -> bool {
        self.compacted.holds() && self.sparse_difference <= LIMIT
    }

    pub(super) fn refusal(&self) -> String {
        format!(
            "{}; without its zeros, a difference of {:.1e} and {} decisions",
            self.compacted.refusal(["compacted", "dense"]),
            self.sparse_difference,
            self.sparse_decisions_changed
        )
    }
}
