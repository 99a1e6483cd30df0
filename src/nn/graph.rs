//! The graph of a network: its layers as operations on numbered values.
//!
//! Value 0 is a batch of samples, and node i makes value i + 1 from values before it. Shapes are those
//! of one sample, without the batch axis. A residual block is its two ways, one after the other, and a
//! node for the sum. Whoever works on a network reads this: recording, prepacking, compaction, exports,
//! reports.

use super::Layer;
use crate::params::ParamId;
use crate::shape::Shape;

/// The operations of a network, each after those whose values it reads.
///
/// ```
/// use proxtape::nn::{Layer, Model};
/// use proxtape::{Params, Random};
/// let layers = [Layer::linear(4).named("fc1"), Layer::linear(2).named("fc2")];
/// let mut params = Params::new();
/// let model = Model::new(&mut params, [3], &layers, &mut Random::new(1))?;
/// let graph = model.graph();
/// let second = &graph.nodes()[1];
/// assert_eq!((second.name(), second.inputs()), ("fc2", &[1][..]));
/// assert_eq!(graph.shape(1), [4].into());
/// assert_eq!(second.parameters().weight, params.find("fc2.weight"));
/// # Ok::<(), proxtape::nn::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    /// By the number of the value.
    shapes: Vec<Shape>,
    /// How many nodes read each value.
    readers: Vec<u32>,
    output: usize,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    name: String,
    layer: Layer,
    parameters: Parameters,
    inputs: Vec<usize>,
}

/// The parameters of a node, by the last part of their names. For a normalisation, y = weight xhat + bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
    /// `.weight`
    pub weight: Option<ParamId>,
    /// `.bias`
    pub bias: Option<ParamId>,
    /// `.running_mean`, of a batch normalisation.
    pub running_mean: Option<ParamId>,
    /// `.running_var`, of a batch normalisation.
    pub running_var: Option<ParamId>,
}

impl Parameters {
    /// Those that there are: weight, bias, running mean, running variance.
    pub fn ids(&self) -> impl Iterator<Item = ParamId> + use<> {
        [self.weight, self.bias, self.running_mean, self.running_var].into_iter().flatten()
    }

    /// The weight of a layer that has one, as every one with parameters has.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn weight(&self) -> ParamId {
        self.weight.expect("the layer has a weight")
    }
}

impl Node {
    /// The name of its layer, behind those of the blocks around it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The layer. That of a sum is the [`Residual`](Layer::Residual), with empty lists: the layers of the
    /// block are nodes before it.
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    /// Its parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The numbers of the values that it reads: two for a sum, body first, and else one.
    pub fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    pub(super) fn new(
        name: String,
        layer: &Layer,
        parameters: Parameters,
        inputs: Vec<usize>,
    ) -> Node {
        let layer = match layer {
            Layer::Residual { .. } => Layer::Residual { body: Vec::new(), shortcut: Vec::new() },
            layer => layer.clone(),
        };
        Node { name, layer, parameters, inputs }
    }
}

impl Graph {
    /// Without nodes: the output is the sample.
    pub(super) fn new(input: Shape) -> Graph {
        Graph { nodes: Vec::new(), shapes: vec![input], readers: vec![1], output: 0 }
    }

    /// Adds a node and gives the number of its value, which is the output from now on.
    pub(super) fn push(&mut self, node: Node, shape: Shape) -> usize {
        self.readers[self.output] -= 1;
        node.inputs.iter().for_each(|&value| self.readers[value] += 1);
        self.nodes.push(node);
        self.shapes.push(shape);
        self.readers.push(1);
        self.output = self.nodes.len();
        self.output
    }

    /// The nodes, each after those that it reads.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The shape of a value, for one sample.
    ///
    /// # Panics
    /// If there is no value of this number.
    #[track_caller]
    pub fn shape(&self, value: usize) -> Shape {
        self.shapes[value]
    }

    /// The number of values: one more than nodes.
    pub fn values(&self) -> usize {
        self.shapes.len()
    }

    /// The number of the value that is the network's output.
    pub fn output(&self) -> usize {
        self.output
    }

    /// How many nodes read a value; who takes the network's output reads that.
    ///
    /// # Panics
    /// If there is no value of this number.
    #[track_caller]
    pub fn readers(&self, value: usize) -> usize {
        self.readers[value] as usize
    }

    /// The node after node `i`, if it alone reads what node `i` makes: the two can be computed at once.
    pub fn successor(&self, i: usize) -> Option<&Node> {
        let next = self.nodes.get(i + 1)?;
        (self.readers[i + 1] == 1 && next.inputs.contains(&(i + 1))).then_some(next)
    }
}
