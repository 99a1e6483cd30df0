//! Inference with prepacked weights: laid out once, without their zeros where few are left, or packed
//! for the product that they are an operand of.

mod weight;

use super::graph::Node;
use super::layers::conv2d;
use super::recorder::{Operands, Recorder};
use super::{Layer, Model, Phase};
use crate::ops::ConvAttrs;
use crate::params::{ParamId, Params};
use crate::shape::Shape;
use crate::tape::{Tape, Var};
use proxtape_kernels::Activation;
use proxtape_kernels::conv::Conv2d;
use proxtape_kernels::gemm::PackedB;
use proxtape_kernels::sparse::{Kind, SparseConv2d, SparseLinear, pays};
use std::collections::HashSet;
use weight::{PackedLinear, Prepacked, Weight};

/// The treatment of weights that are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zeros {
    /// They are left out of the layers where that is faster at their density, by a table of
    /// measurements: nothing is timed, so that the bits depend on the weights alone.
    #[default]
    Measured,
    /// They are left out of every layer that has a kernel for it.
    LeftOut,
    /// They are multiplied.
    Multiplied,
}

/// A network that was recorded with prepacked weights.
#[derive(Clone, Debug, PartialEq)]
pub struct PrepackedNetwork {
    /// The output of the network.
    pub output: Var,
    /// Its weights, in the order of the layers.
    pub layers: Vec<PrepackedLayer>,
}

/// One weight, and how it was laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepackedLayer {
    /// The layer's name.
    pub layer: String,
    /// Weights, zeros counted.
    pub weights: usize,
    /// Those that are not zero.
    pub kept: usize,
    /// Whether the zeros were left out.
    pub sparse: bool,
}

impl Model {
    /// Records the model in its inference form for a batch x: [N, input...], with weights that are
    /// laid out once: without their zeros where `zeros` says so, else packed, in a linear layer
    /// of which that makes a product faster (three samples or more).
    ///
    /// Such a layer does not see later changes of its weight, and no gradient flows through it. The
    /// outputs are those of [`record`](Model::record) up to rounding, for every finite x. (A NaN or an
    /// infinity is not multiplied with a zero that is left out, so fewer outputs become NaN.)
    ///
    /// ```
    /// use proxtape::nn::{Activation, Layer, Model, Zeros};
    /// use proxtape::{Exec, Isa, Params, Random, Tape};
    /// let mut params = Params::new();
    /// let layers = [Layer::linear(2).named("fc"), Activation::Relu.named("relu")];
    /// let model = Model::new(&mut params, [3], &layers, &mut Random::new(1))?;
    /// let w = params.find("fc.weight").unwrap();
    /// params.value_mut(w).copy_from_slice(&[0.0, 2.0, 0.0, 0.0, 0.0, -1.0]);
    /// let mut tape = Tape::inference(Exec::new(Isa::detect()));
    /// let x = tape.input([1, 3]);
    /// let recorded = model.record_prepacked(&mut tape, &params, x, Zeros::LeftOut);
    /// assert!(recorded.layers[0].sparse && recorded.layers[0].kept == 2);
    /// tape.set(x, &[1.0, 10.0, 100.0]);
    /// tape.infer(&params);
    /// assert_eq!(tape.value(recorded.output), [20.0, 0.0]);
    /// # Ok::<(), proxtape::nn::ModelError>(())
    /// ```
    ///
    /// # Panics
    /// If `x` does not have the shape that the model was built for. A backward pass through a weight
    /// that was laid out panics.
    #[track_caller]
    pub fn record_prepacked(
        &self,
        tape: &mut Tape,
        params: &Params,
        x: Var,
        zeros: Zeros,
    ) -> PrepackedNetwork {
        self.check_input(tape.shape(x));
        let mut packer = Packer { zeros, left_out: HashSet::new() };
        let mut recorder = Recorder { tape, params, phase: Phase::Inference };
        let output =
            recorder.graph(&self.graph, x, |to, node, operands| packer.record(to, node, operands));
        let left_out = packer.left_out;
        let layers = self.weights.iter().map(|weight| {
            let w = params.value(weight.id);
            PrepackedLayer {
                layer: weight.layer.clone(),
                weights: w.len(),
                kept: kept(w),
                sparse: left_out.contains(&weight.id),
            }
        });
        PrepackedNetwork { output, layers: layers.collect() }
    }
}

fn kept(w: &[f32]) -> usize {
    w.iter().filter(|&&w| w != 0.0).count()
}

/// Records the layers that have a kernel for a prepacked weight.
struct Packer {
    zeros: Zeros,
    /// Weights whose zeros were left out.
    left_out: HashSet<ParamId>,
}

impl Packer {
    /// The layer with the activation behind it, or `None` where the layer's own operation is as good.
    fn record(
        &mut self,
        to: &mut Recorder<'_>,
        node: &Node,
        operands: &Operands<'_>,
    ) -> Option<Var> {
        match node.layer() {
            Layer::Linear { .. } => self.linear(to, operands),
            layer @ Layer::Conv2d { .. } => self.conv2d(to, operands, conv2d::attrs(layer)),
            _ => None,
        }
    }

    fn linear(&mut self, to: &mut Recorder<'_>, operands: &Operands<'_>) -> Option<Var> {
        let w = operands.parameters.weight();
        let (exec, values, shape) = (to.tape.exec(), to.params.value(w), to.params.shape(w));
        let (samples, size) = (to.tape.shape(operands.inputs[0])[0], [shape[0], shape[1]]);
        let y = [samples, shape[0]].into();
        if SparseLinear::serves(size) && self.leaves_out(to, w, Kind::Linear { samples }) {
            let weight = SparseLinear::new(exec.isa(), values, size, samples);
            Some(prepacked(to, weight, operands, y))
        } else if PackedB::pays(exec.isa(), [samples, shape[0], shape[1]]) {
            Some(prepacked(to, PackedLinear::new(exec, values, size), operands, y))
        } else {
            None
        }
    }

    fn conv2d(
        &mut self,
        to: &mut Recorder<'_>,
        operands: &Operands<'_>,
        attrs: ConvAttrs,
    ) -> Option<Var> {
        let w = operands.parameters.weight();
        let (xs, ws) = (to.tape.shape(operands.inputs[0]), to.params.shape(w));
        let ConvAttrs { stride, padding, dilation, groups } = attrs;
        let (&[n, c, h, width], &[oc, _, kh, kw]) = (xs.dims(), ws.dims()) else { return None };
        let shape = Conv2d { n, c, h, w: width, oc, kh, kw, stride, padding, dilation, groups };
        if !SparseConv2d::serves(&shape) || !self.leaves_out(to, w, Kind::Conv2d) {
            return None;
        }
        let weight = SparseConv2d::new(to.tape.exec().isa(), shape, to.params.value(w));
        Some(prepacked(to, weight, operands, [n, oc, shape.oh(), shape.ow()].into()))
    }

    /// Whether the zeros of a weight are left out.
    fn leaves_out(&mut self, to: &Recorder<'_>, w: ParamId, kind: Kind) -> bool {
        let values = to.params.value(w);
        let left_out = match self.zeros {
            Zeros::Measured => pays(to.tape.exec().isa(), kind, kept(values), values.len()),
            Zeros::LeftOut => true,
            Zeros::Multiplied => false,
        };
        if left_out {
            self.left_out.insert(w);
        }
        left_out
    }
}

fn prepacked<W: Weight>(
    to: &mut Recorder<'_>,
    weight: W,
    operands: &Operands<'_>,
    y: Shape,
) -> Var {
    let x = operands.inputs[0];
    let samples = to.tape.shape(x)[0];
    let activation = if operands.with_relu { Activation::Relu } else { Activation::None };
    let op = Prepacked { weight, samples, activation };
    match operands.parameters.bias.map(|b| to.param(b)) {
        Some(b) => to.tape.record(op, &[x, b], y),
        None => to.tape.record(op, &[x], y),
    }
}
