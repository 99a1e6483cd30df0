//! From a list of layers to the plan of a model: shapes are inferred and checked against limits.

use super::costs::{Costs, check_conv};
use super::layer::WithBias;
use super::place::{MAX_ELEMENTS, ModelError, Place, elements};
use super::plan::{Parameter, Plan, Start};
use super::window::Window;
use super::{Built, Init, Layer, Named, Weight};
use crate::ops::{BatchNormAttrs, ConvAttrs, PoolAttrs};
use crate::params::{Kind, ParamId, Params};
use crate::shape::Shape;
use proxtape_kernels::conv::Conv2d;
use proxtape_kernels::pool::Pool2d;
use std::collections::HashSet;

/// The most elements of all parameters together: 16 GiB.
const MAX_PARAMETERS: usize = 1 << 32;

/// The most layers, those in residual blocks counted: four times the deepest networks that are told of.
const MAX_LAYERS: usize = 4096;

/// How deep residual blocks may lie in each other, since a model is walked by recursion.
const MAX_DEPTH: usize = 32;

pub(super) fn plan(params: &Params, input: Shape, layers: &[Named]) -> Result<Plan, ModelError> {
    let mut builder = Builder {
        before: params,
        parameters: Vec::new(),
        names: HashSet::new(),
        elements: 0,
        weights: Vec::new(),
        convs: Vec::new(),
        least_batch: 1,
        activations: 0,
        layers: 0,
        depth: 0,
    };
    Place { name: "input", input }.fitting(input)?;
    let (built, output) = builder.sequence(layers, "", input)?;
    let Builder { parameters, weights, convs, least_batch, activations, .. } = builder;
    let costs = Costs { convs, activations: activations + input.len() as u64 };
    let before = params.ids().len();
    Ok(Plan { input, output, layers: built, weights, least_batch, costs, parameters, before })
}

struct Builder<'a> {
    /// What is declared already.
    before: &'a Params,
    parameters: Vec<Parameter>,
    names: HashSet<String>,
    /// Of all parameters.
    elements: usize,
    weights: Vec<Weight>,
    convs: Vec<(usize, Conv2d)>,
    least_batch: usize,
    activations: u64,
    /// Layers so far, and residual blocks around the one at hand.
    layers: usize,
    depth: usize,
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
            self.layers += 1;
            if self.layers > MAX_LAYERS {
                return Err(at.error(format!(
                    "a model has at most {MAX_LAYERS} layers, and this is one more"
                )));
            }
            let (layer, output) = self.layer(&named.layer, at)?;
            built.push(layer);
            shape = at.fitting(output)?;
            self.activations += shape.len() as u64;
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
                let width = Shape::from([width]);
                let gamma = self.declare(at, "weight", (Kind::Norm, width), Start::Ones)?;
                let beta = self.declare(at, "bias", (Kind::Norm, width), Start::Zeros)?;
                same(Built::LayerNorm { gamma, beta, eps })
            }
            Layer::MaxPool { kernel, stride, padding } => {
                let attrs = PoolAttrs { kernel, stride, padding };
                let output = pooled(at, "max pool", attrs)?;
                let [planes, h, w] = at.image("max pool")?;
                if !(Pool2d { planes, h, w, kernel, stride, padding }).is_indexable() {
                    return Err(at.error(format!(
                        "a max pool of {kernel:?} over {} is too large: (KH - 1) * W + KW is at most 2^23; \
                         take a smaller kernel",
                        at.input
                    )));
                }
                Ok((Built::MaxPool(attrs), output))
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
                if self.depth == MAX_DEPTH {
                    return Err(at.error(format!(
                        "residual blocks lie in each other at most {MAX_DEPTH} deep, and this is one more"
                    )));
                }
                self.depth += 1;
                let prefix = format!("{}.", at.name);
                let (body, long) = self.sequence(body, &prefix, at.input)?;
                let prefix = format!("{prefix}shortcut.");
                let (shortcut, short) = self.sequence(shortcut, &prefix, at.input)?;
                self.depth -= 1;
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
        let shape = Shape::from([out, features]);
        let start = Start::Random(init, [features, out]);
        let w = self.declare(at, "weight", (Kind::Weight, shape), start)?;
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
        let ConvAttrs { stride, padding, dilation, .. } = attrs;
        let [oh, ow] = Window { kernel, stride, padding, dilation }.output(at, [h, w])?;
        let output = at.fitting([out, oh, ow].into())?;
        let shape = Shape::from([out, c / groups, kernel[0], kernel[1]]);
        let area = kernel[0] * kernel[1];
        // It is a part of the weight's size, which is checked next.
        let [fan_in, fan_out] = [c, out].map(|channels| (channels / groups).saturating_mul(area));
        let start = Start::Random(init, [fan_in, fan_out]);
        let id = self.declare(at, "weight", (Kind::Weight, shape), start)?;
        let [kh, kw] = kernel;
        let conv = Conv2d { n: 1, c, h, w, oc: out, kh, kw, stride, padding, dilation, groups };
        check_conv(at.name, conv)?;
        self.convs.push((self.weights.len(), conv));
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
        let start = match init {
            Init::PyTorch => Start::Random(init, [fan_in, out]),
            _ => Start::Zeros,
        };
        self.declare(at, "bias", (Kind::Bias, [out].into()), start).map(Some)
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
        let mut declare = |part, kind, start| self.declare(at, part, (kind, c), start);
        let gamma = declare("weight", Kind::Norm, Start::Ones)?;
        let beta = declare("bias", Kind::Norm, Start::Zeros)?;
        let running_mean = declare("running_mean", Kind::Running, Start::Zeros)?;
        let running_var = declare("running_var", Kind::Running, Start::Ones)?;
        let attrs = BatchNormAttrs { running_mean, running_var, momentum, eps };
        Ok((Built::BatchNorm { gamma, beta, attrs }, at.input))
    }

    fn declare(
        &mut self,
        at: Place<'_>,
        part: &str,
        (kind, shape): (Kind, Shape),
        start: Start,
    ) -> Result<ParamId, ModelError> {
        let name = format!("{}.{part}", at.name);
        if self.before.find(&name).is_some() || !self.names.insert(name.clone()) {
            return Err(at.error("there is another layer of this name; names must differ"));
        }
        self.elements += match elements(shape) {
            Some(0) => {
                return Err(at.error(format!("{part} would be {shape}, without any element")));
            }
            Some(n) if n <= MAX_ELEMENTS => n,
            _ => {
                return Err(at.error(format!(
                    "{part} would be {shape}; at most {MAX_ELEMENTS} elements are supported"
                )));
            }
        };
        if self.elements > MAX_PARAMETERS {
            return Err(at.error(format!(
                "with {part} {shape} the parameters would have {} elements; at most {MAX_PARAMETERS} \
                 are supported",
                self.elements
            )));
        }
        let id = ParamId::at(self.before.ids().len() + self.parameters.len());
        self.parameters.push(Parameter { name, kind, shape, start });
        Ok(id)
    }
}

fn conv_attrs(layer: &Layer) -> ConvAttrs {
    match *layer {
        Layer::Conv2d { stride, padding, dilation, groups, .. } => {
            ConvAttrs { stride, padding, dilation, groups }
        }
        _ => ConvAttrs::default(),
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
    let [oh, ow] = Window { kernel, stride, padding, dilation: [1; 2] }.output(at, [h, w])?;
    if (0..2).any(|i| padding[i] > kernel[i] / 2) {
        return Err(at.error("the padding of a pool is at most half of its kernel"));
    }
    Ok([c, oh, ow].into())
}
