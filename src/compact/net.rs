//! A network to change: the tree of its layers, each with its own values and with the names of the
//! axes of units that it reads and writes.

use super::weight::{Weight, Window};
use crate::nn::{Graph, Layer, Named, Network, Parameters};
use crate::params::{ParamId, Params};
use crate::shape::Shape;

/// One axis of units that layers share: channels or features. A name in [`Axes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis(usize);

impl Axis {
    /// The axis of a number below [`Axes::len`].
    pub(super) fn of(index: usize) -> Axis {
        Axis(index)
    }
}

/// All axes. Two that must be cut alike are joined.
#[derive(Default)]
pub(super) struct Axes {
    /// Another axis that this one was joined to, or itself.
    joined: Vec<usize>,
    units: Vec<usize>,
    /// Whether all units stay.
    locked: Vec<bool>,
}

impl Axes {
    fn add(&mut self, units: usize) -> Axis {
        let axis = self.joined.len();
        self.joined.push(axis);
        self.units.push(units);
        self.locked.push(false);
        Axis(axis)
    }

    /// Both are cut alike from now on.
    pub(super) fn join(&mut self, a: Axis, b: Axis) {
        let (a, b) = (self.index(a), self.index(b));
        self.joined[b] = a;
        self.locked[a] |= self.locked[b];
    }

    fn lock(&mut self, axis: Axis) {
        let axis = self.index(axis);
        self.locked[axis] = true;
    }

    /// The one number of all axes that were joined to this one.
    pub(super) fn index(&self, axis: Axis) -> usize {
        let mut axis = axis.0;
        while self.joined[axis] != axis {
            axis = self.joined[axis];
        }
        axis
    }

    pub(super) fn is_locked(&self, axis: Axis) -> bool {
        self.locked[self.index(axis)]
    }

    pub(super) fn units(&self, axis: Axis) -> usize {
        self.units[axis.0]
    }

    /// How many names there are; [`index`](Axes::index) is below.
    pub(super) fn len(&self) -> usize {
        self.joined.len()
    }
}

/// A layer with its values.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) layer: Layer,
    /// Before and after.
    pub(super) axes: [Axis; 2],
    pub(super) op: Op,
}

/// The effect of a layer on units.
pub(super) enum Op {
    Weight(Weight),
    BatchNorm(BatchNorm),
    /// Each unit for itself, and no values: activations, dropout, pools.
    Each,
    /// Layer norm and convolutions of several groups: values that stay as they are, in the order of
    /// declaration.
    Whole(Vec<Vec<f32>>),
    /// Each channel becomes so many features.
    Flatten {
        area: usize,
    },
    Select {
        indices: Vec<usize>,
        /// It was not there before, and comes to be only where it pays.
        planned: bool,
    },
    Residual {
        body: Vec<Node>,
        shortcut: Vec<Node>,
    },
}

/// Statistics and parameters of a batch norm, [units] each.
pub(super) struct BatchNorm {
    pub(super) gamma: Vec<f32>,
    pub(super) beta: Vec<f32>,
    pub(super) mean: Vec<f32>,
    pub(super) var: Vec<f32>,
    pub(super) eps: f32,
}

/// The network.
pub(super) struct Net {
    pub(super) nodes: Vec<Node>,
    pub(super) axes: Axes,
    /// Of the whole network.
    pub(super) output: Axis,
    /// Who is read, by the number of the axis, as the last pass found it.
    pub(super) read: Vec<Vec<bool>>,
}

impl Net {
    /// The layers of a network with their values.
    pub(super) fn read(network: &Network) -> Net {
        let (layers, input) = (network.layers(), network.input());
        let (graph, params) = (network.graph(), network.params());
        let mut reader = Reader { graph, params, next: 0, axes: Axes::default() };
        let axis = reader.axes.add(units(input));
        reader.axes.lock(axis);
        let mut nodes = Vec::new();
        let mut start = axis;
        // A flatten that makes features of pixels plans its own.
        let flat = matches!(layers.first(), Some(Named { layer: Layer::Flatten, .. }));
        if !flat || input.len() == units(input) {
            let plan = reader.planned("select".to_owned(), axis);
            start = plan.axes[1];
            nodes.push(plan);
        }
        let (rest, output) = reader.sequence(layers, start);
        nodes.extend(rest);
        reader.axes.lock(output);
        Net { nodes, axes: reader.axes, output, read: Vec::new() }
    }
}

fn units(shape: Shape) -> usize {
    shape.first().copied().unwrap_or(1)
}

/// Goes through the lists of layers and through the graph, which has the layers in the same order.
struct Reader<'a> {
    graph: &'a Graph,
    params: &'a Params,
    /// The node of the graph at hand.
    next: usize,
    axes: Axes,
}

impl Reader<'_> {
    fn sequence(&mut self, layers: &[Named], mut axis: Axis) -> (Vec<Node>, Axis) {
        let mut nodes = Vec::with_capacity(layers.len());
        for (i, named) in layers.iter().enumerate() {
            let (name, layer) = (named.own_name(i), named.layer.clone());
            let (op, after) = match &named.layer {
                Layer::Residual { body, shortcut } => {
                    let (body, long) = self.sequence(body, axis);
                    let (shortcut, short) = self.sequence(shortcut, axis);
                    self.axes.join(long, short);
                    (Op::Residual { body, shortcut }, long)
                }
                layer => self.layer(layer, axis),
            };
            self.next += 1;
            let plan = matches!(op, Op::Flatten { area } if area > 1);
            let planned = plan.then(|| self.planned(format!("{name}.select"), after));
            nodes.push(Node { name, layer, axes: [axis, after], op });
            axis = planned.as_ref().map_or(after, |node| node.axes[1]);
            nodes.extend(planned);
        }
        (nodes, axis)
    }

    /// A selection of all units, for the time being.
    fn planned(&mut self, name: String, axis: Axis) -> Node {
        let units = self.axes.units(axis);
        let indices: Vec<usize> = (0..units).collect();
        Node {
            name,
            layer: Layer::Select { indices: indices.clone() },
            axes: [axis, self.axes.add(units)],
            op: Op::Select { indices, planned: true },
        }
    }

    fn layer(&mut self, layer: &Layer, axis: Axis) -> (Op, Axis) {
        let node = &self.graph.nodes()[self.next];
        let input = self.graph.shape(node.inputs()[0]);
        let parameters = node.parameters();
        match *layer {
            Layer::Linear { out, .. } => {
                (Op::Weight(self.weight(parameters, [1; 2], None)), self.axes.add(out))
            }
            Layer::Conv2d { out, kernel, stride, padding, dilation, groups: 1, .. } => {
                let window = Window { size: [input[1], input[2]], stride, padding, dilation };
                (Op::Weight(self.weight(parameters, kernel, Some(window))), self.axes.add(out))
            }
            Layer::Conv2d { out, .. } => {
                let after = self.axes.add(out);
                self.axes.lock(axis);
                self.axes.lock(after);
                (self.whole(parameters), after)
            }
            Layer::BatchNorm { eps, .. } => {
                let Parameters { weight, bias, running_mean, running_var, .. } = *parameters;
                let [gamma, beta, mean, var] = [weight, bias, running_mean, running_var]
                    .map(|id| self.values(id.expect("a batch norm has four")));
                (Op::BatchNorm(BatchNorm { gamma, beta, mean, var, eps }), axis)
            }
            Layer::LayerNorm { .. } => {
                if input.rank() == 1 {
                    self.axes.lock(axis);
                }
                (self.whole(parameters), axis)
            }
            Layer::Flatten => {
                let area = input.len() / units(input);
                let after = if area == 1 { axis } else { self.axes.add(input.len()) };
                (Op::Flatten { area }, after)
            }
            Layer::Select { ref indices } => {
                let op = Op::Select { indices: indices.clone(), planned: false };
                (op, self.axes.add(indices.len()))
            }
            Layer::MaxPool { .. }
            | Layer::AvgPool { .. }
            | Layer::GlobalAvgPool
            | Layer::Dropout { .. }
            | Layer::Activation(_) => (Op::Each, axis),
            Layer::Residual { .. } => unreachable!("a block is a sequence's own business"),
        }
    }

    fn values(&self, id: ParamId) -> Vec<f32> {
        self.params.value(id).to_vec()
    }

    fn whole(&self, parameters: &Parameters) -> Op {
        Op::Whole(parameters.ids().map(|id| self.values(id)).collect())
    }

    fn weight(
        &self,
        parameters: &Parameters,
        kernel: [usize; 2],
        window: Option<Window>,
    ) -> Weight {
        let id = parameters.weight();
        let shape = self.params.shape(id);
        let bias = parameters.bias.map(|id| self.values(id));
        Weight { w: self.values(id), bias, out: shape[0], inputs: shape[1], kernel, window }
    }
}
