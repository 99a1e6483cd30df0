//! From a graph to a tape.

use super::graph::{Graph, Node, Parameters};
use super::{Activation, Layer, Phase};
use crate::params::{ParamId, Params};
use crate::tape::{Tape, Var};

/// A tape that a network is recorded on, with its parameters.
pub(super) struct Recorder<'a> {
    pub(super) tape: &'a mut Tape,
    pub(super) params: &'a Params,
    pub(super) phase: Phase,
}

/// The operands of a node.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    /// One value, or the two of a sum.
    pub(super) inputs: &'a [Var],
    pub(super) parameters: &'a Parameters,
    /// Whether a ReLU follows, and is recorded with the node.
    pub(super) with_relu: bool,
}

impl Recorder<'_> {
    pub(super) fn param(&mut self, id: ParamId) -> Var {
        self.tape.param(self.params, id)
    }

    /// Records node after node, and gives the output. `fused` is asked first about each node, and told
    /// whether a ReLU follows: it may record both and give their value, or leave the node to its layer.
    pub(super) fn graph(
        &mut self,
        graph: &Graph,
        x: Var,
        mut fused: impl FnMut(&mut Self, &Node, &Operands<'_>) -> Option<Var>,
    ) -> Var {
        let mut values = Vec::with_capacity(graph.values());
        values.push(x);
        while let Some(node) = graph.nodes().get(values.len() - 1) {
            let successor = graph.successor(values.len() - 1).map(Node::layer);
            let relu = matches!(successor, Some(Layer::Activation(Activation::Relu)));
            let inputs: Vec<Var> = node.inputs().iter().map(|&value| values[value]).collect();
            let operands =
                |with_relu| Operands { inputs: &inputs, parameters: node.parameters(), with_relu };
            let (value, with_relu) = match fused(self, node, &operands(relu)) {
                Some(value) => (value, relu),
                None => {
                    let relu = relu && node.layer().takes_relu();
                    (node.layer().record(self, &operands(relu)), relu)
                }
            };
            values.push(value);
            if with_relu {
                // Nobody else reads the value before the ReLU, so its number is free.
                values.push(value);
            }
        }
        values[graph.output()]
    }
}
