//! Batch and layer norm against the textbook formulas in f64.

#[path = "../support/mod.rs"]
mod support;

mod batch;
mod layer;

use proxtape_kernels::norm::{
    Affine, BatchNorm, BatchNormVjp, LayerNorm, LayerNormVjp, Planes, batch_norm,
    batch_norm_inference_vjp, batch_norm_sums, batch_norm_vjp, batch_statistics, layer_norm,
    layer_norm_sums, layer_norm_vjp,
};
use proxtape_kernels::{Accumulate, Activation, Exec, Pool};
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

const EPS: f32 = 1e-5;

/// [n, c, spatial]: single elements, every tail of a vector and of four vectors, small planes that
/// are summed as columns, several strips, several blocks.
fn shapes() -> Vec<Planes> {
    let mut shapes = vec![[1, 1, 1], [2, 1, 1], [1, 5, 1], [7, 3, 1], [300, 67, 1], [130, 16, 1]];
    shapes.extend([[3, 65, 4], [5, 33, 2], [2, 4, 9], [6, 7, 16], [2, 3, 17], [1, 2, 2049]]);
    shapes.extend([
        [3, 2, 49],
        [2, 1, 4100],
        [40, 2, 100],
        [1, 1, 5000],
        [2500, 2, 1],
        [3, 40, 289],
    ]);
    shapes.extend((1..=70).map(|spatial| [2, 2, spatial]));
    shapes.into_iter().map(|[n, c, spatial]| Planes { n, c, spatial }).collect()
}

/// Channel of each element.
fn channel(view: Planes, i: usize) -> usize {
    i / view.spatial % view.c
}

/// (mean, biased variance) of each channel.
fn statistics(view: Planes, x: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let m = (view.n * view.spatial) as f64;
    let (mut mean, mut variance) = (vec![0.0; view.c], vec![0.0; view.c]);
    for (i, &x) in x.iter().enumerate() {
        mean[channel(view, i)] += f64::from(x) / m;
    }
    for (i, &x) in x.iter().enumerate() {
        let c = channel(view, i);
        variance[c] += (f64::from(x) - mean[c]).powi(2) / m;
    }
    (mean, variance)
}

fn inv_std(variance: f32) -> f32 {
    (1.0 / (f64::from(variance) + f64::from(EPS)).sqrt()) as f32
}

/// Runs `f` under Store on NaN and under Add on known numbers; both give `want` (plus those).
#[track_caller]
fn check_accumulate(want: &[f64], rel: f64, mut f: impl FnMut(&mut [f32], Accumulate)) {
    let mut y = Canary::new(want.len(), 3);
    f(y.slice_mut(), Accumulate::Store);
    y.check();
    assert_close(y.slice(), want, rel);
    let stored = y.slice().to_vec();
    let mut y = Canary::new(want.len(), 1);
    y.slice_mut().iter_mut().enumerate().for_each(|(i, y)| *y = (i % 5) as f32);
    f(y.slice_mut(), Accumulate::Add);
    y.check();
    for (i, (&added, &stored)) in y.slice().iter().zip(&stored).enumerate() {
        assert_eq!(added, (i % 5) as f32 + stored, "Add at {i}");
    }
}

/// Random operands of one shape.
struct Case {
    view: Planes,
    x: Vec<f32>,
    dy: Vec<f32>,
    mean: Vec<f32>,
    inv_std: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

impl Case {
    fn new(view: Planes) -> Case {
        let mut rng = Rng::new((view.n * 1000 + view.c * 100 + view.spatial) as u64);
        let x = rng.vec(view.len(), -1.0, 3.0);
        let (mean, variance) = statistics(view, &x);
        Case {
            view,
            dy: rng.vec(view.len(), -1.0, 1.0),
            mean: mean.iter().map(|&m| m as f32).collect(),
            inv_std: variance.iter().map(|&v| inv_std(v as f32)).collect(),
            gamma: rng.vec(view.c, -2.0, 2.0),
            beta: rng.vec(view.c, -1.0, 1.0),
            x,
        }
    }

    fn affine(&self) -> Affine<'_> {
        let Case { mean, inv_std, gamma, beta, .. } = self;
        Affine { mean, inv_std, gamma, beta }
    }

    /// The batch norm, and a ReLU behind it or none.
    fn forward(&self, exec: Exec, activation: Activation) -> Vec<f32> {
        let mut y = vec![f32::NAN; self.view.len()];
        let (view, x, affine) = (self.view, &self.x, self.affine());
        batch_norm(exec, &BatchNorm { view, x, affine, activation }, &mut y);
        y
    }

    /// dgamma, dbeta, dx in training, dx in inference.
    fn gradients(&self, exec: Exec, dy: &[f32], activation: Activation) -> [Vec<f32>; 4] {
        let (view, x, affine) = (self.view, &self.x, self.affine());
        let op = BatchNormVjp { view, x, dy, affine, activation };
        let (mut dgamma, mut dbeta) = (vec![f32::NAN; view.c], vec![f32::NAN; view.c]);
        let (mut dx, mut constant) = (vec![f32::NAN; view.len()], vec![f32::NAN; view.len()]);
        batch_norm_sums(exec, &op, &mut dgamma, &mut dbeta);
        batch_norm_vjp(exec, &op, &dgamma, &dbeta, &mut dx, Accumulate::Store);
        batch_norm_inference_vjp(exec, &op, &mut constant, Accumulate::Store);
        [dgamma, dbeta, dx, constant]
    }

    /// f(channel, xhat, dy) of each element.
    fn each(&self, f: impl Fn(usize, f64, f64) -> f64) -> Vec<f64> {
        (0..self.view.len())
            .map(|i| {
                let c = channel(self.view, i);
                let centred = f64::from(self.x[i]) - f64::from(self.mean[c]);
                f(c, centred * f64::from(self.inv_std[c]), f64::from(self.dy[i]))
            })
            .collect()
    }

    /// (dgamma, dbeta)
    fn sums(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut dgamma, mut dbeta) = (vec![0.0; self.view.c], vec![0.0; self.view.c]);
        for (i, term) in self.each(|_, xhat, dy| xhat * dy).into_iter().enumerate() {
            dgamma[channel(self.view, i)] += term;
            dbeta[channel(self.view, i)] += f64::from(self.dy[i]);
        }
        (dgamma, dbeta)
    }
}

/// Everything this module computes, as bits.
fn all_bits(exec: Exec, view: Planes) -> Vec<u32> {
    let case = Case::new(view);
    let (len, c) = (view.len(), view.c);
    let mut bits = Vec::new();
    let mut keep = |x: &[f32]| bits.extend(x.iter().map(|x| x.to_bits()));
    let (mut a, mut b, mut y) = (vec![0.0; c], vec![0.0; c], vec![0.0; len]);
    batch_statistics(exec, view, &case.x, &mut a, &mut b);
    keep(&a);
    keep(&b);
    for activation in [Activation::None, Activation::Relu] {
        keep(&case.forward(exec, activation));
        case.gradients(exec, &case.dy, activation).iter().for_each(|of| keep(of));
    }
    // The same memory as rows of C * spatial.
    let (rows, cols) = (view.n, view.c * view.spatial);
    let (gamma, beta) = (vec![0.7; cols], vec![0.1; cols]);
    let (mut mean, mut inv_std) = (vec![0.0; rows], vec![0.0; rows]);
    let op = LayerNorm { x: &case.x, gamma: &gamma, beta: &beta, eps: EPS };
    layer_norm(exec, &op, &mut y, &mut mean, &mut inv_std);
    keep(&y);
    keep(&inv_std);
    let affine = Affine { mean: &mean, inv_std: &inv_std, gamma: &gamma, beta: &beta };
    let op = LayerNormVjp { x: &case.x, dy: &case.dy, affine };
    layer_norm_vjp(exec, &op, &mut y, Accumulate::Store);
    keep(&y);
    let (mut dgamma, mut dbeta) = (vec![0.0; cols], vec![0.0; cols]);
    layer_norm_sums(exec, &op, &mut dgamma, &mut dbeta, Accumulate::Store);
    keep(&dgamma);
    keep(&dbeta);
    bits
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let pools = [1, 2, 4].map(|threads| Pool::new(threads).unwrap());
    for isa in isas() {
        for [n, c, spatial] in [[64, 7, 100], [5000, 20, 1], [300, 40, 4], [8, 3, 5000]] {
            let view = Planes { n, c, spatial };
            let want = all_bits(Exec::new(isa), view);
            for pool in &pools {
                let got = pool.install(|| all_bits(pool.exec(isa), view));
                assert!(got == want, "{view:?} on {pool:?}, {}", isa.name());
            }
        }
    }
}

#[test]
fn empty_shapes_are_fine() {
    for exec in execs() {
        for (n, spatial) in [(0, 4), (3, 0), (0, 1)] {
            let view = Planes { n, c: 2, spatial };
            let (mut a, mut b) = ([f32::NAN; 2], [f32::NAN; 2]);
            batch_statistics(exec, view, &[], &mut a, &mut b);
            assert_eq!((a, b), ([0.0; 2], [0.0; 2]));
            let at = [1.0; 2];
            let affine = Affine { mean: &at, inv_std: &at, gamma: &at, beta: &at };
            let activation = Activation::Relu;
            batch_norm(exec, &BatchNorm { view, x: &[], affine, activation }, &mut []);
            (a, b) = ([f32::NAN; 2], [f32::NAN; 2]);
            let op = BatchNormVjp { view, x: &[], dy: &[], affine, activation };
            batch_norm_sums(exec, &op, &mut a, &mut b);
            assert_eq!((a, b), ([0.0; 2], [0.0; 2]));
            batch_norm_vjp(exec, &op, &a, &b, &mut [], Accumulate::Store);
        }
        let none = Planes { n: 3, c: 0, spatial: 5 };
        batch_statistics(exec, none, &[], &mut [], &mut []);
        let op = LayerNorm { x: &[], gamma: &[1.0; 3], beta: &[0.0; 3], eps: EPS };
        layer_norm(exec, &op, &mut [], &mut [], &mut []);
        let (mut dgamma, mut dbeta) = ([f32::NAN; 3], [f32::NAN; 3]);
        let affine = Affine { mean: &[], inv_std: &[], gamma: &[1.0; 3], beta: &[] };
        let op = LayerNormVjp { x: &[], dy: &[], affine };
        layer_norm_sums(exec, &op, &mut dgamma, &mut dbeta, Accumulate::Store);
        assert_eq!((dgamma, dbeta), ([0.0; 3], [0.0; 3]));
    }
}

#[test]
#[should_panic(expected = "batch_norm: gamma has 1 elements, the shape needs 2")]
fn a_wrong_length_names_the_argument() {
    let view = Planes { n: 1, c: 2, spatial: 1 };
    let affine = Affine { mean: &[0.0; 2], inv_std: &[0.0; 2], gamma: &[0.0], beta: &[0.0; 2] };
    let op = BatchNorm { view, x: &[0.0; 2], affine, activation: Activation::None };
    batch_norm(execs()[0], &op, &mut [0.0; 2]);
}
