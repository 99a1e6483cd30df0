//! Recording for use only: weights that change no more are laid out once, without their zeros where
//! few are left, or packed for the product that they are an operand of.

mod laid_out;

use super::{Built, Model, Phase};
use crate::ops::{self, ConvAttrs};
use crate::params::{ParamId, Params};
use crate::tape::{Tape, Var};
use laid_out::{LaidOut, PackedLinear, Weight};
use proxtape_kernels::conv::Conv2d;
use proxtape_kernels::gemm::{Activation, PackedB};
use proxtape_kernels::sparse::{Kind, SparseConv2d, SparseLinear, pays};
use std::collections::HashSet;

/// What becomes of weights that are zero.
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

/// A model that [`Model::record_frozen`] recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct FrozenModel {
    /// What the model gives.
    pub output: Var,
    /// Its weights, in the order of the layers.
    pub layers: Vec<FrozenLayer>,
}

/// What became of one weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenLayer {
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
    /// laid out here, once: without their zeros where `zeros` says so, else packed, in a linear layer
    /// of which that makes a product faster (three samples or more).
    ///
    /// Such a layer does not see later changes of its weight, and no gradient flows through it. The
    /// outputs are those of [`record`](Model::record) up to rounding, for every finite x. (A NaN or an
    /// infinity is not multiplied with a zero that is left out, so fewer outputs become NaN.)
    ///
    /// ```
    /// use proxtape::nn::{Layer, Model, Zeros};
    /// use proxtape::{Exec, Isa, Params, Random, Tape};
    /// let mut params = Params::new();
    /// let layers = [Layer::linear(2).named("fc"), Layer::Relu.named("relu")];
    /// let model = Model::new(&mut params, [3], &layers, &mut Random::new(1))?;
    /// let w = params.find("fc.weight").unwrap();
    /// params.value_mut(w).copy_from_slice(&[0.0, 2.0, 0.0, 0.0, 0.0, -1.0]);
    /// let mut tape = Tape::inference(Exec::new(Isa::detect()));
    /// let x = tape.input([1, 3]);
    /// let frozen = model.record_frozen(&mut tape, &params, x, Zeros::LeftOut);
    /// assert!(frozen.layers[0].sparse && frozen.layers[0].kept == 2);
    /// tape.set(x, &[1.0, 10.0, 100.0]);
    /// tape.infer(&params);
    /// assert_eq!(tape.value(frozen.output), [20.0, 0.0]);
    /// # Ok::<(), proxtape::nn::ModelError>(())
    /// ```
    ///
    /// # Panics
    /// If `x` does not have the shape that the model was built for. A backward pass through a weight
    /// that was laid out panics.
    #[track_caller]
    pub fn record_frozen(
        &self,
        tape: &mut Tape,
        params: &Params,
        x: Var,
        zeros: Zeros,
    ) -> FrozenModel {
        self.check_input(tape.shape(x));
        let mut recorder = Recorder { tape, params, zeros, left_out: HashSet::new() };
        let output = recorder.sequence(&self.layers, x);
        let left_out = recorder.left_out;
        let layers = self.weights.iter().map(|weight| {
            let w = params.value(weight.id);
            FrozenLayer {
                layer: weight.layer.clone(),
                weights: w.len(),
                kept: kept(w),
                sparse: left_out.contains(&weight.id),
            }
        });
        FrozenModel { output, layers: layers.collect() }
    }
}

fn kept(w: &[f32]) -> usize {
    w.iter().filter(|&&w| w != 0.0).count()
}

struct Recorder<'a> {
    tape: &'a mut Tape,
    params: &'a Params,
    zeros: Zeros,
    /// Weights whose zeros were left out.
    left_out: HashSet<ParamId>,
}

impl Recorder<'_> {
    fn sequence(&mut self, layers: &[Built], mut x: Var) -> Var {
        let mut rest = layers;
        while let [layer, after @ ..] = rest {
            // The activation goes into the layer before it, where that layer can.
            let (activation, behind) = match after {
                [Built::Relu, behind @ ..] => (Activation::Relu, behind),
                _ => (Activation::None, after),
            };
            let fused = match *layer {
                Built::Linear { w, b } => self.linear(x, (w, b), activation),
                Built::Conv2d { w, b, attrs } => self.conv2d(x, (w, b), attrs, activation),
                _ => None,
            };
            (x, rest) = match fused {
                Some(y) => (y, behind),
                None if activation == Activation::Relu && layer.takes_relu() => {
                    (self.layer(layer, x, true), behind)
                }
                None => (self.layer(layer, x, false), after),
            };
        }
        x
    }

    /// A layer with its zeros, and with the ReLU behind it if it takes one.
    fn layer(&mut self, layer: &Built, x: Var, relu: bool) -> Var {
        match layer {
            Built::Residual { body, shortcut } => {
                let y = self.sequence(body, x);
                let s = self.sequence(shortcut, x);
                if relu { ops::add_relu(self.tape, y, s) } else { ops::add(self.tape, y, s) }
            }
            other => other.record(self.tape, self.params, x, (Phase::Inference, relu)),
        }
    }

    fn linear(
        &mut self,
        x: Var,
        (w, b): (ParamId, Option<ParamId>),
        activation: Activation,
    ) -> Option<Var> {
        let (samples, shape) = (self.tape.shape(x)[0], self.params.shape(w));
        let size = [shape[0], shape[1]];
        let leaves_out = SparseLinear::serves(size) && self.leaves_out(w, Kind::Linear { samples });
        let (exec, values) = (self.tape.exec(), self.params.value(w));
        let y = [samples, shape[0]].into();
        if leaves_out {
            let weight = SparseLinear::new(exec.isa(), values, size, samples);
            Some(self.record(LaidOut { weight, samples, activation }, x, b, y))
        } else if PackedB::pays(exec.isa(), [samples, shape[0], shape[1]]) {
            let weight = PackedLinear::new(exec, values, size);
            Some(self.record(LaidOut { weight, samples, activation }, x, b, y))
        } else {
            None
        }
    }

    fn conv2d(
        &mut self,
        x: Var,
        (w, b): (ParamId, Option<ParamId>),
        attrs: ConvAttrs,
        activation: Activation,
    ) -> Option<Var> {
        let (xs, ws) = (self.tape.shape(x), self.params.shape(w));
        let ConvAttrs { stride, padding, dilation, groups } = attrs;
        let (&[n, c, h, width], &[oc, _, kh, kw]) = (xs.dims(), ws.dims()) else { return None };
        let shape = Conv2d { n, c, h, w: width, oc, kh, kw, stride, padding, dilation, groups };
        if !SparseConv2d::serves(&shape) || !self.leaves_out(w, Kind::Conv2d) {
            return None;
        }
        let weight = SparseConv2d::new(self.tape.exec().isa(), shape, self.params.value(w));
        let op = LaidOut { weight, samples: n, activation };
        Some(self.record(op, x, b, [n, oc, shape.oh(), shape.ow()].into()))
    }

    /// Whether the zeros of a weight are left out.
    fn leaves_out(&mut self, w: ParamId, kind: Kind) -> bool {
        let values = self.params.value(w);
        let left_out = match self.zeros {
            Zeros::Measured => pays(self.tape.exec().isa(), kind, kept(values), values.len()),
            Zeros::LeftOut => true,
            Zeros::Multiplied => false,
        };
        if left_out {
            self.left_out.insert(w);
        }
        left_out
    }

    fn record<W: Weight>(
        &mut self,
        op: LaidOut<W>,
        x: Var,
        b: Option<ParamId>,
        shape: crate::Shape,
    ) -> Var {
        match b.map(|b| self.tape.param(self.params, b)) {
            Some(b) => self.tape.record(op, &[x, b], shape),
            None => self.tape.record(op, &[x], shape),
        }
    }
}
