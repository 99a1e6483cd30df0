//! The verification that two networks are the same: their outputs on real samples.

use crate::failure::Failure;
use crate::run::inference::{Network, largest, part};
use crate::run::model_file::BATCH;
use crate::run::samples::Samples;
use crate::system::interrupt;
use serde::Serialize;

/// The largest difference that rounding may make, as a part of the largest output.
pub(crate) const LIMIT: f64 = 1e-5;

/// The differences that were found.
#[derive(Debug, Serialize)]
pub(crate) struct Verification {
    /// How many samples were compared.
    pub(crate) samples: usize,
    /// Their part: `test`, or another one where there are no test samples.
    pub(crate) part: &'static str,
    /// The largest absolute output of the dense network.
    pub(crate) scale: f64,
    /// The largest difference of an output, divided by the scale.
    pub(crate) difference: f64,
    /// Samples whose largest output is another one.
    pub(crate) decisions_changed: usize,
}

impl Verification {
    pub(crate) fn holds(&self) -> bool {
        self.difference <= LIMIT
    }

    /// Counts samples of so many outputs; the difference is not relative yet.
    fn add(&mut self, expected: &[f32], found: &[f32], outputs: usize) {
        for (a, b) in expected.chunks_exact(outputs).zip(found.chunks_exact(outputs)) {
            self.decisions_changed += usize::from(largest(a) != largest(b));
            for (&a, &b) in a.iter().zip(b) {
                let (a, b) = (f64::from(a), f64::from(b));
                self.scale = max(self.scale, a.abs());
                self.difference = max(self.difference, (a - b).abs());
            }
        }
    }

    /// The error if it does not hold; the names say which network should be equal to which.
    pub(crate) fn refusal(&self, [second, first]: [&str; 2]) -> String {
        if !self.difference.is_finite() {
            return format!(
                "expected finite outputs of the {first} network and of the {second} one, found some that \
                 are NaN or infinite on {} {} samples; the weights, or values of the samples, are too \
                 large",
                self.samples, self.part
            );
        }
        format!(
            "expected the outputs of the {second} network within {LIMIT:.0e} of the largest \
             output of the {first} one, found a difference of {:.1e} on {} {} samples, {} \
             decisions changed; the network's own sums may cancel beyond what f32 can tell",
            self.difference, self.samples, self.part, self.decisions_changed
        )
    }
}

/// Compares networks with the one that they should be equal to, on at most so many samples, unless an end
/// is asked for.
pub(crate) fn verify<const N: usize>(
    first: &mut dyn Network,
    mut others: [&mut dyn Network; N],
    samples: &Samples,
    most: usize,
) -> Result<[Verification; N], Failure> {
    let (part, set, indices) = part(samples);
    let indices = &indices[..indices.len().min(most)];
    let mut proofs = [(); N].map(|()| Verification {
        samples: indices.len(),
        part,
        scale: 0.0,
        difference: 0.0,
        decisions_changed: 0,
    });
    for batch in indices.chunks(BATCH) {
        interrupt::check()?;
        let expected = first.outputs(set, batch);
        for (other, proof) in others.iter_mut().zip(&mut proofs) {
            proof.add(expected, other.outputs(set, batch), expected.len() / batch.len());
        }
    }
    for proof in proofs.iter_mut().filter(|proof| proof.difference != 0.0) {
        proof.difference /= proof.scale;
    }
    Ok(proofs)
}

/// The larger number, or NaN if one of both is.
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}
