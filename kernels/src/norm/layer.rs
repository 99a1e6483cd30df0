//! Layer norm over the rows of `x: [rows, cols]`.

use super::columns::{ByRow, Strip, column_sums, strip_width};
use super::sums::{Centred, Gradient, Plain, RunSums, ScaledGradient};
use super::{Affine, TASK, check, load_part, put_part, sized};
use crate::simd::{Kernel, Simd};
use crate::{Accumulate, Exec, Parts, size};

/// The operands of [`layer_norm`]; a row has as many elements as gamma.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// `[rows, cols]`.
    pub x: &'a [f32],
    /// The learnt scale: `[cols]`.
    pub gamma: &'a [f32],
    /// The learnt shift: `[cols]`.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub eps: f32,
}

/// The operands of the gradients of [`layer_norm`]; y is not needed.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormVjp<'a> {
    /// `[rows, cols]`.
    pub x: &'a [f32],
    /// The gradient of y: `[rows, cols]`.
    pub dy: &'a [f32],
    /// mean and inv_std are `[rows]`, gamma is `[cols]`; beta is not read.
    pub affine: Affine<'a>,
}

/// Normalises each row: `y = gamma * xhat + beta` with `gamma, beta: [cols]`. Also stores mean and
/// `inv_std = 1 / sqrt(variance + eps)`, both `[rows]`, for the vjp. The variance is biased.
///
/// # Panics
/// If a length does not fit, or memory cannot hold so many elements; rows and cols are the lengths of
/// `mean` and of gamma.
pub fn layer_norm(
    exec: Exec,
    op: &LayerNorm<'_>,
    y: &mut [f32],
    mean: &mut [f32],
    inv_std: &mut [f32],
) {
    let LayerNorm { x, gamma, beta, eps } = *op;
    let (rows, cols) = (mean.len(), gamma.len());
    let len = size::elements("layer_norm", &[rows, cols]);
    check("layer_norm", "x", x.len(), len);
    check("layer_norm", "y", y.len(), len);
    check("layer_norm", "inv_std", inv_std.len(), rows);
    check("layer_norm", "beta", beta.len(), cols);
    if cols == 0 {
        mean.fill(0.0);
        inv_std.fill(1.0 / eps.sqrt());
        return;
    }
    let task = rows_per_task(cols);
    let (rows, means) = (Parts::new(y, task * cols), Parts::new(mean, task));
    let exec = sized(exec, x.len());
    exec.chunks3(rows, means, Parts::new(inv_std, task), |i, y, mean, inv_std| {
        let x = &x[i * task * cols..][..y.len()];
        exec.isa().run(Forward { x, gamma, beta, eps, y, mean, inv_std });
    });
}

/// The gradient of x: `dx = inv_std * (g - sum(g) / cols - xhat * sum(g * xhat) / cols)`, with
/// `g = gamma * dy` and the sums over the row.
///
/// # Panics
/// If a length does not fit; rows and cols are the lengths of mean and gamma.
pub fn layer_norm_vjp(exec: Exec, op: &LayerNormVjp<'_>, dx: &mut [f32], acc: Accumulate) {
    let LayerNormVjp { x, dy, affine } = *op;
    let (rows, cols) = (affine.mean.len(), affine.gamma.len());
    let len = size::elements("layer_norm_vjp", &[rows, cols]);
    check("layer_norm_vjp", "x", x.len(), len);
    check("layer_norm_vjp", "dy", dy.len(), len);
    check("layer_norm_vjp", "dx", dx.len(), len);
    check("layer_norm_vjp", "inv_std", affine.inv_std.len(), rows);
    if cols == 0 {
        return;
    }
    let task = rows_per_task(cols);
    sized(exec, x.len()).chunks(dx, task * cols, |i, dx| {
        let from = i * task * cols;
        let (x, dy) = (&x[from..][..dx.len()], &dy[from..][..dx.len()]);
        exec.isa().run(Vjp { x, dy, first: i * task, affine, dx, acc });
    });
}

/// The gradients of gamma and beta, stored or added: `dgamma = sum(dy * xhat)`,
/// `dbeta = sum(dy)`, both `[cols]`, the sums over the rows. gamma is not read.
///
/// # Panics
/// If a length does not fit; rows and cols are the lengths of mean and `dgamma`.
pub fn layer_norm_sums(
    exec: Exec,
    op: &LayerNormVjp<'_>,
    dgamma: &mut [f32],
    dbeta: &mut [f32],
    acc: Accumulate,
) {
    let LayerNormVjp { x, dy, affine: Affine { mean, inv_std, .. } } = *op;
    let (rows, cols) = (mean.len(), dgamma.len());
    let len = size::elements("layer_norm_sums", &[rows, cols]);
    check("layer_norm_sums", "x", x.len(), len);
    check("layer_norm_sums", "dy", dy.len(), len);
    check("layer_norm_sums", "inv_std", inv_std.len(), rows);
    check("layer_norm_sums", "dbeta", dbeta.len(), cols);
    let exec = sized(exec, x.len());
    let strip = strip_width(exec.isa());
    exec.chunks2(Parts::new(dgamma, strip), Parts::new(dbeta, strip), |i, dgamma, dbeta| {
        let (first, width, at) = (i * strip, dgamma.len(), ByRow(mean, inv_std));
        let strip = Strip { x: [x, dy], pitch: cols, first, width, at };
        let sums = column_sums(exec, Gradient, strip, 0..rows);
        for (y, sums) in [dgamma, dbeta].into_iter().zip(sums) {
            for (y, sum) in y.iter_mut().zip(sums) {
                *y = match acc {
                    Accumulate::Store => sum as f32,
                    Accumulate::Add => *y + sum as f32,
                };
            }
        }
    });
}

fn rows_per_task(cols: usize) -> usize {
    (TASK / cols).max(1)
}

struct Forward<'a> {
    x: &'a [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    eps: f32,
    y: &'a mut [f32],
    mean: &'a mut [f32],
    inv_std: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (cols, eps) = (self.gamma.len(), f64::from(self.eps));
        let m = cols as f64;
        let rows = self.x.chunks_exact(cols).zip(self.y.chunks_exact_mut(cols));
        let saved = self.mean.iter_mut().zip(self.inv_std);
        for ((x, y), (mean, inv_std)) in rows.zip(saved) {
            let mut sums = RunSums::new(s);
            sums.add(Plain, [x], [0.0; 4]);
            let [sum] = sums.finish();
            let rough = (sum / m) as f32;
            let mut sums = RunSums::new(s);
            sums.add(Centred, [x], [rough, 0.0, 0.0, 0.0]);
            let [d, squares] = sums.finish();
            let variance = (squares - d * d / m) / m;
            // Not f64::max, which would turn NaN into 0.
            let variance = if variance < 0.0 { 0.0 } else { variance };
            *mean = (f64::from(rough) + d / m) as f32;
            *inv_std = (1.0 / (variance + eps).sqrt()) as f32;
            let (mean, inv_std) = (s.splat(*mean), s.splat(*inv_std));
            let mut i = 0;
            while i < cols {
                let xhat = s.mul(s.sub(load_part(s, &x[i..cols]), mean), inv_std);
                let (gamma, beta) =
                    (load_part(s, &self.gamma[i..cols]), load_part(s, &self.beta[i..cols]));
                let v = s.mul_add(xhat, gamma, beta);
                put_part(s, &mut y[i..cols], v, Accumulate::Store);
                i += S::LANES;
            }
        }
    }
}

struct Vjp<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    first: usize,
    affine: Affine<'a>,
    dx: &'a mut [f32],
    acc: Accumulate,
}

impl Kernel for Vjp<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let gamma = self.affine.gamma;
        let (cols, m) = (gamma.len(), gamma.len() as f64);
        let operands = self.x.chunks_exact(cols).zip(self.dy.chunks_exact(cols));
        let rows = operands.zip(self.dx.chunks_exact_mut(cols)).enumerate();
        for (row, ((x, dy), dx)) in rows {
            let Affine { mean, inv_std, .. } = self.affine;
            let at = [mean[self.first + row], inv_std[self.first + row], 0.0, 0.0];
            let mut sums = RunSums::new(s);
            sums.add(ScaledGradient, [x, dy, gamma], at);
            let [slope, level] = sums.finish();
            let (slope, level) = (s.splat((slope / m) as f32), s.splat((level / m) as f32));
            let (mean, inv_std) = (s.splat(at[0]), s.splat(at[1]));
            let mut i = 0;
            while i < cols {
                let xhat = s.mul(s.sub(load_part(s, &x[i..cols]), mean), inv_std);
                let (dy, gamma) = (load_part(s, &dy[i..cols]), load_part(s, &gamma[i..cols]));
                let g = s.neg_mul_add(xhat, slope, s.sub(s.mul(dy, gamma), level));
                put_part(s, &mut dx[i..cols], s.mul(inv_std, g), self.acc);
                i += S::LANES;
            }
        }
    }
}
