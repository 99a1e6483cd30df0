//! Recording for use only: layers with few weights left are computed without their zeros.

use super::{Built, Model, Phase};
use crate::ops::{self, ConvAttrs};
use crate::params::{ParamId, Params};
use crate::tape::{Forward, Primitive, Tape, Var, Vjp, Workspace};
use proxtape_kernels::Exec;
use proxtape_kernels::conv::Conv2d;
use proxtape_kernels::gemm::Activation;
use proxtape_kernels::sparse::{Kind, SparseConv2d, SparseForward, SparseLinear, pays};

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

/// A model that [`Model::record_sparse`] recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseModel {
    /// What the model gives.
    pub output: Var,
    /// Its weights, in the order of the layers.
    pub layers: Vec<SparseLayer>,
}

/// What became of one weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseLayer {
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
    /// laid out here, once, without their zeros where `zeros` says so.
    ///
    /// Such a layer does not see later changes of its weight, and no gradient flows through it. The
    /// outputs are those of [`record`](Model::record) up to rounding, for every finite x.
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
    /// let sparse = model.record_sparse(&mut tape, &params, x, Zeros::LeftOut);
    /// assert!(sparse.layers[0].sparse && sparse.layers[0].kept == 2);
    /// tape.set(x, &[1.0, 10.0, 100.0]);
    /// tape.infer(&params);
    /// assert_eq!(tape.value(sparse.output), [20.0, 0.0]);
    /// # Ok::<(), proxtape::nn::ModelError>(())
    /// ```
    ///
    /// # Panics
    /// If `x` does not have the shape that the model was built for. A backward pass through a layer
    /// without its zeros panics.
    #[track_caller]
    pub fn record_sparse(
        &self,
        tape: &mut Tape,
        params: &Params,
        x: Var,
        zeros: Zeros,
    ) -> SparseModel {
        self.check_input(tape.shape(x));
        let mut recorder = Recorder { tape, params, zeros, left_out: Vec::new() };
        let output = recorder.sequence(&self.layers, x);
        let left_out = recorder.left_out;
        let layers = self.weights.iter().map(|weight| {
            let w = params.value(weight.id);
            SparseLayer {
                layer: weight.layer.clone(),
                weights: w.len(),
                kept: kept(w),
                sparse: left_out.contains(&weight.id),
            }
        });
        SparseModel { output, layers: layers.collect() }
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
    left_out: Vec<ParamId>,
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
        if !SparseLinear::serves(size) || !self.leaves_out(w, Kind::Linear { samples }) {
            return None;
        }
        let values = self.params.value(w);
        let weight = SparseLinear::new(self.tape.exec().isa(), values, size, samples);
        let op = Sparse { weight, samples, activation };
        Some(self.record(op, x, b, [samples, shape[0]].into()))
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
        let op = Sparse { weight, samples: n, activation };
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
            self.left_out.push(w);
        }
        left_out
    }

    fn record<W: Weight>(
        &mut self,
        op: Sparse<W>,
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

/// y = act(layer(x) + b).
struct Sparse<W> {
    weight: W,
    samples: usize,
    activation: Activation,
}

/// A weight without its zeros.
trait Weight: Send + Sync + 'static {
    const NAME: &'static str;
    fn scratch_len(&self, samples: usize) -> usize;
    fn forward(&self, exec: Exec, op: &SparseForward<'_>, y: &mut [f32], scratch: &mut [f32]);
}

impl Weight for SparseLinear {
    const NAME: &'static str = "sparse linear";

    fn scratch_len(&self, samples: usize) -> usize {
        self.scratch_len(samples)
    }

    fn forward(&self, exec: Exec, op: &SparseForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        self.forward(exec, op, y, scratch);
    }
}

impl Weight for SparseConv2d {
    const NAME: &'static str = "sparse conv2d";

    fn scratch_len(&self, _: usize) -> usize {
        self.scratch_len()
    }

    fn forward(&self, exec: Exec, op: &SparseForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        self.forward(exec, op, y, scratch);
    }
}

impl<W: Weight> Primitive for Sparse<W> {
    fn name(&self) -> &'static str {
        W::NAME
    }

    fn workspace(&self, _: Exec) -> Workspace {
        Workspace { scratch: self.weight.scratch_len(self.samples), ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        let bias = (cx.x.len() == 2).then(|| cx.x.get(1));
        let op = SparseForward { x: cx.x.get(0), bias, activation: self.activation };
        self.weight.forward(cx.exec, &op, cx.y, cx.scratch);
    }

    fn vjp(&self, _: Vjp<'_>) {
        panic!("{}: recorded without its zeros, for use only; there is no gradient", W::NAME);
    }
}
