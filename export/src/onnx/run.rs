//! Runs a model as its operations are defined, for a proof of the bytes that were written.
//!
//! It knows the operations and the attributes that [`build`](super::build) uses, and nothing else.

use super::{Attribute, INPUT, LOGITS, Model, Node, PROBABILITIES, Values};
use crate::activation::{leaky_relu, relu, sigmoid, tanh};
use crate::kernels::{
    Window, affine::affine, avg_pool::avg_pool, conv::conv, erf::erf,
    global_avg_pool::global_avg_pool, layer_norm::layer_norm, linear::linear, max_pool::max_pool,
    select::select, softmax::softmax,
};
use std::collections::HashMap;

/// A value with its extents, the batch axis of 1 left out.
#[derive(Clone, Debug, Default)]
struct Array {
    dims: Vec<usize>,
    values: Vec<f32>,
}

/// The logits of one raw sample; `None` if the model does not fit together, or if its probabilities
/// are none.
pub fn run(model: &Model, input: &[f32]) -> Option<Vec<f32>> {
    let dims = model.inputs.first()?.dims.clone();
    let mut values = HashMap::from([(INPUT, Array { dims, values: input.to_vec() })]);
    for node in &model.nodes {
        let y = Running { model, values: &values, node }.run()?;
        values.insert(&node.output, y);
    }
    let sum: f32 = values.get(PROBABILITIES)?.values.iter().sum();
    ((sum - 1.0).abs() < 1e-5).then(|| values.remove(LOGITS))?.map(|logits| logits.values)
}

struct Running<'a> {
    model: &'a Model,
    values: &'a HashMap<&'a str, Array>,
    node: &'a Node,
}

impl<'a> Running<'a> {
    fn run(&self) -> Option<Array> {
        let x = self.values.get(self.node.inputs.first()?.as_str())?;
        let Array { dims, values } = x;
        let x = &values[..];
        let same = |f: &dyn Fn(&mut [f32])| {
            let mut y = values.clone();
            f(&mut y);
            Some(Array { dims: dims.clone(), values: y })
        };
        let made = |dims: Vec<usize>, f: &dyn Fn(&mut [f32])| {
            let mut y = vec![0.0; dims.iter().product()];
            f(&mut y);
            Some(Array { dims, values: y })
        };
        match self.node.op.as_str() {
            "Mul" => same(&|y| self.with(dims, y, |x, c| x * c)),
            "Add" => same(&|y| self.with(dims, y, |x, c| x + c)),
            "Sub" => same(&|y| self.with(dims, y, |x, c| x - c)),
            "Div" => same(&|y| self.with(dims, y, |x, c| x / c)),
            "Identity" => same(&|_| ()),
            "Relu" => same(&|y| relu(y)),
            "LeakyRelu" => {
                let alpha = self.float("alpha")?;
                same(&|y| leaky_relu(y, alpha))
            }
            "Erf" => same(&|y| y.iter_mut().for_each(|x| *x = erf(*x))),
            "Tanh" => same(&|y| tanh(y)),
            "Sigmoid" => same(&|y| sigmoid(y)),
            "Softmax" => {
                (self.int("axis")? == 1 && dims.len() == 1).then_some(())?;
                same(&|y| softmax(y))
            }
            "Flatten" => Some(Array { dims: vec![x.len()], values: x.to_vec() }),
            "Gemm" => {
                let ((w_dims, w), (_, b)) =
                    (self.constant(1)?, self.constant(2).unwrap_or_default());
                let out = w_dims.first()?;
                (self.int("transB")? == 1 && w_dims.get(1)? == dims.first()?).then_some(())?;
                made(vec![*out], &|y| linear(x, w, b, y))
            }
            "Conv" => {
                let ((w_dims, w), (_, b)) =
                    (self.constant(1)?, self.constant(2).unwrap_or_default());
                let window = self.window(dims, *w_dims.first()?)?;
                made(window.output.to_vec(), &|y| conv(x, w, b, &window, y))
            }
            "MaxPool" => {
                let window = self.window(dims, *dims.first()?)?;
                made(window.output.to_vec(), &|y| max_pool(x, &window, y))
            }
            "AveragePool" => {
                (self.int("count_include_pad")? == 1).then_some(())?;
                let window = self.window(dims, *dims.first()?)?;
                made(window.output.to_vec(), &|y| avg_pool(x, &window, y))
            }
            "GlobalAveragePool" => made(vec![*dims.first()?, 1, 1], &|y| global_avg_pool(x, y)),
            "Gather" => {
                let tensor = self.model.tensors.iter().find(|t| t.name == self.node.inputs[1])?;
                let Values::I64(indices) = &tensor.values else { return None };
                let indices: Vec<u32> = indices.iter().map(|&i| i as u32).collect();
                let rest = dims[1..].iter().copied();
                let out = [indices.len()].into_iter().chain(rest).collect();
                made(out, &|y| select(x, dims[0], &indices, y))
            }
            "BatchNormalization" => {
                let eps = f64::from(self.float("epsilon")?);
                let [gamma, beta, mean, var] = [1, 2, 3, 4].map(|i| self.constant(i));
                let [gamma, beta, mean, var] = [gamma?.1, beta?.1, mean?.1, var?.1];
                let std = var.iter().map(|&v| (f64::from(v) + eps).sqrt());
                let scale: Vec<f32> =
                    gamma.iter().zip(std).map(|(&g, s)| (f64::from(g) / s) as f32).collect();
                let centre: Vec<f32> = mean.iter().map(|m| -m).collect();
                let one = vec![1.0; centre.len()];
                same(&|y| {
                    affine(y, &one, &centre);
                    affine(y, &scale, beta);
                })
            }
            "LayerNormalization" => {
                let eps = self.float("epsilon")?;
                let ((_, gamma), (_, beta)) = (self.constant(1)?, self.constant(2)?);
                (self.int("axis")? == -1).then_some(())?;
                same(&|y| layer_norm(y, gamma, beta, eps))
            }
            _ => None,
        }
    }

    /// The second operand: as many values, one number, or one for each channel.
    fn with(&self, dims: &[usize], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
        let value = self.node.inputs.get(1).and_then(|name| self.values.get(name.as_str()));
        let value = value.map(|value| &value.values[..]);
        let other = value.or_else(|| Some(self.constant(1)?.1)).unwrap_or_default();
        let area = match other.len() {
            n if n == y.len() => 1,
            1 => y.len(),
            _ => y.len() / dims[0],
        };
        // A constant that is not there makes a NaN, which no comparison passes.
        y.iter_mut().enumerate().for_each(|(i, y)| {
            *y = f(*y, other.get(i / area).copied().unwrap_or(f32::NAN));
        });
    }

    /// The extents and values of an operand that is a constant.
    fn constant(&self, input: usize) -> Option<(&'a [usize], &'a [f32])> {
        let name = self.node.inputs.get(input)?;
        let tensor = self.model.tensors.iter().find(|tensor| tensor.name == *name)?;
        match &tensor.values {
            Values::F32(values) => Some((&tensor.dims, values)),
            Values::I64(_) => None,
        }
    }

    fn attribute(&self, name: &str) -> Option<&'a Attribute> {
        self.node.attributes.iter().find(|(n, _)| n == name).map(|(_, attribute)| attribute)
    }

    fn int(&self, name: &str) -> Option<i64> {
        if let Attribute::Int(n) = self.attribute(name)? { Some(*n) } else { None }
    }

    fn float(&self, name: &str) -> Option<f32> {
        if let Attribute::Float(x) = self.attribute(name)? { Some(*x) } else { None }
    }

    fn ints<const N: usize>(&self, name: &str) -> Option<[usize; N]> {
        let Attribute::Ints(ints) = self.attribute(name)? else { return None };
        <[i64; N]>::try_from(&ints[..]).ok().map(|ints| ints.map(|n| n as usize))
    }

    /// The window of a convolution or a pool over [C, H, W].
    fn window(&self, dims: &[usize], out: usize) -> Option<Window> {
        let &[c, h, w] = dims else { return None };
        let [kernel, stride] = [self.ints("kernel_shape")?, self.ints("strides")?];
        let pads: [usize; 4] = self.ints("pads")?;
        let dilation = self.ints("dilations").unwrap_or([1; 2]);
        let groups = self.int("group").map_or(1, |g| g as usize);
        let side = |i: usize, size: usize| {
            let span = dilation[i] * (kernel[i] - 1) + 1;
            (size + pads[i] + pads[i + 2] - span) / stride[i] + 1
        };
        Some(Window {
            input: [c, h, w],
            output: [out, side(0, h), side(1, w)],
            kernel,
            stride,
            padding: [pads[0], pads[1]],
            dilation,
            groups,
        })
    }
}
