//! The proof that two networks are the same: their outputs on real samples.

use crate::experiment::Samples;
use crate::failure::Failure;
use crate::inference::{BATCH, Network, largest, part};
use crate::run_folder::refused;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The largest difference that rounding may make, as a part of the largest output.
pub(crate) const LIMIT: f64 = 1e-5;

/// What the comparison found.
#[derive(Debug, Serialize)]
pub(crate) struct Proof {
    /// How many samples were compared.
    pub(crate) samples: usize,
    /// The part that they are: `test`, or what there is where nothing is kept for a test.
    pub(crate) part: &'static str,
    /// The largest absolute output of the dense network.
    pub(crate) scale: f64,
    /// The largest difference of an output, divided by the scale.
    pub(crate) difference: f64,
    /// Samples whose largest output is another one.
    pub(crate) decisions_changed: usize,
}

impl Proof {
    pub(crate) fn holds(&self) -> bool {
        self.difference <= LIMIT
    }

    /// What to tell if it does not hold: which network should be equal to which.
    pub(crate) fn refusal(&self, [second, first]: [&str; 2]) -> String {
        format!(
            "expected the outputs of the {second} network within {LIMIT:.0e} of the largest \
             output of the {first} one, found a difference of {:.1e} on {} {} samples, {} \
             decisions changed; the network's own sums may cancel beyond what f32 can tell",
            self.difference, self.samples, self.part, self.decisions_changed
        )
    }
}

/// Compares a network with the one that it should be equal to, on at most so many samples.
pub(crate) fn prove(
    first: &mut impl Network,
    second: &mut impl Network,
    samples: &Samples,
    most: usize,
) -> Proof {
    let (part, set, indices) = part(samples);
    let indices = &indices[..indices.len().min(most)];
    let (mut scale, mut difference, mut decisions_changed) = (0.0, 0.0, 0);
    for batch in indices.chunks(BATCH) {
        let (a, b) = (first.outputs(set, batch), second.outputs(set, batch));
        let outputs = a.len() / batch.len();
        for (a, b) in a.chunks_exact(outputs).zip(b.chunks_exact(outputs)) {
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
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// A file beside its final name, which it takes when it is proven; else it is removed.
pub(crate) struct Unproven(pub(crate) PathBuf);

impl Unproven {
    pub(crate) fn beside(target: &Path) -> Unproven {
        Unproven(target.with_file_name(format!(".proxtape-{}.unproven.tmp", std::process::id())))
    }

    /// Gives the file its name.
    pub(crate) fn keep(self, target: &Path) -> Result<(), Failure> {
        fs::rename(&self.0, target).map_err(|e| refused(target, "to write the file", &e))
    }
}

impl Drop for Unproven {
    fn drop(&mut self) {
        // After the renaming there is nothing to remove.
        let _ = fs::remove_file(&self.0);
    }
}
