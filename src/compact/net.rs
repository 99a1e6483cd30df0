//! A network to change: the tree of its layers, each with its own values and with the names of the
//! axes of units that it reads and writes.

use super::weight::{Weight, Window};
use crate::nn::{Layer, Named, WithBias};
use crate::params::Params;
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

/// What a layer does with units.
pub(super) enum Op {
    Weight(Weight),
    BatchNorm(BatchNorm),
    /// Each unit for itself, and no values: activations, dropout, pools.
    Each,
    /// Layer norm and convolutions of several groups: values that stay as they are, by their parts.
    Whole(Vec<(&'static str, Vec<f32>)>),
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
    /// The layers of a model that was built before, with the parameters that it declared.
    pub(super) fn read(layers: &[Named], params: &Params, input: Shape) -> Net {
        let mut reader = Reader { params, axes: Axes::default() };
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
        let (rest, _, output) = reader.sequence(layers, "", (input, start));
        nodes.extend(rest);
        reader.axes.lock(output);
        Net { nodes, axes: reader.axes, output, read: Vec::new() }
    }
}

fn units(shape: Shape) -> usize {
    shape.first().copied().unwrap_or(1)
}

struct Reader<'a> {
    params: &'a Params,
    axes: Axes,
}

impl Reader<'_> {
    fn sequence(
        &mut self,
        layers: &[Named],
        prefix: &str,
        (mut shape, mut axis): (Shape, Axis),
    ) -> (Vec<Node>, Shape, Axis) {
        let mut nodes = Vec::with_capacity(layers.len());
        for (i, Named { name, layer }) in layers.iter().enumerate() {
            let name = name.clone().unwrap_or_else(|| i.to_string());
            let full = format!("{prefix}{name}");
            let (op, output, after) = self.layer(layer, &full, (shape, axis));
            let plan = matches!(op, Op::Flatten { area } if area > 1);
            let planned = plan.then(|| self.planned(format!("{name}.select"), after));
            nodes.push(Node { name, layer: layer.clone(), axes: [axis, after], op });
            (shape, axis) = (output, planned.as_ref().map_or(after, |node| node.axes[1]));
            nodes.extend(planned);
        }
        (nodes, shape, axis)
    }

    /// All units, for the time being.
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

    fn layer(
        &mut self,
        layer: &Layer,
        full: &str,
        (input, axis): (Shape, Axis),
    ) -> (Op, Shape, Axis) {
        let values = |part: &str| {
            let id = self.params.find(&format!("{full}.{part}"));
            self.params.value(id.expect("it was declared")).to_vec()
        };
        let bias_of = |bias| (bias == WithBias::Yes).then(|| values("bias"));
        let pooled = |kernel: [usize; 2], stride, padding| {
            let window = Window { size: sides(input), stride, padding, dilation: [1; 2] };
            Shape::from([input[0], window.outputs(0, kernel[0]), window.outputs(1, kernel[1])])
        };
        match *layer {
            Layer::Linear { out, bias, .. } => {
                let weight = Weight {
                    w: values("weight"),
                    bias: bias_of(bias),
                    out,
                    inputs: input[0],
                    kernel: [1; 2],
                    window: None,
                };
                (Op::Weight(weight), [out].into(), self.axes.add(out))
            }
            Layer::Conv2d { out, kernel, stride, padding, dilation, groups, bias, .. } => {
                let window = Window { size: sides(input), stride, padding, dilation };
                let [oh, ow] = [0, 1].map(|axis| window.outputs(axis, kernel[axis]));
                let (w, bias) = (values("weight"), bias_of(bias));
                let after = self.axes.add(out);
                let op = if groups == 1 {
                    let (inputs, window) = (input[0], Some(window));
                    Op::Weight(Weight { w, bias, out, inputs, kernel, window })
                } else {
                    self.axes.lock(axis);
                    self.axes.lock(after);
                    let bias = bias.map(|bias| ("bias", bias));
                    Op::Whole([("weight", w)].into_iter().chain(bias).collect())
                };
                (op, [out, oh, ow].into(), after)
            }
            Layer::BatchNorm { eps, .. } => {
                let [gamma, beta] = ["weight", "bias"].map(values);
                let [mean, var] = ["running_mean", "running_var"].map(values);
                (Op::BatchNorm(BatchNorm { gamma, beta, mean, var, eps }), input, axis)
            }
            Layer::LayerNorm { .. } => {
                if input.rank() == 1 {
                    self.axes.lock(axis);
                }
                (Op::Whole(["weight", "bias"].map(|part| (part, values(part))).into()), input, axis)
            }
            Layer::MaxPool { kernel, stride, padding }
            | Layer::AvgPool { kernel, stride, padding } => {
                (Op::Each, pooled(kernel, stride, padding), axis)
            }
            Layer::GlobalAvgPool => (Op::Each, [input[0]].into(), axis),
            Layer::Flatten => {
                let area = input.len() / units(input);
                let after = if area == 1 { axis } else { self.axes.add(input.len()) };
                (Op::Flatten { area }, [input.len()].into(), after)
            }
            Layer::Select { ref indices } => {
                let rest = input[1..].iter().copied();
                let output = std::iter::once(indices.len()).chain(rest).collect();
                let op = Op::Select { indices: indices.clone(), planned: false };
                (op, output, self.axes.add(indices.len()))
            }
            Layer::Residual { ref body, ref shortcut } => {
                let prefix = format!("{full}.");
                let (body, output, long) = self.sequence(body, &prefix, (input, axis));
                let prefix = format!("{full}.shortcut.");
                let (shortcut, _, short) = self.sequence(shortcut, &prefix, (input, axis));
                self.axes.join(long, short);
                (Op::Residual { body, shortcut }, output, long)
            }
            Layer::Dropout { .. }
            | Layer::Relu
            | Layer::LeakyRelu { .. }
            | Layer::Gelu
            | Layer::GeluTanh
            | Layer::Tanh
            | Layer::Sigmoid => (Op::Each, input, axis),
        }
    }
}

/// [H, W] of [C, H, W].
fn sides(input: Shape) -> [usize; 2] {
    [input[1], input[2]]
}
