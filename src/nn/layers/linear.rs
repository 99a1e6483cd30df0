//! y = x W^T + b; x: [N, in], W: [out, in], b: [out].

use crate::nn::context::{LayerContext, ModelError};
use crate::nn::declare::{Built, Declarations, Start};
use crate::nn::graph::Parameters;
use crate::nn::recorder::Recorder;
use crate::nn::{Init, Weight, WithBias};
use crate::ops;
use crate::params::Kind;
use crate::shape::Shape;
use crate::tape::Var;

pub(super) fn build(
    to: &mut Declarations<'_>,
    at: LayerContext<'_>,
    out: usize,
    (bias, init): (WithBias, Init),
) -> Result<Built, ModelError> {
    let [features] = *at.input.dims() else {
        return Err(at.error(format!(
            "linear wants an input of [features] and comes after {}; put a flatten before it",
            at.input
        )));
    };
    let start = Start::Random(init, [features, out]);
    let shape = Shape::from([out, features]);
    let id = to.declare(at, "weight", (Kind::Weight, shape), start)?;
    to.weights.push(Weight { layer: at.name.to_owned(), id, uses: 1, conv_groups: 1 });
    let bias = to.bias(at, bias, (out, features, init))?;
    Ok((Parameters { weight: Some(id), bias, ..Parameters::default() }, [out].into()))
}

pub(super) fn record(recorder: &mut Recorder<'_>, x: Var, parameters: &Parameters) -> Var {
    let w = recorder.param(parameters.weight());
    let b = parameters.bias.map(|b| recorder.param(b));
    ops::linear(recorder.tape, x, w, b)
}
