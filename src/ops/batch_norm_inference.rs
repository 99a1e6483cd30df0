//! y = gamma (x - mean) inv_std + beta with the running statistics, which are constants here:
//! dx = gamma inv_std dy, dgamma = sum(dy xhat), dbeta = sum(dy).

use super::batch_norm::{BatchNormAttrs, Norm, check_statistic, cut, cut_mut, inverse_std};
use super::elementwise::Identity;
use crate::{Exec, Forward, Prepare, Primitive, Tape, Var, Vjp, Workspace};
use proxtape_kernels::Activation;
use proxtape_kernels::map::map;
use proxtape_kernels::norm;

struct BatchNormInference(Norm);

impl Primitive for BatchNormInference {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn workspace(&self, _: Exec) -> Workspace {
        self.0.workspace()
    }

    fn forward(&self, cx: Forward<'_>) {
        let Norm { name, view, attrs, .. } = self.0;
        let BatchNormAttrs { running_mean, running_var, eps, .. } = attrs;
        let ([mean, inv_std], _) = cut_mut(cx.aux, view.c);
        for (id, copy) in [(running_mean, &mut *mean), (running_var, &mut *inv_std)] {
            let statistic = cx.running.get(id);
            check_statistic(name, statistic, view.c);
            copy.copy_from_slice(statistic);
        }
        inv_std.iter_mut().for_each(|v| *v = inverse_std(*v, eps));
        self.0.normalise(cx.exec, cx.x, [mean, inv_std], cx.y);
    }

    fn prepare(&self, cx: Prepare<'_>) {
        self.0.sums(cx);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let [mean, inv_std, dgamma, dbeta] = cut(cx.aux, self.0.view.c);
        match cx.input {
            0 => {
                let op = self.0.gradient(cx.x, cx.dy, [mean, inv_std]);
                norm::batch_norm_inference_vjp(cx.exec, &op, cx.dx, cx.accumulate);
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
    record(tape, "batch_norm_inference", [x, gamma, beta], attrs, Activation::None)
}

#[track_caller]
pub(super) fn record(
    tape: &mut Tape,
    name: &'static str,
    inputs: [Var; 3],
    attrs: BatchNormAttrs,
    activation: Activation,
) -> Var {
    let norm = Norm::new(tape, name, inputs, attrs, activation);
    let xs = tape.shape(inputs[0]);
    tape.record(BatchNormInference(norm), &inputs, xs)
}
