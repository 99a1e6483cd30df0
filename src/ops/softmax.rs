//! y = e^x / sum(e^x) over the last axis, dx = y (dy - sum(y dy)).

use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::softmax::{SoftmaxVjp, softmax as rows, softmax_vjp as rows_vjp};

/// x and y: `[..., cols]`.
struct Softmax {
    cols: usize,
}

impl Primitive for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn forward(&self, cx: Forward<'_>) {
        rows(cx.exec, cx.x.get(0), self.cols, cx.y);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let op = SoftmaxVjp { y: cx.y, dy: cx.dy, cols: self.cols };
        rows_vjp(cx.exec, &op, cx.dx, cx.accumulate);
    }
}

/// The softmax over the last axis.
///
/// # Panics
/// If x is a scalar or its last axis is empty.
#[track_caller]
pub fn softmax(tape: &mut Tape, x: Var) -> Var {
    let xs = tape.shape(x);
    let cols = xs.last().copied().unwrap_or(0);
    assert!(cols > 0, "softmax: x is {xs}; its last axis must have 1 or more elements");
    tape.record(Softmax { cols }, &[x], xs)
}
