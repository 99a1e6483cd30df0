//! The recorded training step: a batch in, the mean loss and its gradient out.

use super::evaluate::argmax;
use super::{Data, Loss};
use crate::data::Augment;
use crate::gradients::GradSink;
use crate::nn::{Model, Phase};
use crate::params::Params;
use crate::random::Random;
use crate::tape::{Labels, Tape, Var};
use proxtape_kernels::Exec;

/// A model and its loss on a tape.
pub(super) struct Graph {
    pub(super) tape: Tape,
    x: Var,
    labels: Labels,
    logits: Var,
    loss: Var,
}

/// The result of a batch.
pub(super) struct BatchResult {
    /// The mean loss.
    pub(super) loss: f64,
    /// Samples whose largest logit was at their label.
    pub(super) right: u64,
}

impl Graph {
    /// Records the model for batches of this size.
    pub(super) fn new(
        exec: Exec,
        (model, params): (&Model, &Params),
        batch: usize,
        loss: Loss,
        phase: Phase,
    ) -> Graph {
        let mut tape = Tape::new(exec);
        let x = tape.input(model.input().batch(batch));
        let labels = tape.labels(batch);
        let logits = model.record(&mut tape, params, x, phase);
        let loss = loss.record(&mut tape, logits, labels);
        Graph { tape, x, labels, logits, loss }
    }

    /// Elements that a step will hold.
    pub(super) fn planned(&mut self) -> usize {
        self.tape.planned(Some(self.loss))
    }

    /// Runs one batch forwards and, if its loss is finite, backwards into `sink`.
    pub(super) fn run(
        &mut self,
        data: Data<'_>,
        (indices, augmentation): (&[u32], Option<(&Augment, &mut Random)>),
        params: &mut Params,
        sink: &mut impl GradSink,
    ) -> BatchResult {
        let Graph { tape, x, labels, logits, loss } = self;
        let (values, targets) = tape.leaves_mut(*x, *labels);
        data.source.train.fill(indices, data.normalization, augmentation, values, targets);
        tape.forward(params);
        let value = f64::from(tape.value(*loss)[0]);
        if value.is_finite() {
            tape.backward(params, *loss, sink);
        }
        let rows = tape.value(*logits).chunks_exact(tape.shape(*logits)[1]);
        let both = rows.zip(tape.labels_ref(*labels));
        let right = both.filter(|(row, label)| argmax(row) == Some(**label as usize)).count();
        BatchResult { loss: value, right: right as u64 }
    }
}
