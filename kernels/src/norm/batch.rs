//! Batch norm over `x: [N, C, spatial]`, M = N * spatial elements in a channel.

use super::apply::{At, Channelwise, apply};
use super::columns::{ByColumn, STRIP, Strip, column_sums, strip_width};
use super::sums::{self, Centred, Gated, Gradient, Plain, RunSums, Terms, gate};
use super::{Affine, Planes, check, sized};
use crate::gemm::Activation;
use crate::simd::{Kernel, Simd};
use crate::{Accumulate, Exec};

/// Mean and biased variance of each channel: `mean, variance: [C]`.
///
/// `variance = sum((x - mean)^2) / M`; a channel without elements has mean 0 and variance 0.
///
/// # Panics
/// If a length does not fit the view.
pub fn batch_statistics(
    exec: Exec,
    view: Planes,
    x: &[f32],
    (mean, variance): (&mut [f32], &mut [f32]),
) {
    check("batch_statistics", "x", x.len(), view.len());
    check("batch_statistics", "mean", mean.len(), view.c);
    check("batch_statistics", "variance", variance.len(), view.c);
    if view.is_empty() {
        mean.fill(0.0);
        variance.fill(0.0);
        return;
    }
    let m = view.per_channel() as f64;
    let exec = sized(exec, view.len());
    let channels = group_size(exec, view);
    exec.chunks2((mean, channels), (variance, channels), |i, mean, variance| {
        let group = Group { exec, view, first: i * channels, x: [x] };
        let [sum] = group.sums(Plain, mean.len(), &ZERO);
        for (mean, sum) in mean.iter_mut().zip(sum) {
            *mean = (sum / m) as f32;
        }
        let mut at = ZERO;
        at[0][..mean.len()].copy_from_slice(mean);
        let [d, squares] = group.sums(Centred, mean.len(), &at);
        for (k, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
            let v = (squares[k] - d[k] * d[k] / m) / m;
            // Not f64::max, which would turn NaN into 0.
            *variance = if v < 0.0 { 0.0 } else { v as f32 };
            *mean = (f64::from(*mean) + d[k] / m) as f32;
        }
    });
}

/// `y = f(gamma * (x - mean) * inv_std + beta)`, in training as in inference.
///
/// # Panics
/// If a length does not fit the view.
pub fn batch_norm(
    exec: Exec,
    view: Planes,
    x: &[f32],
    (affine, activation): (&Affine<'_>, Activation),
    y: &mut [f32],
) {
    check("batch_norm", "x", x.len(), view.len());
    check("batch_norm", "y", y.len(), view.len());
    check_affine("batch_norm", view, affine);
    check("batch_norm", "beta", affine.beta.len(), view.c);
    let y = (y, Accumulate::Store);
    match activation {
        Activation::None => apply(exec, view, Forward::<false>(*affine), [x], y),
        Activation::Relu => apply(exec, view, Forward::<true>(*affine), [x], y),
    }
}

/// The gradients of gamma and beta: `dgamma = sum(dz * xhat)`, `dbeta = sum(dz)`: `[C]` each, with
/// `dz = dy * f'(gamma * xhat + beta)`. Both are stored, not added.
///
/// # Panics
/// If a length does not fit the view.
pub fn batch_norm_sums(
    exec: Exec,
    view: Planes,
    (x, dy): (&[f32], &[f32]),
    (affine, activation): (&Affine<'_>, Activation),
    (dgamma, dbeta): (&mut [f32], &mut [f32]),
) {
    check("batch_norm_sums", "x", x.len(), view.len());
    check("batch_norm_sums", "dy", dy.len(), view.len());
    check_affine("batch_norm_sums", view, affine);
    check_beta("batch_norm_sums", view, (affine, activation));
    check("batch_norm_sums", "dgamma", dgamma.len(), view.c);
    check("batch_norm_sums", "dbeta", dbeta.len(), view.c);
    if view.is_empty() {
        dgamma.fill(0.0);
        dbeta.fill(0.0);
        return;
    }
    let exec = sized(exec, view.len());
    let channels = group_size(exec, view);
    exec.chunks2((dgamma, channels), (dbeta, channels), |i, dgamma, dbeta| {
        let first = i * channels;
        let group = Group { exec, view, first, x: [x, dy] };
        let count = dgamma.len();
        let at = channels_at(affine, first, count);
        let sums = match activation {
            Activation::None => group.sums(Gradient, count, &at),
            Activation::Relu => group.sums(Gated, count, &at),
        };
        for (k, (dgamma, dbeta)) in dgamma.iter_mut().zip(dbeta).enumerate() {
            *dgamma = sums[0][k] as f32;
            *dbeta = sums[1][k] as f32;
        }
    });
}

/// The gradient of x in training, where mean and variance depend on x:
/// `dx = gamma * inv_std * (dz - dbeta / M - xhat * dgamma / M)`, dz as for [`batch_norm_sums`].
///
/// `dgamma` and `dbeta` are those of [`batch_norm_sums`] for this dy alone.
///
/// # Panics
/// If a length does not fit the view.
pub fn batch_norm_vjp(
    exec: Exec,
    view: Planes,
    (x, dy): (&[f32], &[f32]),
    (affine, activation): (&Affine<'_>, Activation),
    (dgamma, dbeta): (&[f32], &[f32]),
    (dx, acc): (&mut [f32], Accumulate),
) {
    check("batch_norm_vjp", "x", x.len(), view.len());
    check("batch_norm_vjp", "dy", dy.len(), view.len());
    check("batch_norm_vjp", "dx", dx.len(), view.len());
    check("batch_norm_vjp", "dgamma", dgamma.len(), view.c);
    check("batch_norm_vjp", "dbeta", dbeta.len(), view.c);
    check_affine("batch_norm_vjp", view, affine);
    check_beta("batch_norm_vjp", view, (affine, activation));
    let inv_m = (1.0 / view.per_channel() as f64) as f32;
    let vjp = Vjp { affine: *affine, dgamma, dbeta, inv_m };
    match activation {
        Activation::None => apply(exec, view, vjp, [x, dy], (dx, acc)),
        Activation::Relu => apply(exec, view, GatedVjp(vjp), [x, dy], (dx, acc)),
    }
}

/// The gradient of x in inference, where mean and variance are constants:
/// `dx = gamma * inv_std * dz`, dz as for [`batch_norm_sums`].
///
/// # Panics
/// If a length does not fit the view.
pub fn batch_norm_inference_vjp(
    exec: Exec,
    view: Planes,
    (x, dy): (&[f32], &[f32]),
    (affine, activation): (&Affine<'_>, Activation),
    (dx, acc): (&mut [f32], Accumulate),
) {
    check("batch_norm_inference_vjp", "x", x.len(), view.len());
    check("batch_norm_inference_vjp", "dy", dy.len(), view.len());
    check("batch_norm_inference_vjp", "dx", dx.len(), view.len());
    check_affine("batch_norm_inference_vjp", view, affine);
    check_beta("batch_norm_inference_vjp", view, (affine, activation));
    match activation {
        Activation::None => apply(exec, view, InferenceVjp(*affine), [dy], (dx, acc)),
        Activation::Relu => apply(exec, view, GatedInferenceVjp(*affine), [x, dy], (dx, acc)),
    }
}

#[track_caller]
fn check_affine(op: &str, view: Planes, affine: &Affine<'_>) {
    check(op, "mean", affine.mean.len(), view.c);
    check(op, "inv_std", affine.inv_std.len(), view.c);
    check(op, "gamma", affine.gamma.len(), view.c);
}

/// A gradient reads beta only to see where a ReLU was open.
#[track_caller]
fn check_beta(op: &str, view: Planes, (affine, activation): (&Affine<'_>, Activation)) {
    if activation == Activation::Relu {
        check(op, "beta", affine.beta.len(), view.c);
    }
}

/// Coefficients: mean, scale, beta. `scale * x + (beta - scale * mean)` would save a subtraction
/// and lose all digits where |mean| >> std.
#[derive(Clone, Copy)]
struct Forward<'a, const RELU: bool>(Affine<'a>);

impl<const RELU: bool> Channelwise<1, 3> for Forward<'_, RELU> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 3] {
        let scale = s.mul(at.get(s, self.0.gamma), at.get(s, self.0.inv_std));
        [at.get(s, self.0.mean), scale, at.get(s, self.0.beta)]
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, [mean, scale, beta]: [S::F; 3], [x]: [S::F; 1]) -> S::F {
        let y = s.mul_add(s.sub(x, mean), scale, beta);
        // In this order a NaN stays a NaN.
        if RELU { s.max(s.zero(), y) } else { y }
    }
}

/// Coefficients: mean, gamma * inv_std, dbeta / M, inv_std * dgamma / M.
#[derive(Clone, Copy)]
struct Vjp<'a> {
    affine: Affine<'a>,
    dgamma: &'a [f32],
    dbeta: &'a [f32],
    inv_m: f32,
}

impl Channelwise<2, 4> for Vjp<'_> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 4] {
        let (inv_std, inv_m) = (at.get(s, self.affine.inv_std), s.splat(self.inv_m));
        let scale = s.mul(at.get(s, self.affine.gamma), inv_std);
        let level = s.mul(at.get(s, self.dbeta), inv_m);
        let slope = s.mul(s.mul(at.get(s, self.dgamma), inv_m), inv_std);
        [at.get(s, self.affine.mean), scale, level, slope]
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, [mean, scale, level, slope]: [S::F; 4], [x, dy]: [S::F; 2]) -> S::F {
        s.mul(scale, s.neg_mul_add(s.sub(x, mean), slope, s.sub(dy, level)))
    }
}

/// Coefficients: those of [`Vjp`], and beta.
#[derive(Clone, Copy)]
struct GatedVjp<'a>(Vjp<'a>);

impl Channelwise<2, 5> for GatedVjp<'_> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 5] {
        let [mean, scale, level, slope] = self.0.coefficients(s, at);
        [mean, scale, level, slope, at.get(s, self.0.affine.beta)]
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, k: [S::F; 5], [x, dy]: [S::F; 2]) -> S::F {
        let [mean, scale, level, slope, beta] = k;
        let dz = gate(s, [x, dy], [mean, scale, beta]);
        Vjp::eval(s, [mean, scale, level, slope], [x, dz])
    }
}

/// Coefficients: gamma * inv_std.
#[derive(Clone, Copy)]
struct InferenceVjp<'a>(Affine<'a>);

impl Channelwise<1, 1> for InferenceVjp<'_> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 1] {
        [s.mul(at.get(s, self.0.gamma), at.get(s, self.0.inv_std))]
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, [scale]: [S::F; 1], [dy]: [S::F; 1]) -> S::F {
        s.mul(scale, dy)
    }
}

/// Coefficients: those of [`Forward`].
#[derive(Clone, Copy)]
struct GatedInferenceVjp<'a>(Affine<'a>);

impl Channelwise<2, 3> for GatedInferenceVjp<'_> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 3] {
        Forward::<true>(self.0).coefficients(s, at)
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, [mean, scale, beta]: [S::F; 3], [x, dy]: [S::F; 2]) -> S::F {
        s.mul(scale, gate(s, [x, dy], [mean, scale, beta]))
    }
}

/// Planes up to this size are summed as columns of `[N, C * spatial]`: a plane of fewer elements
/// than the widest vector would leave lanes empty.
const SMALL_PLANE: usize = 16;

const ZERO: sums::At<[f32; STRIP]> = [[0.0; STRIP]; 4];

/// Channels that are summed together: one, or as many small planes as a strip holds.
fn group_size(exec: Exec, view: Planes) -> usize {
    if view.spatial > SMALL_PLANE { 1 } else { strip_width(exec.isa()) / view.spatial }
}

/// mean, inv_std, gamma * inv_std and beta of `count` channels; beta may be missing.
fn channels_at(affine: &Affine<'_>, first: usize, count: usize) -> sums::At<[f32; STRIP]> {
    let mut at = ZERO;
    let of = [affine.mean, affine.inv_std, affine.gamma, affine.beta];
    for (at, of) in at.iter_mut().zip(of) {
        let of = of.get(first..first + count).unwrap_or(&[]);
        at[..of.len()].copy_from_slice(of);
    }
    let [_, inv_std, scale, _] = &mut at;
    scale.iter_mut().zip(inv_std).for_each(|(scale, inv_std)| *scale *= *inv_std);
    at
}

/// Channels from `first` on.
struct Group<'a, const N: usize> {
    exec: Exec,
    view: Planes,
    first: usize,
    x: [&'a [f32]; N],
}

impl<const N: usize> Group<'_, N> {
    /// The K sums of each of `count` channels; `at` holds what goes with each.
    fn sums<const K: usize>(
        &self,
        terms: impl Terms<N, K>,
        count: usize,
        at: &sums::At<[f32; STRIP]>,
    ) -> [[f64; STRIP]; K] {
        let Planes { n, c, spatial } = self.view;
        let mut sums = [[0.0; STRIP]; K];
        if spatial > SMALL_PLANE {
            let at = at.each_ref().map(|of| of[0]);
            let channel = Channel { view: self.view, c: self.first, x: self.x, terms, at };
            for (sums, sum) in sums.iter_mut().zip(self.exec.isa().run(channel)) {
                sums[0] = sum;
            }
            return sums;
        }
        let mut wide = ZERO;
        for (wide, at) in wide.iter_mut().zip(at) {
            for (wide, &at) in wide.chunks_mut(spatial).zip(&at[..count]) {
                wide.fill(at);
            }
        }
        let strip = Strip {
            x: self.x,
            pitch: c * spatial,
            first: self.first * spatial,
            width: count * spatial,
            at: ByColumn(&wide),
        };
        let columns = column_sums(self.exec, terms, strip, 0..n);
        for (sums, columns) in sums.iter_mut().zip(columns) {
            for (sum, plane) in sums[..count].iter_mut().zip(columns.chunks(spatial)) {
                *sum = plane.iter().sum();
            }
        }
        sums
    }
}

/// One channel, plane by plane.
struct Channel<'a, T, const N: usize, const K: usize> {
    view: Planes,
    c: usize,
    x: [&'a [f32]; N],
    terms: T,
    at: sums::At<f32>,
}

impl<T: Terms<N, K>, const N: usize, const K: usize> Kernel for Channel<'_, T, N, K> {
    type Output = [f64; K];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [f64; K] {
        let Planes { n, c, spatial } = self.view;
        let mut sums = RunSums::new(s);
        for image in 0..n {
            let from = (image * c + self.c) * spatial;
            let mut plane = self.x;
            for (plane, x) in plane.iter_mut().zip(self.x) {
                *plane = &x[from..from + spatial];
            }
            sums.add(self.terms, plane, self.at);
        }
        sums.finish()
    }
}
