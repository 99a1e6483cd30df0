//! y = gamma xhat + beta with xhat = (x - mean) / sqrt(variance + eps) of each row.
//!
//! With g = gamma dy and means over the row: dx = inv_std (g - mean(g) - xhat mean(g xhat)),
//! dgamma = sum(dy xhat) and dbeta = sum(dy) over the rows.
//! J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

use super::elementwise::Identity;
use crate::{Accumulate, Exec, Forward, Operands, Prepare, Primitive, Tape, Var, Vjp, Workspace};
use proxtape_kernels::map::map;
use proxtape_kernels::norm::{self, Affine, LayerNormVjp};

/// x: `[rows, cols]`, gamma and beta: `[cols]`, aux: mean and inv_std of `[rows]`, dgamma and
/// dbeta of `[cols]`.
struct LayerNorm {
    rows: usize,
    cols: usize,
    eps: f32,
}

impl LayerNorm {
    /// The operands of the gradients.
    fn gradient<'a>(
        &self,
        x: Operands<'a>,
        dy: &'a [f32],
        statistics: &'a [f32],
    ) -> LayerNormVjp<'a> {
        let (mean, inv_std) = statistics.split_at(self.rows);
        let affine = Affine { mean, inv_std, gamma: x.get(1), beta: x.get(2) };
        LayerNormVjp { x: x.get(0), dy, affine }
    }
}

impl Primitive for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn workspace(&self, _: Exec) -> Workspace {
        Workspace { aux: 2 * (self.rows + self.cols), ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        let (mean, inv_std) = cx.aux[..2 * self.rows].split_at_mut(self.rows);
        let (x, gamma, beta) = (cx.x.get(0), cx.x.get(1), cx.x.get(2));
        let op = norm::LayerNorm { x, gamma, beta, eps: self.eps };
        norm::layer_norm(cx.exec, &op, cx.y, mean, inv_std);
    }

    fn prepare(&self, cx: Prepare<'_>) {
        let (statistics, sums) = cx.aux.split_at_mut(2 * self.rows);
        let (dgamma, dbeta) = sums.split_at_mut(self.cols);
        let op = self.gradient(cx.x, cx.dy, statistics);
        norm::layer_norm_sums(cx.exec, &op, dgamma, dbeta, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let (statistics, sums) = cx.aux.split_at(2 * self.rows);
        let (dgamma, dbeta) = sums.split_at(self.cols);
        match cx.input {
            0 => {
                let op = self.gradient(cx.x, cx.dy, statistics);
                norm::layer_norm_vjp(cx.exec, &op, cx.dx, cx.accumulate);
            }
            1 => map(cx.exec, Identity, [dgamma], cx.dx, cx.accumulate),
            _ => map(cx.exec, Identity, [dbeta], cx.dx, cx.accumulate),
        }
    }
}

/// Layer normalisation over the last axis of x: `[..., cols]`, with gamma and beta: `[cols]`.
///
/// # Panics
/// If x is a scalar or its rows are empty, or gamma or beta is not `[cols]`.
#[track_caller]
pub fn layer_norm(tape: &mut Tape, x: Var, gamma: Var, beta: Var, eps: f32) -> Var {
    let (xs, gs, bs) = (tape.shape(x), tape.shape(gamma), tape.shape(beta));
    let cols = xs.last().copied().unwrap_or(0);
    assert!(cols > 0, "layer_norm: x is {xs}; its last axis must have 1 or more elements");
    let fit = gs.dims() == [cols] && bs.dims() == [cols];
    assert!(
        fit,
        "layer_norm: x is {xs}, gamma {gs} and beta {bs}; gamma and beta must be [{cols}]"
    );
    let op = LayerNorm { rows: xs.len() / cols, cols, eps };
    tape.record(op, &[x, gamma, beta], xs)
}
