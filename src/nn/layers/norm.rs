//! Batch normalisation, of the C channels of [N, C, ...], and layer normalisation, of the last axis:
//! y = weight (x - mean) / sqrt(variance + eps) + bias.

use crate::nn::Phase;
use crate::nn::context::{LayerContext, ModelError};
use crate::nn::declare::{Built, Declarations, Start};
use crate::nn::graph::Parameters;
use crate::nn::recorder::{Operands, Recorder};
use crate::ops::{self, BatchNormAttrs};
use crate::params::Kind;
use crate::shape::Shape;
use crate::tape::Var;

pub(super) fn build_batch(
    to: &mut Declarations<'_>,
    at: LayerContext<'_>,
    momentum: f32,
    eps: f32,
) -> Result<Built, ModelError> {
    at.check_eps(eps)?;
    if !(0.0..=1.0).contains(&momentum) {
        return Err(at.error(format!("momentum is a share in [0, 1], not {momentum}")));
    }
    let channels = *at.input.first().ok_or_else(|| at.error("the input has no channels"))?;
    if at.input.len() == channels {
        // One element of a channel in each sample, and a variance needs two.
        to.least_batch = 2;
    }
    let c = Shape::from([channels]);
    let mut declare = |part, kind, start| to.declare(at, part, (kind, c), start).map(Some);
    let parameters = Parameters {
        weight: declare("weight", Kind::Norm, Start::Ones)?,
        bias: declare("bias", Kind::Norm, Start::Zeros)?,
        running_mean: declare("running_mean", Kind::Running, Start::Zeros)?,
        running_var: declare("running_var", Kind::Running, Start::Ones)?,
    };
    Ok((parameters, at.input))
}

pub(super) fn build_layer(
    to: &mut Declarations<'_>,
    at: LayerContext<'_>,
    eps: f32,
) -> Result<Built, ModelError> {
    at.check_eps(eps)?;
    let width = *at.input.last().ok_or_else(|| at.error("the input has no axis"))?;
    let width = Shape::from([width]);
    let mut declare = |part, start| to.declare(at, part, (Kind::Norm, width), start).map(Some);
    let weight = declare("weight", Start::Ones)?;
    let bias = declare("bias", Start::Zeros)?;
    Ok((Parameters { weight, bias, ..Parameters::default() }, at.input))
}

pub(super) fn record_batch(
    recorder: &mut Recorder<'_>,
    operands: &Operands<'_>,
    momentum: f32,
    eps: f32,
) -> Var {
    let Operands { inputs, parameters, with_relu } = *operands;
    let Parameters { weight, bias, running_mean, running_var } = *parameters;
    let (Some(weight), Some(bias), Some(running_mean), Some(running_var)) =
        (weight, bias, running_mean, running_var)
    else {
        unreachable!("a batch norm has four")
    };
    let (gamma, beta) = (recorder.param(weight), recorder.param(bias));
    let attrs = BatchNormAttrs { running_mean, running_var, momentum, eps };
    let record = match (recorder.phase, with_relu) {
        (Phase::Training, false) => ops::batch_norm,
        (Phase::Training, true) => ops::batch_norm_relu,
        (Phase::Inference, false) => ops::batch_norm_inference,
        (Phase::Inference, true) => ops::batch_norm_inference_relu,
    };
    record(recorder.tape, inputs[0], gamma, beta, attrs)
}

pub(super) fn record_layer(
    recorder: &mut Recorder<'_>,
    x: Var,
    parameters: &Parameters,
    eps: f32,
) -> Var {
    let (Some(weight), Some(bias)) = (parameters.weight, parameters.bias) else {
        unreachable!("a layer norm has both")
    };
    let (gamma, beta) = (recorder.param(weight), recorder.param(bias));
    ops::layer_norm(recorder.tape, x, gamma, beta, eps)
}
