//! The proof: both networks on every test sample.

use crate::experiment::Samples;
use crate::inference::{Recorded, largest, part};
use crate::model_file::Trained;
use proxtape::Exec;
use serde::Serialize;

/// The largest difference that rounding may make, as a part of the largest output.
pub(crate) const LIMIT: f64 = 1e-5;

/// Samples of a batch.
const BATCH: usize = 128;

/// What the comparison found.
#[derive(Debug, Serialize)]
pub(crate) struct Proof {
    /// How many samples were compared.
    pub(crate) samples: usize,
    /// The part that they are: `test`, or what there is where nothing is kept for a test.
    pub(crate) part: &'static str,
    /// The largest absolute output of the dense network.
    pub(super) scale: f64,
    /// The largest difference of an output, divided by the scale.
    pub(crate) difference: f64,
    /// Samples whose largest output is another one.
    pub(crate) decisions_changed: usize,
}

impl Proof {
    pub(super) fn holds(&self) -> bool {
        self.difference <= LIMIT
    }

    pub(super) fn refusal(&self) -> String {
        format!(
            "expected the outputs of the compacted network within {LIMIT:.0e} of the largest \
             output of the dense one, found a difference of {:.1e} on {} {} samples, {} decisions \
             changed; the network's own sums may cancel beyond what f32 can tell",
            self.difference, self.samples, self.part, self.decisions_changed
        )
    }
}

/// Compares the dense and the compacted network.
pub(super) fn prove(exec: Exec, both: [&Trained; 2], samples: &Samples) -> Proof {
    let (part, set, indices) = part(samples);
    let [mut dense, mut small] = both.map(|trained| Recorded::new(exec, trained, BATCH));
    let outputs = both[0].model.output().len();
    let (mut scale, mut difference, mut decisions_changed) = (0.0, 0.0, 0);
    for batch in indices.chunks(BATCH) {
        dense.set(set, batch, both[0]);
        small.set(set, batch, both[1]);
        // The rest of a short batch holds old samples.
        let count = batch.len() * outputs;
        let (dense, small) = (&dense.run()[..count], &small.run()[..count]);
        for (a, b) in dense.chunks_exact(outputs).zip(small.chunks_exact(outputs)) {
            decisions_changed += usize::from(largest(a) != largest(b));
            for (&a, &b) in a.iter().zip(b) {
                let (a, b) = (f64::from(a), f64::from(b));
                scale = max(scale, a.abs());
                difference = max(difference, (a - b).abs());
            }
        }
    }
    if difference != 0.0 {
        difference /= scale;
    }
    Proof { samples: indices.len(), part, scale, difference, decisions_changed }
}

/// The larger number, or NaN if one of both is.
fn max(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}
