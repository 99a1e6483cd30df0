//! The losses of a training: what the outputs of a model cost, given the label of a sample.
//!
//! ```text
//! cross entropy   log sum_j exp(y_j) - y_label
//! ```
//!
//! Each has two forms: the mean over a batch on the tape, in f32, and one row in f64, which evaluation
//! sums over a whole set. The test below compares them.

use crate::ops;
use crate::tape::{Labels, Tape, Var};

/// What a training minimises, beside the penalty.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// `log sum exp(y) - y[label]` of the outputs y, in nats.
    #[default]
    CrossEntropy,
}

impl Loss {
    /// Every loss.
    #[cfg(test)]
    const ALL: [Loss; 1] = [Loss::CrossEntropy];

    /// The mean over a batch: `logits: [N, C]`, a scalar.
    pub(super) fn record(self, tape: &mut Tape, logits: Var, labels: Labels) -> Var {
        match self {
            Loss::CrossEntropy => ops::cross_entropy(tape, logits, labels),
        }
    }

    /// That of one row of C outputs.
    pub(super) fn of_row(self, row: &[f32], label: usize) -> f64 {
        match self {
            Loss::CrossEntropy => cross_entropy(row, label),
        }
    }
}

fn cross_entropy(row: &[f32], label: usize) -> f64 {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|&x| f64::from(x - max).exp()).sum();
    sum.ln() + f64::from(max) - f64::from(row[label])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use proxtape_kernels::{Exec, Isa};

    /// Classes of a row.
    const C: usize = 3;

    #[test]
    fn the_mean_on_the_tape_is_that_of_the_rows() {
        let rows = [0.5, -1.0, 2.0, 40.0, -40.0, 0.0, 0.0, 0.0, 0.0, -3.0, 7.0, 7.5];
        let targets = [0, 1, 2, 1];
        for isa in Isa::available() {
            for loss in Loss::ALL {
                let mut tape = Tape::new(Exec::new(isa));
                let (logits, labels) = (tape.variable([4, C]), tape.labels(4));
                let mean = loss.record(&mut tape, logits, labels);
                tape.set(logits, &rows);
                tape.labels_mut(labels).copy_from_slice(&targets);
                tape.forward(&mut Params::new());
                let each = rows.chunks_exact(C).zip(targets);
                let want: f64 = each.map(|(row, label)| loss.of_row(row, label as usize)).sum();
                let got = f64::from(tape.value(mean)[0]);
                assert!((got - want / 4.0).abs() <= 1e-6 * want.abs(), "{loss:?}: {got} {want}");
            }
        }
    }

    #[test]
    fn the_loss_of_a_row_that_is_not_finite_is_not_finite() {
        for loss in Loss::ALL {
            for row in [[f32::NAN, 1.0], [1.0, f32::NAN], [f32::NAN; 2]] {
                assert!(loss.of_row(&row, 0).is_nan());
            }
            assert!(!loss.of_row(&[f32::INFINITY, 0.0], 0).is_finite());
        }
    }
}
