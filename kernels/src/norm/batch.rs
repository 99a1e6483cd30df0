//! Batch norm over `x: [N, C, spatial]`, M = N * spatial elements in a channel.

mod formulas;
mod group;

use super::apply::apply;
use super::sums::{Centred, Gated, Gradient, Plain};
use super::{Affine, Planes, check, sized};
use crate::activation::Activation;
use crate::{Accumulate, Exec, Parts};
use formulas::{Forward, GatedInferenceVjp, GatedVjp, InferenceVjp, Vjp};
use group::{Group, ZERO, channels_at, group_size};

/// The right-hand side of `y = f(gamma * (x - mean) * inv_std + beta)`.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// The shape of x.
    pub view: Planes,
    /// `[N, C, spatial]`.
    pub x: &'a [f32],
    /// Each is `[C]`.
    pub affine: Affine<'a>,
    /// Applied last: f.
    pub activation: Activation,
}

/// The operands of the gradients of [`batch_norm`]; y is not needed.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormVjp<'a> {
    /// The shape of x and dy.
    pub view: Planes,
    /// `[N, C, spatial]`.
    pub x: &'a [f32],
    /// The gradient of y: `[N, C, spatial]`.
    pub dy: &'a [f32],
    /// Each is `[C]`.
    pub affine: Affine<'a>,
    /// What was applied last: f.
    pub activation: Activation,
}

/// Mean and biased variance of each channel: `mean, variance: [C]`.
///
/// `variance = sum((x - mean)^2) / M`; a channel without elements has mean 0 and variance 0.
///
/// # Panics
/// If a length does not fit the view, or memory cannot hold it.
pub fn batch_statistics(
    exec: Exec,
    view: Planes,
    x: &[f32],
    mean: &mut [f32],
    variance: &mut [f32],
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
    let (means, variances) = (Parts::new(mean, channels), Parts::new(variance, channels));
    exec.chunks2(means, variances, |i, mean, variance| {
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
/// If a length does not fit the view, or memory cannot hold it.
pub fn batch_norm(exec: Exec, op: &BatchNorm<'_>, y: &mut [f32]) {
    let BatchNorm { view, x, affine, activation } = *op;
    check("batch_norm", "x", x.len(), view.len());
    check("batch_norm", "y", y.len(), view.len());
    check_affine("batch_norm", view, &affine);
    check("batch_norm", "beta", affine.beta.len(), view.c);
    match activation {
        Activation::None => {
            apply(exec, view, Forward::<false>(affine), [x], y, Accumulate::Store);
        }
        Activation::Relu => apply(exec, view, Forward::<true>(affine), [x], y, Accumulate::Store),
    }
}

/// The gradients of gamma and beta: `dgamma = sum(dz * xhat)`, `dbeta = sum(dz)`: `[C]` each, with
/// `dz = dy * f'(gamma * xhat + beta)`. Both are stored, not added.
///
/// # Panics
/// If a length does not fit the view, or memory cannot hold it.
pub fn batch_norm_sums(exec: Exec, op: &BatchNormVjp<'_>, dgamma: &mut [f32], dbeta: &mut [f32]) {
    let BatchNormVjp { view, x, dy, affine, activation } = *op;
    check("batch_norm_sums", "x", x.len(), view.len());
    check("batch_norm_sums", "dy", dy.len(), view.len());
    op.check_affine("batch_norm_sums");
    check("batch_norm_sums", "dgamma", dgamma.len(), view.c);
    check("batch_norm_sums", "dbeta", dbeta.len(), view.c);
    if view.is_empty() {
        dgamma.fill(0.0);
        dbeta.fill(0.0);
        return;
    }
    let exec = sized(exec, view.len());
    let channels = group_size(exec, view);
    let (dgammas, dbetas) = (Parts::new(dgamma, channels), Parts::new(dbeta, channels));
    exec.chunks2(dgammas, dbetas, |i, dgamma, dbeta| {
        let first = i * channels;
        let group = Group { exec, view, first, x: [x, dy] };
        let count = dgamma.len();
        let at = channels_at(&affine, first, count);
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
/// If a length does not fit the view, or memory cannot hold it.
pub fn batch_norm_vjp(
    exec: Exec,
    op: &BatchNormVjp<'_>,
    dgamma: &[f32],
    dbeta: &[f32],
    dx: &mut [f32],
    acc: Accumulate,
) {
    let BatchNormVjp { view, x, dy, affine, activation } = *op;
    check("batch_norm_vjp", "x", x.len(), view.len());
    check("batch_norm_vjp", "dy", dy.len(), view.len());
    check("batch_norm_vjp", "dx", dx.len(), view.len());
    check("batch_norm_vjp", "dgamma", dgamma.len(), view.c);
    check("batch_norm_vjp", "dbeta", dbeta.len(), view.c);
    op.check_affine("batch_norm_vjp");
    let inv_m = (1.0 / view.per_channel() as f64) as f32;
    let vjp = Vjp { affine, dgamma, dbeta, inv_m };
    match activation {
        Activation::None => apply(exec, view, vjp, [x, dy], dx, acc),
        Activation::Relu => apply(exec, view, GatedVjp(vjp), [x, dy], dx, acc),
    }
}

/// The gradient of x in inference, where mean and variance are constants:
/// `dx = gamma * inv_std * dz`, dz as for [`batch_norm_sums`].
///
/// # Panics
/// If a length does not fit the view, or memory cannot hold it.
pub fn batch_norm_inference_vjp(
    exec: Exec,
    op: &BatchNormVjp<'_>,
    dx: &mut [f32],
    acc: Accumulate,
) {
    let BatchNormVjp { view, x, dy, affine, activation } = *op;
    check("batch_norm_inference_vjp", "x", x.len(), view.len());
    check("batch_norm_inference_vjp", "dy", dy.len(), view.len());
    check("batch_norm_inference_vjp", "dx", dx.len(), view.len());
    op.check_affine("batch_norm_inference_vjp");
    match activation {
        Activation::None => apply(exec, view, InferenceVjp(affine), [dy], dx, acc),
        Activation::Relu => apply(exec, view, GatedInferenceVjp(affine), [x, dy], dx, acc),
    }
}

#[track_caller]
fn check_affine(op: &str, view: Planes, affine: &Affine<'_>) {
    check(op, "mean", affine.mean.len(), view.c);
    check(op, "inv_std", affine.inv_std.len(), view.c);
    check(op, "gamma", affine.gamma.len(), view.c);
}

impl BatchNormVjp<'_> {
    /// A gradient reads beta only to see where a ReLU was open.
    #[track_caller]
    fn check_affine(&self, op: &str) {
        check_affine(op, self.view, &self.affine);
        if self.activation == Activation::Relu {
            check(op, "beta", self.affine.beta.len(), self.view.c);
        }
    }
}
