//! The way forward: nodes are computed in the order of recording.

use super::plan::{self, aligned};
use super::primitive::LabelData;
use super::record::lengthen;
use super::{Forward, Mode, Operands, Source, Tape, cut};
use crate::params::{Params, Running, Values};

impl Tape {
    /// Makes the buffers as long as what was recorded wants.
    pub(super) fn grow(&mut self) {
        if self.primals.len() < self.primal_len {
            self.primals.resize(self.primal_len);
        }
        if self.saved.len() < self.saved_len {
            let more = self.saved_len - self.saved.len();
            lengthen(&mut self.saved, more);
        }
        if self.scratch.len() < self.scratch_len {
            self.scratch.resize(self.scratch_len);
        }
    }

    /// Computes every node again, in the order of recording, without updating any statistic.
    ///
    /// Batch normalisation in its training form leaves the running statistics as they are.
    pub fn infer(&mut self, params: &Params) {
        (self.computed, self.stale) = (0, false);
        let (values, running) = params.shared();
        self.compute(values, running);
    }

    /// Computes every node again, in the order of recording.
    pub fn forward(&mut self, params: &mut Params) {
        (self.computed, self.stale) = (0, false);
        self.advance(params);
    }

    /// Computes the nodes that were recorded since the last `advance` or `forward`; what was computed
    /// before stays, also where an input was set since.
    pub fn advance(&mut self, params: &mut Params) {
        let (values, running) = params.split();
        self.compute(values, running);
    }

    /// Plans where the values of an inference tape lie.
    pub(super) fn place(&mut self) {
        if self.mode == Mode::Inference && self.placed.is_none() {
            // Only leaves have a place so far.
            self.placed = Some(self.primal_len);
            self.place_anew();
        }
    }

    /// The same once more, if they have a place, since more of them are kept.
    pub(super) fn place_anew(&mut self) {
        if let Some(leaves) = self.placed {
            self.primal_len = plan::place_inference(&mut self.nodes, &self.operands, leaves);
            self.computed = 0;
        }
    }

    fn compute(&mut self, values: Values<'_>, mut running: Running<'_>) {
        self.place();
        self.grow();
        for node in &self.nodes[self.computed..] {
            let Source::Op(op) = &node.source else { continue };
            let (before, own, after) = cut(&mut self.primals, node.primal, node.span_len());
            let (y, aux) = own.split_at_mut(aligned(node.shape.len()));
            op.forward(Forward {
                exec: self.exec,
                x: Operands {
                    nodes: &self.nodes,
                    inputs: &self.operands[node.inputs.clone()],
                    before,
                    after,
                    after_start: node.primal + node.span_len(),
                    values,
                },
                y: &mut y[..node.shape.len()],
                aux: &mut aux[..node.work.aux],
                saved: &mut self.saved[node.saved..][..node.work.saved],
                scratch: &mut self.scratch[..node.work.scratch],
                labels: LabelData(&self.labels),
                running: running.reborrow(),
                random: &mut self.random,
            });
        }
        (self.computed, self.labels_read) = (self.nodes.len(), self.labels.len());
    }
}
