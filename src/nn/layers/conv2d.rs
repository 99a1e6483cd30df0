//! Two-dimensional convolution; x: [N, C, H, W], weight: [OC, C / groups, KH, KW], bias: [OC].

use crate::nn::context::{LayerContext, ModelError};
use crate::nn::costs::check_conv;
use crate::nn::declare::{Built, Declarations, Start};
use crate::nn::graph::Parameters;
use crate::nn::recorder::Recorder;
use crate::nn::window::Window;
use crate::nn::{Layer, Weight};
use crate::ops::{self, ConvAttrs};
use crate::params::Kind;
use crate::shape::Shape;
use crate::tape::Var;
use proxtape_kernels::conv::Conv2d;

/// The attributes of the operation.
pub(in crate::nn) fn attrs(layer: &Layer) -> ConvAttrs {
    match *layer {
        Layer::Conv2d { stride, padding, dilation, groups, .. } => {
            ConvAttrs { stride, padding, dilation, groups }
        }
        _ => unreachable!("a convolution"),
    }
}

pub(super) fn build(
    to: &mut Declarations<'_>,
    at: LayerContext<'_>,
    layer: &Layer,
) -> Result<Built, ModelError> {
    let Layer::Conv2d { out, kernel, stride, padding, dilation, groups, bias, init } = *layer
    else {
        unreachable!("a convolution")
    };
    let [c, h, w] = at.image("conv2d")?;
    if groups == 0 || c % groups != 0 || out % groups != 0 {
        return Err(
            at.error(format!("{groups} groups do not divide {c} input and {out} output channels"))
        );
    }
    let [oh, ow] = Window { kernel, stride, padding, dilation }.output(at, [h, w])?;
    let output = at.fitting([out, oh, ow].into())?;
    let [kh, kw] = kernel;
    // It is a part of the weight's size, which is checked next.
    let [fan_in, fan_out] = [c, out].map(|channels| (channels / groups).saturating_mul(kh * kw));
    let start = Start::Random(init, [fan_in, fan_out]);
    let shape = Shape::from([out, c / groups, kh, kw]);
    let id = to.declare(at, "weight", (Kind::Weight, shape), start)?;
    let conv = Conv2d { n: 1, c, h, w, oc: out, kh, kw, stride, padding, dilation, groups };
    check_conv(at.name, conv)?;
    to.convs.push((to.weights.len(), conv));
    let uses = (oh * ow) as u64;
    to.weights.push(Weight { layer: at.name.to_owned(), id, uses, conv_groups: groups });
    let bias = to.bias(at, bias, (out, fan_in, init))?;
    Ok((Parameters { weight: Some(id), bias, ..Parameters::default() }, output))
}

pub(super) fn record(
    recorder: &mut Recorder<'_>,
    x: Var,
    parameters: &Parameters,
    attrs: ConvAttrs,
) -> Var {
    let w = recorder.param(parameters.weight());
    let b = parameters.bias.map(|b| recorder.param(b));
    ops::conv2d(recorder.tape, x, w, b, attrs)
}
