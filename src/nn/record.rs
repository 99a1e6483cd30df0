//! From a graph to a tape.

use super::graph::{Graph, Node};
use super::recorder::{Operands, Recorder};
use super::{Activation, Layer};
use crate::tape::Var;

impl Recorder<'_> {
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
