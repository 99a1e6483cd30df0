//! y = gamma xhat + beta with xhat = (x - mean) / sqrt(variance + eps) of each channel.
//!
//! dgamma = sum(dy xhat), dbeta = sum(dy), dx = gamma inv_std (dy - dbeta/M - xhat dgamma/M) with
//! sums over the M elements of a channel. The three products share the two sums, so `prepare`
//! computes them once. S. Ioffe, C. Szegedy, "Batch normalization", 2015, section 3.

use super::elementwise::Identity;
use crate::{
    Exec, Forward, Operands, ParamId, Prepare, Primitive, Running, Tape, Var, Vjp, Workspace,
};
use proxtape_kernels::Activation;
use proxtape_kernels::map::map;
use proxtape_kernels::norm::{self, Affine, BatchNormVjp, Planes};

/// Where a batch normalisation keeps its running statistics, and how fast they follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormAttrs {
    /// The running mean of each channel: a statistic of `[C]`.
    pub running_mean: ParamId,
    /// The running variance of each channel: a statistic of `[C]`.
    pub running_var: ParamId,
    /// The weight of the new batch in the running statistics; PyTorch has 0.1.
    pub momentum: f32,
    /// Added to the variance; PyTorch has 1e-5.
    pub eps: f32,
}

/// A batch normalisation, in training or inference, and what follows it.
///
/// x: `[N, C, ...]`, gamma and beta: `[C]`, aux: mean, inv_std, dgamma, dbeta of `[C]` each.
pub(super) struct Norm {
    pub(super) name: &'static str,
    pub(super) view: Planes,
    pub(super) attrs: BatchNormAttrs,
    pub(super) activation: Activation,
}

impl Norm {
    /// With the view of x: `[N, C, ...]`, once gamma and beta are known to be `[C]`.
    #[track_caller]
    pub(super) fn new(
        tape: &Tape,
        name: &'static str,
        [x, gamma, beta]: [Var; 3],
        attrs: BatchNormAttrs,
        activation: Activation,
    ) -> Norm {
        let (xs, gs, bs) = (tape.shape(x), tape.shape(gamma), tape.shape(beta));
        let &[n, c, ref rest @ ..] = xs.dims() else {
            panic!("{name}: x is {xs}; it must be [N, C, ...]");
        };
        let fit = gs.dims() == [c] && bs.dims() == [c];
        assert!(fit, "{name}: x is {xs}, gamma {gs} and beta {bs}; gamma and beta must be [{c}]");
        Norm { name, view: Planes { n, c, spatial: rest.iter().product() }, attrs, activation }
    }

    pub(super) fn workspace(&self) -> Workspace {
        Workspace { aux: 4 * self.view.c, ..Workspace::default() }
    }

    /// y from x and the statistics.
    pub(super) fn normalise(
        &self,
        exec: Exec,
        x: Operands<'_>,
        [mean, inv_std]: [&[f32]; 2],
        y: &mut [f32],
    ) {
        let &Norm { view, activation, .. } = self;
        let affine = Affine { mean, inv_std, gamma: x.get(1), beta: x.get(2) };
        norm::batch_norm(exec, &norm::BatchNorm { view, x: x.get(0), affine, activation }, y);
    }

    /// Completes aux = mean, inv_std, dgamma, dbeta.
    pub(super) fn sums(&self, cx: Prepare<'_>) {
        let ([mean, inv_std], rest) = cut_mut(cx.aux, self.view.c);
        let (dgamma, dbeta) = rest.split_at_mut(self.view.c);
        let op = self.gradient(cx.x, cx.dy, [mean, inv_std]);
        norm::batch_norm_sums(cx.exec, &op, dgamma, dbeta);
    }

    /// The operands of the gradients.
    pub(super) fn gradient<'a>(
        &self,
        x: Operands<'a>,
        dy: &'a [f32],
        [mean, inv_std]: [&'a [f32]; 2],
    ) -> BatchNormVjp<'a> {
        let &Norm { view, activation, .. } = self;
        let affine = Affine { mean, inv_std, gamma: x.get(1), beta: x.get(2) };
        BatchNormVjp { view, x: x.get(0), dy, affine, activation }
    }
}

struct BatchNorm(Norm);

impl BatchNorm {
    /// Moves the running statistics towards the batch's; the variance without its bias, M - 1.
    fn follow(&self, mut running: Running<'_>, mean: &[f32], variance: &[f32]) {
        let Norm { name, view, attrs, .. } = self.0;
        let BatchNormAttrs { running_mean, running_var, momentum, .. } = attrs;
        let m = (view.n * view.spatial) as f32;
        for (id, batch, scale) in
            [(running_mean, mean, 1.0), (running_var, variance, m / (m - 1.0))]
        {
            // Parameters that are only read keep their statistics.
            let Some(statistic) = running.get_mut(id) else { return };
            check_statistic(name, statistic, view.c);
            for (r, b) in statistic.iter_mut().zip(batch) {
                *r += momentum * (scale * b - *r);
            }
        }
    }
}

impl Primitive for BatchNorm {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn workspace(&self, _: Exec) -> Workspace {
        self.0.workspace()
    }

    fn forward(&self, cx: Forward<'_>) {
        let Norm { view, attrs, .. } = self.0;
        let ([mean, inv_std], _) = cut_mut(cx.aux, view.c);
        norm::batch_statistics(cx.exec, view, cx.x.get(0), mean, inv_std);
        self.follow(cx.running, mean, inv_std);
        inv_std.iter_mut().for_each(|v| *v = inverse_std(*v, attrs.eps));
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
                norm::batch_norm_vjp(cx.exec, &op, dgamma, dbeta, cx.dx, cx.accumulate);
            }
            1 => map(cx.exec, Identity, [dgamma], cx.dx, cx.accumulate),
            _ => map(cx.exec, Identity, [dbeta], cx.dx, cx.accumulate),
        }
    }
}

/// Batch normalisation of x: `[N, C, ...]` in training: each channel is normalised by the
/// statistics of the batch, then scaled by gamma: `[C]` and shifted by beta: `[C]`.
///
/// Each forward pass also moves the running statistics: r = (1 - momentum) r + momentum s, with
/// the unbiased variance of the batch, as in PyTorch; [`Tape::infer`] leaves them as they are.
///
/// ```
/// use proxtape::{Exec, Isa, Kind, Params, Tape, ops};
/// let mut params = Params::new();
/// let running_mean = params.add("running_mean", Kind::Running, [1]);
/// let running_var = params.add("running_var", Kind::Running, [1]);
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (x, gamma, beta) = (tape.variable([2, 1]), tape.variable([1]), tape.variable([1]));
/// let attrs = ops::BatchNormAttrs { running_mean, running_var, momentum: 0.5, eps: 0.0 };
/// let y = ops::batch_norm(&mut tape, x, gamma, beta, attrs);
/// tape.set(x, &[1.0, 5.0]);
/// tape.set(gamma, &[10.0]);
/// tape.set(beta, &[3.0]);
/// tape.forward(&mut params);
/// assert_eq!(tape.value(y), [-7.0, 13.0]);
/// assert_eq!(params.value(running_mean), [1.5]);
/// assert_eq!(params.value(running_var), [4.0]);
/// ```
///
/// # Panics
/// If x has fewer than two axes or fewer than two elements of each channel, or gamma or beta is
/// not `[C]`; in forward, if a running statistic is not `[C]`.
#[track_caller]
pub fn batch_norm(tape: &mut Tape, x: Var, gamma: Var, beta: Var, attrs: BatchNormAttrs) -> Var {
    record(tape, "batch_norm", [x, gamma, beta], attrs, Activation::None)
}

#[track_caller]
pub(super) fn record(
    tape: &mut Tape,
    name: &'static str,
    inputs: [Var; 3],
    attrs: BatchNormAttrs,
    activation: Activation,
) -> Var {
    let (norm, xs) = (Norm::new(tape, name, inputs, attrs, activation), tape.shape(inputs[0]));
    assert!(
        norm.view.n * norm.view.spatial > 1,
        "{name}: x is {xs}, one element of each channel; a variance needs two or more"
    );
    tape.record(BatchNorm(norm), &inputs, xs)
}

/// aux as mean, inv_std, and the rest.
pub(super) fn cut_mut(aux: &mut [f32], c: usize) -> ([&mut [f32]; 2], &mut [f32]) {
    let (mean, rest) = aux.split_at_mut(c);
    let (inv_std, rest) = rest.split_at_mut(c);
    ([mean, inv_std], rest)
}

/// aux as mean, inv_std, dgamma, dbeta.
pub(super) fn cut(aux: &[f32], c: usize) -> [&[f32]; 4] {
    [0, 1, 2, 3].map(|i| &aux[i * c..][..c])
}

/// 1 / sqrt(variance + eps), in f64 since there are few.
pub(super) fn inverse_std(variance: f32, eps: f32) -> f32 {
    (1.0 / (f64::from(variance) + f64::from(eps)).sqrt()) as f32
}

pub(super) fn check_statistic(name: &str, statistic: &[f32], c: usize) {
    let len = statistic.len();
    assert!(len == c, "{name}: a running statistic has {len} elements; {c} channels need [{c}]");
}
