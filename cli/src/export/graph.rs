//! A network as operations on values: what every format is written from.
//!
//! Values are numbered: 0 is the raw sample, and operation i makes value i + 1. Shapes are those of
//! one sample, without the batch axis. Dropout is not there, and a residual block has become its
//! two ways and a sum.

use super::kernels::Window;
use crate::failure::Failure;
use crate::run::model_file::Trained;
use proxtape::nn::{Layer, Named, WithBias};
use proxtape::{Params, Shape};

/// A network from raw samples to logits.
pub(crate) struct Graph<'a> {
    pub(crate) ops: Vec<Op<'a>>,
    /// By the number of the value.
    pub(crate) shapes: Vec<Shape>,
    /// The number of the value that is the result.
    pub(crate) output: usize,
}

/// One operation.
pub(crate) struct Op<'a> {
    /// Of the layer: unique, where it is not empty.
    pub(crate) name: String,
    pub(crate) kind: Kind<'a>,
    /// The value that it reads; a sum also reads another.
    pub(crate) input: usize,
}

/// What an operation does.
pub(crate) enum Kind<'a> {
    /// (scale raw - mean) / std of each channel.
    Normalize {
        scale: f32,
        mean: Vec<f32>,
        std: &'a [f32],
    },
    Linear {
        w: Tensor<'a>,
        b: Option<Tensor<'a>>,
    },
    Conv {
        w: Tensor<'a>,
        b: Option<Tensor<'a>>,
        window: Window,
    },
    BatchNorm {
        parts: [Tensor<'a>; 4],
        eps: f32,
    },
    LayerNorm {
        parts: [Tensor<'a>; 2],
        eps: f32,
    },
    MaxPool(Window),
    AvgPool(Window),
    GlobalAvgPool,
    Flatten,
    Select {
        indices: Vec<usize>,
    },
    Relu,
    LeakyRelu {
        slope: f32,
    },
    Gelu,
    GeluTanh,
    Tanh,
    Sigmoid,
    /// The sum with another value.
    Add {
        other: usize,
    },
}

/// A parameter.
#[derive(Clone)]
pub(crate) struct Tensor<'a> {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) values: &'a [f32],
}

impl<'a> Graph<'a> {
    /// The network of a model, in inference.
    pub(crate) fn of(trained: &'a Trained) -> Result<Graph<'a>, Failure> {
        let Trained { recipe, model, params, normalization, classes, .. } = trained;
        for id in params.ids() {
            if let Some(x) = params.value(id).iter().find(|x| !x.is_finite()) {
                return Err(Failure::failed(format!(
                    "tensor {:?}: expected finite values to export, found {x}; train again with \
                     a smaller step",
                    params.name(id)
                )));
            }
        }
        let input = model.input();
        let mut graph = Graph { ops: Vec::new(), shapes: vec![input], output: 0 };
        let mut reader = Reader { params, graph: &mut graph };
        let scaling = Kind::Normalize {
            scale: normalization.scale,
            mean: normalization.mean.iter().map(|&mean| mean as f32).collect(),
            std: &normalization.std,
        };
        let start = reader.push(String::new(), scaling, 0, input);
        let output = reader.sequence(&recipe.model.net.layers(*classes), "", start);
        graph.output = output;
        Ok(graph)
    }
}

struct Reader<'g, 'a> {
    params: &'a Params,
    graph: &'g mut Graph<'a>,
}

impl<'a> Reader<'_, 'a> {
    fn push(&mut self, name: String, kind: Kind<'a>, input: usize, shape: Shape) -> usize {
        self.graph.ops.push(Op { name, kind, input });
        self.graph.shapes.push(shape);
        self.graph.shapes.len() - 1
    }

    /// The layers one after the other, from a value to the last one's.
    fn sequence(&mut self, layers: &[Named], prefix: &str, input: usize) -> usize {
        layers.iter().enumerate().fold(input, |value, (i, Named { name, layer })| {
            let own = name.clone().unwrap_or_else(|| i.to_string());
            self.layer(layer, format!("{prefix}{own}"), value)
        })
    }

    fn layer(&mut self, layer: &Layer, name: String, value: usize) -> usize {
        let input = self.graph.shapes[value];
        let tensor = |part: &str| {
            let name = format!("{name}.{part}");
            let id = self.params.find(&name).expect("the model declared it");
            Tensor { name, shape: self.params.shape(id), values: self.params.value(id) }
        };
        let bias = |bias| (bias == WithBias::Yes).then(|| tensor("bias"));
        let (kind, output) = match *layer {
            Layer::Dropout { .. } => return value,
            Layer::Linear { out, bias: with, .. } => {
                (Kind::Linear { w: tensor("weight"), b: bias(with) }, [out].into())
            }
            Layer::Conv2d {
                out, kernel, stride, padding, dilation, groups, bias: with, ..
            } => {
                let geometry = Window { kernel, stride, padding, dilation, groups, ..EMPTY };
                let window = sized(geometry, input, out);
                let output = window.output.into();
                (Kind::Conv { w: tensor("weight"), b: bias(with), window }, output)
            }
            Layer::BatchNorm { eps, .. } => {
                let parts = ["weight", "bias", "running_mean", "running_var"].map(tensor);
                (Kind::BatchNorm { parts, eps }, input)
            }
            Layer::LayerNorm { eps } => {
                (Kind::LayerNorm { parts: ["weight", "bias"].map(tensor), eps }, input)
            }
            Layer::MaxPool { kernel, stride, padding }
            | Layer::AvgPool { kernel, stride, padding } => {
                let window = Window { kernel, stride, padding, groups: input[0], ..EMPTY };
                let window = sized(window, input, input[0]);
                let output = window.output.into();
                match layer {
                    Layer::MaxPool { .. } => (Kind::MaxPool(window), output),
                    _ => (Kind::AvgPool(window), output),
                }
            }
            Layer::GlobalAvgPool => (Kind::GlobalAvgPool, [input[0]].into()),
            Layer::Flatten => (Kind::Flatten, [input.len()].into()),
            Layer::Select { ref indices } => {
                let rest = input[1..].iter().copied();
                let output = std::iter::once(indices.len()).chain(rest).collect();
                (Kind::Select { indices: indices.clone() }, output)
            }
            Layer::Relu => (Kind::Relu, input),
            Layer::LeakyRelu { slope } => (Kind::LeakyRelu { slope }, input),
            Layer::Gelu => (Kind::Gelu, input),
            Layer::GeluTanh => (Kind::GeluTanh, input),
            Layer::Tanh => (Kind::Tanh, input),
            Layer::Sigmoid => (Kind::Sigmoid, input),
            Layer::Residual { ref body, ref shortcut } => {
                let long = self.sequence(body, &format!("{name}."), value);
                let other = self.sequence(shortcut, &format!("{name}.shortcut."), value);
                let output = self.graph.shapes[long];
                return self.push(name, Kind::Add { other }, long, output);
            }
        };
        self.push(name, kind, value, output)
    }
}

const EMPTY: Window = Window {
    input: [0; 3],
    output: [0; 3],
    kernel: [1; 2],
    stride: [1; 2],
    padding: [0; 2],
    dilation: [1; 2],
    groups: 1,
};

/// The window over [C, H, W], with its output [out, OH, OW]:
/// OH = (H + 2 padding - dilation (kernel - 1) - 1) / stride + 1.
fn sized(window: Window, input: Shape, out: usize) -> Window {
    let side = |i: usize| {
        let span = window.dilation[i] * (window.kernel[i] - 1) + 1;
        (input[i + 1] + 2 * window.padding[i] - span) / window.stride[i] + 1
    };
    let (input, output) = ([input[0], input[1], input[2]], [out, side(0), side(1)]);
    Window { input, output, ..window }
}
