//! y = gamma (x - mean) inv_std + beta with the running statistics, which are constants here:
//! dx = gamma inv_std dy, dgamma = sum(dy xhat), dbeta = sum(dy).

use super::batch_norm::{BatchNormAttrs, check_statistic, cut, cut_mut, inverse_std, planes, sums};
use super::elementwise::Identity;
use crate::{Exec, Forward, Prepare, Primitive, Tape, Var, Vjp, Workspace};
use proxtape_kernels::Activation;
use proxtape_kernels::map::map;
use proxtape_kernels::norm::{self, Affine, Planes};

/// x: `[N, C, ...]`, gamma and beta: `[C]`, aux: mean, inv_std, dgamma, dbeta of `[C]` each.
struct BatchNormInference {
    name: &'static str,
    view: Planes,
    attrs: BatchNormAttrs,
    /// What follows.
    activation: Activation,
}

impl Primitive for BatchNormInference {
    fn name(&self) -> &'static str {
        self.name
    }

    fn workspace(&self, _: Exec) -> Workspace {
        Workspace { aux: 4 * self.view.c, ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        let BatchNormAttrs { running_mean, running_var, eps, .. } = self.attrs;
        let ([mean, inv_std], _) = cut_mut(cx.aux, self.view.c);
        for (id, copy) in [(running_mean, &mut *mean), (running_var, &mut *inv_std)] {
            let statistic = cx.running.get(id);
            check_statistic(self.name, statistic, self.view.c);
            copy.copy_from_slice(statistic);
        }
        inv_std.iter_mut().for_each(|v| *v = inverse_std(*v, eps));
        let affine = Affine { mean, inv_std, gamma: cx.x.get(1), beta: cx.x.get(2) };
        norm::batch_norm(cx.exec, self.view, cx.x.get(0), (&affine, self.activation), cx.y);
    }

    fn prepare(&self, cx: Prepare<'_>) {
        sums((self.view, self.activation), cx);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let [mean, inv_std, dgamma, dbeta] = cut(cx.aux, self.view.c);
        match cx.input {
            0 => {
                let affine = Affine { mean, inv_std, gamma: cx.x.get(1), beta: cx.x.get(2) };
                let (affine, data) = ((&affine, self.activation), (cx.x.get(0), cx.dy));
                let dx = (cx.dx, cx.accumulate);
                norm::batch_norm_inference_vjp(cx.exec, self.view, data, affine, dx);
            }
            1 => map(cx.exec, Identity, [dgamma], cx.dx, cx.accumulate),
            _ => map(cx.exec, Identity, [dbeta], cx.dx, cx.accumulate),
        }
    }
}

/// Batch normalisation of x: `[N, C, ...]` by the running statistics, with gamma and beta: `[C]`.
///
/// # Panics
/// If x has fewer than two axes, or gamma or beta is not `[C]`; in forward, if a running statistic
/// is not `[C]`.
#[track_caller]
pub fn batch_norm_inference(
    tape: &mut Tape,
    x: Var,
    gamma: Var,
    beta: Var,
    attrs: BatchNormAttrs,
) -> Var {
    record(tape, "batch_norm_inference", [x, gamma, beta], (attrs, Activation::None))
}

#[track_caller]
pub(super) fn record(
    tape: &mut Tape,
    name: &'static str,
    inputs: [Var; 3],
    (attrs, activation): (BatchNormAttrs, Activation),
) -> Var {
    let (view, xs) = planes(tape, name, inputs);
    tape.record(BatchNormInference { name, view, attrs, activation }, &inputs, xs)
}
