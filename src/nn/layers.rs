//! The layers at work: each checks its place, declares its parameters, and records itself.

pub(super) mod conv2d;
mod linear;
mod norm;
mod pool;
mod select;

use super::context::{LayerContext, ModelError};
use super::declare::{Built, Declarations};
use super::graph::Parameters;
use super::recorder::{Operands, Recorder};
use super::{Layer, Phase};
use crate::ops;
use crate::tape::Var;

impl Layer {
    /// Checks the layer at its place and declares its parameters.
    pub(super) fn build(
        &self,
        to: &mut Declarations<'_>,
        at: LayerContext<'_>,
    ) -> Result<Built, ModelError> {
        let none = |shape| Ok((Parameters::default(), shape));
        match *self {
            Layer::Linear { out, bias, init } => linear::build(to, at, out, (bias, init)),
            Layer::Conv2d { .. } => conv2d::build(to, at, self),
            Layer::BatchNorm { momentum, eps } => norm::build_batch(to, at, momentum, eps),
            Layer::LayerNorm { eps } => norm::build_layer(to, at, eps),
            Layer::MaxPool { .. } => none(pool::max_output(at, pool::attrs(self))?),
            Layer::AvgPool { .. } => none(pool::output(at, "average pool", pool::attrs(self))?),
            Layer::GlobalAvgPool => none([at.image("global average pool")?[0]].into()),
            Layer::Dropout { p } if !(0.0..1.0).contains(&p) => {
                Err(at.error(format!("dropout wants p in [0, 1) and found {p}")))
            }
            Layer::Dropout { .. } => none(at.input),
            Layer::Flatten => none([at.input.len()].into()),
            Layer::Select { ref indices } => none(select::output(at, indices)?),
            Layer::Activation(activation) => match activation.number() {
                Some((name, x)) if !x.is_finite() => {
                    Err(at.error(format!("{name} is a finite number, not {x}")))
                }
                _ => none(at.input),
            },
            Layer::Residual { .. } => unreachable!("a block is a matter of its sequence"),
        }
    }

    /// Whether the layer can be recorded with a ReLU behind it: without a pass over memory for that, and
    /// with the same bits.
    pub(super) fn takes_relu(&self) -> bool {
        matches!(self, Layer::BatchNorm { .. } | Layer::Residual { .. })
    }

    /// Records the layer.
    pub(super) fn record(&self, recorder: &mut Recorder<'_>, operands: &Operands<'_>) -> Var {
        let Operands { inputs, parameters, with_relu } = *operands;
        let x = inputs[0];
        match *self {
            Layer::Linear { .. } => linear::record(recorder, x, parameters),
            Layer::Conv2d { .. } => conv2d::record(recorder, x, parameters, conv2d::attrs(self)),
            Layer::BatchNorm { momentum, eps } => {
                norm::record_batch(recorder, operands, momentum, eps)
            }
            Layer::LayerNorm { eps } => norm::record_layer(recorder, x, parameters, eps),
            Layer::MaxPool { .. } => ops::max_pool2d(recorder.tape, x, pool::attrs(self)),
            Layer::AvgPool { .. } => ops::avg_pool2d(recorder.tape, x, pool::attrs(self)),
            Layer::GlobalAvgPool => ops::global_avg_pool2d(recorder.tape, x),
            Layer::Dropout { p } => match recorder.phase {
                Phase::Training => ops::dropout(recorder.tape, x, p),
                Phase::Inference => x,
            },
            Layer::Flatten => ops::flatten(recorder.tape, x),
            Layer::Select { ref indices } => ops::select(recorder.tape, x, 1, indices),
            Layer::Activation(activation) => activation.record(recorder.tape, x),
            Layer::Residual { .. } => match with_relu {
                false => ops::add(recorder.tape, x, inputs[1]),
                true => ops::add_relu(recorder.tape, x, inputs[1]),
            },
        }
    }
}
