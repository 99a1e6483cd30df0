//! y = max(gamma xhat + beta, 0): a batch normalisation and the ReLU behind it in one pass over
//! memory each way. The gradient finds from x where y was positive; see `norm` of the kernels.

use super::{BatchNormAttrs, batch_norm, batch_norm_inference};
use crate::{Tape, Var};
use proxtape_kernels::Activation;

/// [`relu`](super::relu) of [`batch_norm`](super::batch_norm()), to the same bits.
///
/// ```
/// use proxtape::{Exec, Isa, Kind, Params, Tape, ops};
/// let mut params = Params::new();
/// let running_mean = params.add("running_mean", Kind::Running, [1]);
/// let running_var = params.add("running_var", Kind::Running, [1]);
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (x, gamma, beta) = (tape.variable([2, 1]), tape.variable([1]), tape.variable([1]));
/// let attrs = ops::BatchNormAttrs { running_mean, running_var, momentum: 0.5, eps: 0.0 };
/// let y = ops::batch_norm_relu(&mut tape, x, gamma, beta, attrs);
/// tape.set(x, &[1.0, 5.0]);
/// tape.set(gamma, &[10.0]);
/// tape.set(beta, &[3.0]);
/// tape.forward(&mut params);
/// assert_eq!(tape.value(y), [0.0, 13.0]);
/// ```
///
/// # Panics
/// As batch_norm does.
#[track_caller]
pub fn batch_norm_relu(
    tape: &mut Tape,
    x: Var,
    gamma: Var,
    beta: Var,
    attrs: BatchNormAttrs,
) -> Var {
    batch_norm::record(tape, "batch_norm_relu", [x, gamma, beta], attrs, Activation::Relu)
}

/// [`relu`](super::relu) of [`batch_norm_inference`](super::batch_norm_inference()), to the same
/// bits.
///
/// # Panics
/// As batch_norm_inference does.
#[track_caller]
pub fn batch_norm_inference_relu(
    tape: &mut Tape,
    x: Var,
    gamma: Var,
    beta: Var,
    attrs: BatchNormAttrs,
) -> Var {
    let (name, inputs) = ("batch_norm_inference_relu", [x, gamma, beta]);
    batch_norm_inference::record(tape, name, inputs, attrs, Activation::Relu)
}
