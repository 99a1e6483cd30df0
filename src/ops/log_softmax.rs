//! y = x - ln sum(e^x) over the last axis, dx = dy - e^y sum(dy).

use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::softmax::{SoftmaxVjp, log_softmax as rows, log_softmax_vjp as rows_vjp};

/// x and y: `[..., cols]`.
struct LogSoftmax {
    cols: usize,
}

impl Primitive for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn forward(&self, cx: Forward<'_>) {
        rows(cx.exec, cx.x.get(0), self.cols, cx.y);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let op = SoftmaxVjp { y: cx.y, dy: cx.dy, cols: self.cols };
        rows_vjp(cx.exec, &op, cx.dx, cx.accumulate);
    }
}

/// The logarithm of the softmax over the last axis, accurate where the softmax is near 0.
///
/// # Panics
/// If x is a scalar or its last axis is empty.
#[track_caller]
pub fn log_softmax(tape: &mut Tape, x: Var) -> Var {
    let xs = tape.shape(x);
    let cols = xs.last().copied().unwrap_or(0);
    assert!(cols > 0, "log_softmax: x is {xs}; its last axis must have 1 or more elements");
    tape.record(LogSoftmax { cols }, &[x], xs)
}
