//! The calls of a plan: which layer each comes from, what it runs, and its text.

use super::span::Span;
use super::tables::Tables;
use super::weight::Weight;
use crate::activation;
use crate::kernels::{
    Window, add::add, affine::affine, avg_pool::avg_pool, conv::conv, conv_sparse::conv_sparse,
    global_avg_pool::global_avg_pool, layer_norm::layer_norm, linear::linear,
    linear_sparse::linear_sparse, max_pool::max_pool, normalize::normalize, select::select,
};
use crate::window::window;
use proxtape::nn::{Activation, Layer, Network, Node};

/// A call of a function of [`kernels`](crate::kernels).
#[derive(Clone, Debug)]
pub(crate) enum Call<'a> {
    Normalize {
        scale: f32,
        mean: Vec<f32>,
        std: &'a [f32],
    },
    Linear {
        w: Weight,
        b: Vec<f32>,
    },
    Conv {
        w: Weight,
        b: Vec<f32>,
        window: Window,
    },
    Affine {
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
    LayerNorm {
        gamma: &'a [f32],
        beta: &'a [f32],
        eps: f32,
    },
    MaxPool(Window),
    AvgPool(Window),
    GlobalAvgPool,
    Select {
        units: usize,
        indices: Vec<u32>,
    },
    Activation(Activation),
    Add {
        other: Span,
    },
    /// The same values at another place, since the first one is read again.
    Copy,
}

impl<'a> Call<'a> {
    /// The call of a layer that reads one value; `None` for those that the draft itself sees to.
    pub(super) fn of(network: &'a Network, node: &'a Node, value: usize) -> Option<Call<'a>> {
        let (graph, params) = (network.graph(), network.params());
        let parameters = node.parameters();
        let (input, output) = (graph.shape(node.inputs()[0]), graph.shape(value));
        let weight = || {
            let id = parameters.weight();
            Weight::of(params.value(id).to_vec(), params.shape(id)[0])
        };
        let bias = || parameters.bias.map_or(Vec::new(), |id| params.value(id).to_vec());
        let values = |id: Option<_>| id.map_or(&[][..], |id| params.value(id));
        Some(match *node.layer() {
            Layer::Linear { .. } => Call::Linear { w: weight(), b: bias() },
            Layer::Conv2d { .. } => {
                Call::Conv { w: weight(), b: bias(), window: window(node.layer(), input, output) }
            }
            Layer::LayerNorm { eps } => {
                let (gamma, beta) = (values(parameters.weight), values(parameters.bias));
                Call::LayerNorm { gamma, beta, eps }
            }
            Layer::MaxPool { .. } => Call::MaxPool(window(node.layer(), input, output)),
            Layer::AvgPool { .. } => Call::AvgPool(window(node.layer(), input, output)),
            Layer::GlobalAvgPool => Call::GlobalAvgPool,
            Layer::Select { ref indices } => {
                let indices = indices.iter().map(|&i| i as u32).collect();
                Call::Select { units: input[0], indices }
            }
            Layer::Activation(activation) => Call::Activation(activation),
            Layer::BatchNorm { .. }
            | Layer::Dropout { .. }
            | Layer::Flatten
            | Layer::Residual { .. } => return None,
        })
    }

    /// Whether it writes over what it reads.
    pub(super) fn is_in_place(&self) -> bool {
        match self {
            Call::Affine { .. }
            | Call::LayerNorm { .. }
            | Call::Activation(_)
            | Call::Add { .. }
            | Call::Copy => true,
            Call::Normalize { .. }
            | Call::Linear { .. }
            | Call::Conv { .. }
            | Call::MaxPool(_)
            | Call::AvgPool(_)
            | Call::GlobalAvgPool
            | Call::Select { .. } => false,
        }
    }

    /// Runs it from `x` to `y`, where a call in place finds what it reads; a sum reads `other`, too.
    pub(super) fn run(&self, x: &[f32], other: &[f32], y: &mut [f32]) {
        match self {
            Call::Normalize { scale, mean, std } => normalize(x, *scale, mean, std, y),
            Call::Linear { w: Weight::Dense(w), b } => linear(x, w, b, y),
            Call::Linear { w: Weight::Sparse { starts, positions, values }, b } => {
                linear_sparse(x, (starts, positions, values), b, y);
            }
            Call::Conv { w: Weight::Dense(w), b, window } => conv(x, w, b, window, y),
            Call::Conv { w: Weight::Sparse { starts, positions, values }, b, window } => {
                conv_sparse(x, (starts, positions, values), b, window, y);
            }
            Call::Affine { scale, shift } => affine(y, scale, shift),
            Call::LayerNorm { gamma, beta, eps } => layer_norm(y, gamma, beta, *eps),
            Call::MaxPool(window) => max_pool(x, window, y),
            Call::AvgPool(window) => avg_pool(x, window, y),
            Call::GlobalAvgPool => global_avg_pool(x, y),
            Call::Select { units, indices } => select(x, *units, indices, y),
            Call::Activation(activation) => activation::apply(*activation, y),
            Call::Add { .. } => add(y, other),
            Call::Copy => y.copy_from_slice(x),
        }
    }

    /// The name of its function and the text of its arguments; `x`, `other` and `y` are those of its
    /// places, and the values of a layer called `name` become tables. A copy calls no function of ours.
    pub(super) fn text(
        &self,
        tables: &mut Tables,
        name: &str,
        [x, other, y]: [&str; 3],
    ) -> Option<(&'static str, Vec<String>)> {
        let [x, other, y] = [x, other, y].map(str::to_owned);
        Some(match self {
            Call::Normalize { scale, mean, std } => {
                let (mean, std) =
                    (tables.floats(name, "mean", mean), tables.floats(name, "std", std));
                ("normalize", vec![x, format!("{scale:?}"), mean, std, y])
            }
            Call::Linear { w, b } => {
                let kernel = if w.is_sparse() { "linear_sparse" } else { "linear" };
                let (w, b) = (tables.weight(name, w), tables.floats(name, "bias", b));
                (kernel, vec![x, w, b, y])
            }
            Call::Conv { w, b, window } => {
                let kernel = if w.is_sparse() { "conv_sparse" } else { "conv" };
                let (w, b) = (tables.weight(name, w), tables.floats(name, "bias", b));
                (kernel, vec![x, w, b, tables.window(name, window), y])
            }
            Call::Affine { scale, shift } => {
                let scale = tables.floats(name, "scale", scale);
                ("affine", vec![y, scale, tables.floats(name, "shift", shift)])
            }
            Call::LayerNorm { gamma, beta, eps } => {
                let gamma = tables.floats(name, "weight", gamma);
                let beta = tables.floats(name, "bias", beta);
                ("layer_norm", vec![y, gamma, beta, format!("{eps:?}")])
            }
            Call::MaxPool(window) => ("max_pool", vec![x, tables.window(name, window), y]),
            Call::AvgPool(window) => ("avg_pool", vec![x, tables.window(name, window), y]),
            Call::GlobalAvgPool => ("global_avg_pool", vec![x, y]),
            Call::Select { units, indices } => {
                let indices = tables.integers(name, "indices", indices);
                ("select", vec![x, units.to_string(), indices, y])
            }
            Call::Activation(activation) => {
                let number = activation.number().map(|(_, number)| format!("{number:?}"));
                (activation::name(*activation), [y].into_iter().chain(number).collect())
            }
            Call::Add { .. } => ("add", vec![y, other]),
            Call::Copy => return None,
        })
    }
}
