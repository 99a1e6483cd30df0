//! From a list of layers to a model: shapes are inferred, checked, and parameters declared.

use super::layer::WithBias;
use super::{Built, Init, Layer, Model, Named, Weight};
use crate::ops::{BatchNormAttrs, ConvAttrs, PoolAttrs};
use crate::params::{Kind, ParamId, Params};
use crate::random::Random;
use crate::shape::Shape;
use core::fmt;

/// The most elements that one parameter or one sample may have: 4 GiB of f32. A recipe is a user's data, so a
/// slip of a digit must be an error and not an attempt to allocate.
const MAX_ELEMENTS: usize = 1 << 30;

/// A layer does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError {
    layer: String,
    message: String,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layer \"{}\": {}", self.layer, self.message)
    }
}

impl std::error::Error for ModelError {}

pub(super) fn model(
    params: &mut Params,
    input: Shape,
    layers: &[Named],
    random: &mut Random,
) -> Result<Model, ModelError> {
    let mut builder = Builder { params, random, weights: Vec::new(), least_batch: 1 };
    Place { name: "input", input }.fitting(input)?;
    let (built, output) = builder.sequence(layers, "", input)?;
    let Builder { weights, least_batch, .. } = builder;
    Ok(Model { input, output, layers: built, weights, least_batch })
}

struct Builder<'a> {
    params: &'a mut Params,
    random: &'a mut Random,
    weights: Vec<Weight>,
    least_batch: usize,
}

/// What every layer needs to be built: its full name and its input without the batch axis.
#[derive(Clone, Copy)]
struct Place<'a> {
    name: &'a str,
    input: Shape,
}

impl Place<'_> {
    fn error(&self, message: impl Into<String>) -> ModelError {
        ModelError { layer: self.name.to_owned(), message: message.into() }
    }

    /// The output, if a sample of it has a number of elements that a batch can hold.
    fn fitting(&self, output: Shape) -> Result<Shape, ModelError> {
        match elements(output) {
            Some(1..=MAX_ELEMENTS) => Ok(output),
            _ => Err(self.error(format!(
                "a sample would be {output}; 1 to {MAX_ELEMENTS} elements are supported"
            ))),
        }
    }

    /// eps keeps a normalisation from dividing by zero.
    fn check_eps(&self, eps: f32) -> Result<(), ModelError> {
        let message = || self.error(format!("eps is a positive number, not {eps}"));
        (eps.is_finite() && eps > 0.0).then_some(()).ok_or_else(message)
    }

    /// The input as [C, H, W].
    fn image(&self, what: &str) -> Result<[usize; 3], ModelError> {
        match *self.input.dims() {
            [c, h, w] => Ok([c, h, w]),
            _ => Err(self.error(format!(
                "{what} wants an input of [C, H, W] and comes after {}; move it before flatten",
                self.input
            ))),
        }
    }
}

impl Builder<'_> {
    fn sequence(
        &mut self,
        layers: &[Named],
        prefix: &str,
        input: Shape,
    ) -> Result<(Vec<Built>, Shape), ModelError> {
        let mut shape = input;
        let mut built = Vec::with_capacity(layers.len());
        for (i, named) in layers.iter().enumerate() {
            let own = named.name.clone().unwrap_or_else(|| i.to_string());
            let name = format!("{prefix}{own}");
            let at = Place { name: &name, input: shape };
            let (layer, output) = self.layer(&named.layer, at)?;
            built.push(layer);
            shape = at.fitting(output)?;
        }
        Ok((built, shape))
    }

    fn layer(&mut self, layer: &Layer, at: Place<'_>) -> Result<(Built, Shape), ModelError> {
        let same = |built| Ok((built, at.input));
        match *layer {
            Layer::Linear { out, bias, init } => self.linear(at, out, bias, init),
            Layer::Conv2d { out, kernel, bias, init, .. } => {
                self.conv2d(at, (out, kernel), conv_attrs(layer), (bias, init))
            }
            Layer::BatchNorm { momentum, eps } => self.batch_norm(at, momentum, eps),
            Layer::LayerNorm { eps } => {
                at.check_eps(eps)?;
                let width = *at.input.last().ok_or_else(|| at.error("the input has no axis"))?;
                let gamma = self.declare(at, "weight", Kind::Norm, [width].into())?;
                let beta = self.declare(at, "bias", Kind::Norm, [width].into())?;
                self.params.value_mut(gamma).fill(1.0);
                same(Built::LayerNorm { gamma, beta, eps })
            }
            Layer::MaxPool { kernel, stride, padding } => {
                let attrs = PoolAttrs { kernel, stride, padding };
                Ok((Built::MaxPool(attrs), pooled(at, "max pool", attrs)?))
            }
            Layer::AvgPool { kernel, stride, padding } => {
                let attrs = PoolAttrs { kernel, stride, padding };
                Ok((Built::AvgPool(attrs), pooled(at, "average pool", attrs)?))
            }
            Layer::GlobalAvgPool => {
                let [c, ..] = at.image("global average pool")?;
                Ok((Built::GlobalAvgPool, [c].into()))
            }
            Layer::Dropout { p } if !(0.0..1.0).contains(&p) => {
                Err(at.error(format!("dropout wants p in [0, 1) and found {p}")))
            }
            Layer::Dropout { p } => same(Built::Dropout { p }),
            Layer::Flatten => Ok((Built::Flatten, [at.input.len()].into())),
            Layer::Select { ref indices } => selected(at, indices),
            Layer::Relu => same(Built::Relu),
            Layer::LeakyRelu { slope } if !slope.is_finite() => {
                Err(at.error(format!("slope is a finite number, not {slope}")))
            }
            Layer::LeakyRelu { slope } => same(Built::LeakyRelu { slope }),
            Layer::Gelu => same(Built::Gelu),
            Layer::GeluTanh => same(Built::GeluTanh),
            Layer::Tanh => same(Built::Tanh),
            Layer::Sigmoid => same(Built::Sigmoid),
            Layer::Residual { ref body, ref shortcut } => {
                let prefix = format!("{}.", at.name);
                let (body, long) = self.sequence(body, &prefix, at.input)?;
                let prefix = format!("{prefix}shortcut.");
                let (shortcut, short) = self.sequence(shortcut, &prefix, at.input)?;
                if long != short {
                    return Err(at.error(format!(
                        "the body gives {long} and the shortcut {short}; both must be equal"
                    )));
                }
                Ok((Built::Residual { body, shortcut }, long))
            }
        }
    }

    fn linear(
        &mut self,
        at: Place<'_>,
        out: usize,
        bias: WithBias,
        init: Init,
    ) -> Result<(Built, Shape), ModelError> {
        let [features] = *at.input.dims() else {
            return Err(at.error(format!(
                "linear wants an input of [features] and comes after {}; put a flatten before it",
                at.input
            )));
        };
        let w = self.declare(at, "weight", Kind::Weight, [out, features].into())?;
        init.fill(self.params.value_mut(w), [features, out], self.random);
        self.weights.push(Weight { layer: at.name.to_owned(), id: w, uses: 1, conv_groups: 1 });
        let b = self.bias(at, bias, (out, features, init))?;
        Ok((Built::Linear { w, b }, [out].into()))
    }

    fn conv2d(
        &mut self,
        at: Place<'_>,
        (out, kernel): (usize, [usize; 2]),
        attrs: ConvAttrs,
        (bias, init): (WithBias, Init),
    ) -> Result<(Built, Shape), ModelError> {
        let [c, h, w] = at.image("conv2d")?;
        let groups = attrs.groups;
        if groups == 0 || c % groups != 0 || out % groups != 0 {
            return Err(at.error(format!(
                "{groups} groups do not divide {c} input and {out} output channels"
            )));
        }
        let window = Window { kernel, stride: attrs.stride, padding: attrs.padding };
        let [oh, ow] = window.output(at, [h, w], attrs.dilation)?;
        let output = at.fitting([out, oh, ow].into())?;
        let shape = Shape::from([out, c / groups, kernel[0], kernel[1]]);
        let id = self.declare(at, "weight", Kind::Weight, shape)?;
        let area = kernel[0] * kernel[1];
        let fan_in = c / groups * area;
        init.fill(self.params.value_mut(id), [fan_in, out / groups * area], self.random);
        let uses = (oh * ow) as u64;
        self.weights.push(Weight { layer: at.name.to_owned(), id, uses, conv_groups: groups });
        let b = self.bias(at, bias, (out, fan_in, init))?;
        Ok((Built::Conv2d { w: id, b, attrs }, output))
    }

    /// Biases start at zero, save where PyTorch's own start is asked for.
    fn bias(
        &mut self,
        at: Place<'_>,
        bias: WithBias,
        (out, fan_in, init): (usize, usize, Init),
    ) -> Result<Option<ParamId>, ModelError> {
        if bias == WithBias::No {
            return Ok(None);
        }
        let b = self.declare(at, "bias", Kind::Bias, [out].into())?;
        if init == Init::PyTorch {
            init.fill(self.params.value_mut(b), [fan_in, out], self.random);
        }
        Ok(Some(b))
    }

    fn batch_norm(
        &mut self,
        at: Place<'_>,
        momentum: f32,
        eps: f32,
    ) -> Result<(Built, Shape), ModelError> {
        at.check_eps(eps)?;
        if !(0.0..=1.0).contains(&momentum) {
            return Err(at.error(format!("momentum is a share in [0, 1], not {momentum}")));
        }
        let channels = *at.input.first().ok_or_else(|| at.error("the input has no channels"))?;
        if at.input.len() == channels {
            // One element of a channel in each sample, and a variance needs two.
            self.least_batch = 2;
        }
        let c = Shape::from([channels]);
        let gamma = self.declare(at, "weight", Kind::Norm, c)?;
        let beta = self.declare(at, "bias", Kind::Norm, c)?;
        let running_mean = self.declare(at, "running_mean", Kind::Running, c)?;
        let running_var = self.declare(at, "running_var", Kind::Running, c)?;
        self.params.value_mut(gamma).fill(1.0);
        self.params.value_mut(running_var).fill(1.0);
        let attrs = BatchNormAttrs { running_mean, running_var, momentum, eps };
        Ok((Built::BatchNorm { gamma, beta, attrs }, at.input))
    }

    fn declare(
        &mut self,
        at: Place<'_>,
        part: &str,
        kind: Kind,
        shape: Shape,
    ) -> Result<ParamId, ModelError> {
        let name = format!("{}.{part}", at.name);
        if self.params.find(&name).is_some() {
            return Err(at.error("there is another layer of this name; names must differ"));
        }
        match elements(shape) {
            Some(0) => Err(at.error(format!("{part} would be {shape}, without any element"))),
            Some(n) if n <= MAX_ELEMENTS => Ok(self.params.add(name, kind, shape)),
            _ => Err(at.error(format!(
                "{part} would be {shape}; at most {MAX_ELEMENTS} elements are supported"
            ))),
        }
    }
}

/// The number of elements, or `None` if it is too large to be told.
fn elements(shape: Shape) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}

fn conv_attrs(layer: &Layer) -> ConvAttrs {
    match *layer {
        Layer::Conv2d { stride, padding, dilation, groups, .. } => {
            ConvAttrs { stride, padding, dilation, groups }
        }
        _ => ConvAttrs::default(),
    }
}

/// A window that slides over an image.
struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

impl Window {
    /// [OH, OW] = (size + 2 padding - dilation (kernel - 1) - 1) / stride + 1.
    fn output(
        &self,
        at: Place<'_>,
        size: [usize; 2],
        dilation: [usize; 2],
    ) -> Result<[usize; 2], ModelError> {
        let mut out = [0; 2];
        for i in 0..2 {
            let (k, s, p) = (self.kernel[i], self.stride[i], self.padding[i]);
            if k == 0 || s == 0 || dilation[i] == 0 {
                return Err(at.error("kernel, stride and dilation must be at least 1"));
            }
            let span = (k - 1).checked_mul(dilation[i]).and_then(|d| d.checked_add(1));
            let padded = p.checked_mul(2).and_then(|p| p.checked_add(size[i]));
            out[i] = match (span, padded) {
                (Some(span), Some(padded)) if span <= padded => (padded - span) / s + 1,
                _ => {
                    return Err(at.error(format!(
                        "a window of {k} (dilation {}) does not fit into {} with padding {p}",
                        dilation[i], size[i],
                    )));
                }
            };
        }
        Ok(out)
    }
}

/// The output has as many channels or features as there are indices.
fn selected(at: Place<'_>, indices: &[usize]) -> Result<(Built, Shape), ModelError> {
    let &[units, ref rest @ ..] = at.input.dims() else {
        return Err(at.error("the input has no axis"));
    };
    match indices {
        [.., last] if *last < units && indices.is_sorted_by(|a, b| a < b) => {
            let output = std::iter::once(indices.len()).chain(rest.iter().copied()).collect();
            Ok((Built::Select { indices: indices.into() }, output))
        }
        _ => Err(at.error(format!(
            "select wants one or more indices, increasing and below {units}, of an input {}",
            at.input
        ))),
    }
}

fn pooled(at: Place<'_>, what: &str, attrs: PoolAttrs) -> Result<Shape, ModelError> {
    let [c, h, w] = at.image(what)?;
    let PoolAttrs { kernel, stride, padding } = attrs;
    if (0..2).any(|i| padding[i] > kernel[i] / 2) {
        return Err(at.error("the padding of a pool is at most half of its kernel"));
    }
    let [oh, ow] = Window { kernel, stride, padding }.output(at, [h, w], [1; 2])?;
    Ok([c, oh, ow].into())
}
