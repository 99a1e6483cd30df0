//! Loss and accuracy of a model over samples.

use super::Loss;
use crate::data::{Dataset, Normalization};
use crate::memory::MemoryError;
use crate::nn::{Network, Phase};
use crate::params::Params;
use crate::tape::{Labels, Tape, Var};
use proxtape_kernels::Exec;

/// How good a model is on some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean loss: cross entropy, in nats, unless a training has another one.
    pub loss: f64,
    /// The share of right decisions, 0 to 1.
    pub accuracy: f64,
    /// How many samples there were.
    pub samples: usize,
}

/// A recorded inference, used again for every batch.
#[derive(Debug)]
pub struct Evaluator {
    tape: Tape,
    x: Var,
    labels: Labels,
    logits: Var,
    loss: Loss,
}

impl Evaluator {
    /// Records the network for batches of this size.
    ///
    /// # Panics
    /// If the batch is 0, or the network does not give one output for each class.
    #[track_caller]
    pub fn new(exec: Exec, network: &Network, batch: usize) -> Evaluator {
        assert!(batch > 0, "Evaluator: a batch of 0 samples; give it one or more");
        let output = network.output();
        let is_row = output.rank() == 1;
        assert!(
            is_row,
            "Evaluator: the model gives {output}; it must be one output for each class"
        );
        let mut tape = Tape::inference(exec);
        let x = tape.input(network.input().batch(batch));
        let labels = tape.labels(batch);
        let logits = network.record(&mut tape, x, Phase::Inference);
        tape.keep(logits);
        Evaluator { tape, x, labels, logits, loss: Loss::default() }
    }

    /// The same with this loss, in place of the default one.
    pub fn with_loss(self, loss: Loss) -> Evaluator {
        Evaluator { loss, ..self }
    }

    /// Elements that a run will hold.
    pub(super) fn planned(&mut self) -> usize {
        self.tape.planned(None)
    }

    /// Whether there is memory for a run.
    ///
    /// # Errors
    /// If there is less than it takes.
    pub fn check_memory(&mut self) -> Result<(), MemoryError> {
        self.tape.check_memory()
    }

    /// Evaluates samples. No samples give NaN, and so do outputs of which one is NaN: look at the loss
    /// before you believe the accuracy, in which such a sample counts as wrong.
    ///
    /// # Panics
    /// If samples do not have the shape of the model's input, an index is none of the set, or there is no
    /// output for a label.
    pub fn run(
        &mut self,
        params: &Params,
        set: &Dataset,
        indices: &[u32],
        normalization: &Normalization,
    ) -> Evaluation {
        let nothing = Evaluation { loss: f64::NAN, accuracy: f64::NAN, samples: 0 };
        // Nobody asks, so nothing is given up.
        self.run_unless(params, (set, indices, normalization), &mut || false).unwrap_or(nothing)
    }

    /// The same, unless `asked` says between two batches to give it up: none then.
    pub(super) fn run_unless(
        &mut self,
        params: &Params,
        (set, indices, normalization): (&Dataset, &[u32], &Normalization),
        asked: &mut dyn FnMut() -> bool,
    ) -> Option<Evaluation> {
        let (mut loss, mut right) = (0.0, 0usize);
        let batch = self.labels.len();
        for part in indices.chunks(batch) {
            if asked() {
                return None;
            }
            // The rest of a short batch holds old samples; their results are not read.
            let (x, labels) = self.tape.leaves_mut(self.x, self.labels);
            let values = part.len() * (x.len() / batch);
            let labels = &mut labels[..part.len()];
            set.fill(part, normalization, None, &mut x[..values], labels);
            self.tape.infer(params);
            let classes = self.tape.shape(self.logits)[1];
            let rows = self.tape.value(self.logits).chunks_exact(classes);
            for (row, &label) in rows.zip(self.tape.labels_ref(self.labels)).take(part.len()) {
                assert!(
                    (label as usize) < classes,
                    "Evaluator: the model gives {classes} outputs and a sample has the label {label}"
                );
                loss += self.loss.of_row(row, label as usize);
                right += usize::from(argmax(row) == Some(label as usize));
            }
        }
        let n = indices.len() as f64;
        Some(Evaluation { loss: loss / n, accuracy: right as f64 / n, samples: indices.len() })
    }
}

/// The first largest element; none where one is NaN, so that such a row decides for no class.
pub(super) fn argmax(row: &[f32]) -> Option<usize> {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate() {
        if x > row[best] {
            best = i;
        }
    }
    (!row.iter().any(|x| x.is_nan())).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_with_nan_decides_for_no_class() {
        assert_eq!(argmax(&[0.5, 2.0, 2.0]), Some(1));
        assert_eq!(argmax(&[f32::NEG_INFINITY, f32::INFINITY]), Some(1));
        for row in [[f32::NAN, 1.0], [1.0, f32::NAN], [f32::NAN; 2]] {
            assert_eq!(argmax(&row), None);
        }
    }
}
