//! A network with its parameters, to fill, to run and to compare.

use proxtape::compact::Compact;
use proxtape::nn::{Activation, Layer, Named, Network, Phase, WithBias};
use proxtape::{Exec, Isa, Kind, Random, Shape, Tape};
use std::ops::{Deref, DerefMut};

/// max |dense - compact| <= 1e-5 max |dense|.
pub(crate) const TOLERANCE: f64 = 1e-5;

/// Samples that are compared.
const SAMPLES: usize = 3;

pub(crate) struct Filled(pub(crate) Network);

impl Deref for Filled {
    type Target = Network;

    fn deref(&self) -> &Network {
        &self.0
    }
}

impl DerefMut for Filled {
    fn deref_mut(&mut self) -> &mut Network {
        &mut self.0
    }
}

impl Filled {
    /// Weights, biases, norms and statistics that are random and not zero.
    pub(crate) fn new(
        input: impl Into<Shape>,
        layers: impl IntoIterator<Item = Named>,
        random: &mut Random,
    ) -> Filled {
        let layers: Vec<Named> = layers.into_iter().collect();
        let mut network = Network::new(input, &layers, random).unwrap();
        let params = network.params_mut();
        for id in params.ids() {
            let (lo, hi) = match params.kind(id) {
                Kind::Running if params.name(id).ends_with("var") => (0.5, 2.0),
                Kind::Norm if params.name(id).ends_with("weight") => (0.5, 1.5),
                Kind::Weight => {
                    let fan_in = params.shape(id)[1..].iter().product::<usize>();
                    let bound = (3.0 / fan_in as f32).sqrt();
                    (0.1 * bound, bound)
                }
                _ => (0.05, 0.5),
            };
            for x in params.value_mut(id) {
                let sign = if lo >= 0.5 || random.below(2) == 0 { 1.0 } else { -1.0 };
                *x = sign * random.uniform_in(lo, hi);
            }
        }
        Filled(network)
    }

    pub(crate) fn value(&mut self, name: &str) -> &mut [f32] {
        let id = self.params().find(name).unwrap_or_else(|| panic!("{name}"));
        self.params_mut().value_mut(id)
    }

    /// Zeroes the weights into outputs.
    pub(crate) fn zero_rows(&mut self, layer: &str, rows: &[usize]) {
        let params = self.params_mut();
        let id = params.find(&format!("{layer}.weight")).unwrap();
        let [_, _, row] = params.shape(id).around(0);
        for &o in rows {
            params.value_mut(id)[o * row..][..row].fill(0.0);
        }
    }

    /// Zeroes the weights out of inputs.
    pub(crate) fn zero_columns(&mut self, layer: &str, columns: &[usize]) {
        let params = self.params_mut();
        let id = params.find(&format!("{layer}.weight")).unwrap();
        let [_, inputs, area] = params.shape(id).around(1);
        for (at, w) in params.value_mut(id).iter_mut().enumerate() {
            if columns.contains(&(at / area % inputs)) {
                *w = 0.0;
            }
        }
    }

    pub(crate) fn compact(&self) -> Compact {
        self.0.compact().unwrap()
    }

    /// The compacted network, which gives what the dense one gives.
    #[track_caller]
    pub(crate) fn checked(&self) -> Compact {
        let small = self.compact();
        let difference = self.difference(&small.network);
        let layers = small.network.layers();
        assert!(difference <= TOLERANCE, "outputs differ by {difference}: {layers:?}");
        small
    }

    /// max |dense - other| / max |dense| over random inputs, on every instruction set.
    pub(crate) fn difference(&self, other: &Network) -> f64 {
        let mut random = Random::new(99);
        let n = SAMPLES * self.input().len();
        let x: Vec<f32> = (0..n).map(|_| random.uniform_in(-1.0, 1.0)).collect();
        let difference = |isa: Isa| {
            let dense = infer(isa, self, &x);
            let small = infer(isa, other, &x);
            assert_eq!(dense.len(), small.len());
            match largest(dense.iter().zip(&small).map(|(a, b)| a - b)) {
                0.0 => 0.0,
                difference => difference / largest(dense.iter().copied()),
            }
        };
        Isa::available().map(difference).fold(0.0, |a, b| if a > b || a.is_nan() { a } else { b })
    }
}

/// max |x|, or NaN if there is one.
fn largest(x: impl Iterator<Item = f32>) -> f64 {
    x.fold(0.0, |max, x| if max > x.abs() || max.is_nan() { max } else { x.abs() }).into()
}

fn infer(isa: Isa, network: &Network, x: &[f32]) -> Vec<f32> {
    let mut tape = Tape::inference(Exec::new(isa));
    let input = tape.input(network.input().batch(SAMPLES));
    let y = network.record(&mut tape, input, Phase::Inference);
    tape.keep(y);
    tape.set(input, x);
    tape.infer(network.params());
    tape.value(y).to_vec()
}

/// The shape of a parameter.
pub(crate) fn shape(small: &Compact, name: &str) -> Vec<usize> {
    let (params, layers) = (small.network.params(), small.network.layers());
    let id = params.find(name).unwrap_or_else(|| panic!("{name} in {layers:?}"));
    params.shape(id).to_vec()
}

/// The names of the layers that are left.
pub(crate) fn names(small: &Compact) -> Vec<&str> {
    small.network.layers().iter().map(|layer| layer.name.as_deref().unwrap()).collect()
}

/// A convolution with a square kernel.
pub(crate) fn conv(out: usize, kernel: usize, stride: usize, padding: usize) -> Layer {
    Layer::Conv2d {
        out,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        groups: 1,
        bias: WithBias::Yes,
        init: Default::default(),
    }
}

pub(crate) fn pool(kernel: usize, stride: usize, padding: usize) -> [Layer; 2] {
    let (kernel, stride, padding) = ([kernel; 2], [stride; 2], [padding; 2]);
    [Layer::MaxPool { kernel, stride, padding }, Layer::AvgPool { kernel, stride, padding }]
}

/// Every activation.
pub(crate) fn activations() -> Vec<Layer> {
    Activation::ALL.iter().map(|activation| activation.with_number(0.2).into()).collect()
}
