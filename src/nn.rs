//! Models: lists of layers that own spans of [`Params`] and record themselves on a tape.
//!
//! A model is data: a list of [`Named`] layers. [`Model::new`] checks that each layer fits what
//! comes before it, declares the parameters and initialises them; [`Model::record`] writes the
//! operations to a tape, in training or in inference form, and [`Model::record_frozen`] for use only,
//! with weights that are laid out once.

mod build;
mod costs;
mod frozen;
mod init;
mod layer;
mod place;
mod plan;
mod window;
pub mod zoo;

pub use frozen::{FrozenLayer, FrozenModel, Zeros};
pub use init::Init;
pub use layer::{Layer, Named, WithBias};
pub use place::ModelError;
pub use plan::Plan;

use crate::ops::{self, BatchNormAttrs, ConvAttrs, PoolAttrs};
use crate::params::{ParamId, Params};
use crate::random::Random;
use crate::shape::Shape;
use crate::tape::{Tape, Var};

/// How layers behave that differ between training and use: batch norm and dropout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Batch statistics, random masks.
    Training,
    /// Running statistics, no masks.
    Inference,
}

/// A weight of the model, and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Its name without `.weight`.
    pub layer: String,
    /// Where its values are: `[out, in]` or `[OC, C / groups, KH, KW]`.
    pub id: ParamId,
    /// Multiply-accumulates that one weight takes part in, for one sample: the number of output
    /// positions of a convolution, 1 for a linear layer.
    pub uses: u64,
    /// The groups of a convolution, 1 for a linear layer.
    pub conv_groups: usize,
}

/// A network: layers that fit each other, over parameters held in a [`Params`].
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
    input: Shape,
    output: Shape,
    layers: Vec<Built>,
    weights: Vec<Weight>,
    least_batch: usize,
    costs: costs::Costs,
}

/// A layer whose parameters are declared.
#[derive(Clone, Debug)]
enum Built {
    Linear { w: ParamId, b: Option<ParamId> },
    Conv2d { w: ParamId, b: Option<ParamId>, attrs: ConvAttrs },
    BatchNorm { gamma: ParamId, beta: ParamId, attrs: BatchNormAttrs },
    LayerNorm { gamma: ParamId, beta: ParamId, eps: f32 },
    MaxPool(PoolAttrs),
    AvgPool(PoolAttrs),
    GlobalAvgPool,
    Dropout { p: f32 },
    Flatten,
    Select { indices: Box<[usize]> },
    Relu,
    LeakyRelu { slope: f32 },
    Gelu,
    GeluTanh,
    Tanh,
    Sigmoid,
    Residual { body: Vec<Built>, shortcut: Vec<Built> },
}

impl Model {
    /// Declares and initialises the parameters of `layers` for samples of the shape `input`,
    /// without the batch axis: `[C, H, W]` or `[features]`.
    ///
    /// # Errors
    /// If a layer does not fit its input; the error names the layer, what it found and what would
    /// fit. `params` is as it was then.
    pub fn new(
        params: &mut Params,
        input: impl Into<Shape>,
        layers: &[Named],
        random: &mut Random,
    ) -> Result<Model, ModelError> {
        Plan::new(params, input, layers)?.start(params, random)
    }

    /// The shape of one sample.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// The shape of the output for one sample.
    pub fn output(&self) -> Shape {
        self.output
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
        record_all(&self.layers, tape, params, x, phase)
    }

    #[track_caller]
    fn check_input(&self, shape: Shape) {
        assert!(
            shape.rank() > 0 && shape[1..] == self.input[..],
            "model: the input is {shape}, and this model wants [N, ..{}]",
            self.input,
        );
    }
}

/// A ReLU behind a layer that can take it in is recorded with that layer: no pass over memory of
/// its own, and the same bits.
fn record_all(layers: &[Built], tape: &mut Tape, params: &Params, x: Var, phase: Phase) -> Var {
    let (mut x, mut rest) = (x, layers);
    while let [layer, behind @ ..] = rest {
        let relu = matches!(behind, [Built::Relu, ..]) && layer.takes_relu();
        x = layer.record(tape, params, x, (phase, relu));
        rest = &behind[usize::from(relu)..];
    }
    x
}

impl Built {
    fn takes_relu(&self) -> bool {
        matches!(self, Built::BatchNorm { .. } | Built::Residual { .. })
    }

    /// `relu`: with the ReLU behind it, for a layer that takes one.
    fn record(
        &self,
        tape: &mut Tape,
        params: &Params,
        x: Var,
        (phase, relu): (Phase, bool),
    ) -> Var {
        match *self {
            Built::Linear { w, b } => {
                let (w, b) = (tape.param(params, w), b.map(|b| tape.param(params, b)));
                ops::linear(tape, x, w, b)
            }
            Built::Conv2d { w, b, attrs } => {
                let (w, b) = (tape.param(params, w), b.map(|b| tape.param(params, b)));
                ops::conv2d(tape, x, w, b, attrs)
            }
            Built::BatchNorm { gamma, beta, attrs } => {
                let (gamma, beta) = (tape.param(params, gamma), tape.param(params, beta));
                let record = match (phase, relu) {
                    (Phase::Training, false) => ops::batch_norm,
                    (Phase::Training, true) => ops::batch_norm_relu,
                    (Phase::Inference, false) => ops::batch_norm_inference,
                    (Phase::Inference, true) => ops::batch_norm_inference_relu,
                };
                record(tape, x, gamma, beta, attrs)
            }
            Built::LayerNorm { gamma, beta, eps } => {
                let (gamma, beta) = (tape.param(params, gamma), tape.param(params, beta));
                ops::layer_norm(tape, x, gamma, beta, eps)
            }
            Built::MaxPool(attrs) => ops::max_pool2d(tape, x, attrs),
            Built::AvgPool(attrs) => ops::avg_pool2d(tape, x, attrs),
            Built::GlobalAvgPool => ops::global_avg_pool2d(tape, x),
            Built::Dropout { p } => match phase {
                Phase::Training => ops::dropout(tape, x, p),
                Phase::Inference => x,
            },
            Built::Flatten => ops::flatten(tape, x),
            Built::Select { ref indices } => ops::select(tape, x, 1, indices),
            Built::Relu => ops::relu(tape, x),
            Built::LeakyRelu { slope } => ops::leaky_relu(tape, x, slope),
            Built::Gelu => ops::gelu(tape, x),
            Built::GeluTanh => ops::gelu_tanh(tape, x),
            Built::Tanh => ops::tanh(tape, x),
            Built::Sigmoid => ops::sigmoid(tape, x),
            Built::Residual { ref body, ref shortcut } => {
                let y = record_all(body, tape, params, x, phase);
                let s = record_all(shortcut, tape, params, x, phase);
                if relu { ops::add_relu(tape, y, s) } else { ops::add(tape, y, s) }
            }
        }
    }
}
