//! A model: layers that fit each other, with the names and shapes of their parameters.

use super::costs::Costs;
use super::graph::Graph;
use super::recorder::Recorder;
use super::{ModelError, Phase, Weight};
use crate::params::Params;
use crate::shape::Shape;
use crate::tape::{Tape, Var};

/// Layers that fit each other, over parameters held in a [`Params`]. A [`Network`](super::Network) holds both.
///
/// ```
/// use proxtape::nn::{Model, Phase, zoo};
/// use proxtape::{Exec, Isa, Params, Random, Tape};
/// let mut params = Params::new();
/// let layers = zoo::lenet300(10);
/// let model = Model::new(&mut params, [1, 28, 28], &layers, &mut Random::new(1))?;
/// let mut tape = Tape::inference(Exec::new(Isa::detect()));
/// let x = tape.input([2, 1, 28, 28]);
/// let logits = model.record(&mut tape, &params, x, Phase::Inference);
/// assert_eq!(tape.shape(logits).dims(), [2, 10]);
/// # Ok::<(), proxtape::nn::ModelError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    pub(super) graph: Graph,
    pub(super) weights: Vec<Weight>,
    pub(super) least_batch: usize,
    pub(super) costs: Costs,
}

impl Model {
    /// The shape of one sample.
    pub fn input(&self) -> Shape {
        self.graph.shape(0)
    }

    /// The shape of the output for one sample.
    pub fn output(&self) -> Shape {
        self.graph.shape(self.graph.output())
    }

    /// The layers as operations on values.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The fewest samples of a batch to train on: 2 where a batch normalisation sees one element of
    /// a channel in each sample, which has no variance, and 1 otherwise.
    pub fn least_batch(&self) -> usize {
        self.least_batch
    }

    /// Whether a batch of so many samples is one that can be recorded.
    ///
    /// # Errors
    /// If its layers would hold more than 2^34 elements, 64 GiB, or a convolution would take more
    /// multiplications than [the kernels do](proxtape_kernels::conv::Conv2d::is_valid); the error names it.
    pub fn check_batch(&self, batch: usize) -> Result<(), ModelError> {
        self.costs.check_batch(&self.weights, batch)
    }

    /// The weights, in the order of the layers.
    pub fn weights(&self) -> &[Weight] {
        &self.weights
    }

    /// Multiply-accumulates for one sample with all weights.
    pub fn macs(&self, params: &Params) -> u64 {
        self.weights.iter().map(|w| w.uses * params.shape(w.id).len() as u64).sum()
    }

    /// Records the model on a tape, for a batch x: [N, input...].
    ///
    /// # Panics
    /// If `x` does not have the shape that the model was built for.
    #[track_caller]
    pub fn record(&self, tape: &mut Tape, params: &Params, x: Var, phase: Phase) -> Var {
        self.check_input(tape.shape(x));
        Recorder { tape, params, phase }.graph(&self.graph, x, |_, _, _| None)
    }

    #[track_caller]
    pub(super) fn check_input(&self, shape: Shape) {
        let input = self.input();
        assert!(
            shape.rank() > 0 && shape[1..] == input[..],
            "model: the input is {shape}, and this model wants [N, ..{input}]",
        );
    }
}
