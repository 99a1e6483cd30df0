//! Y = X^T, dX = dY^T.

use crate::{Accumulate, Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::transpose::transpose as turn;

/// x: `[rows, cols]`, y: `[cols, rows]`.
struct Transpose {
    rows: usize,
    cols: usize,
}

impl Primitive for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn forward(&self, cx: Forward<'_>) {
        turn(cx.exec, cx.x.get(0), [self.rows, self.cols], cx.y, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        turn(cx.exec, cx.dy, [self.cols, self.rows], cx.dx, cx.accumulate);
    }
}

/// The transpose of x: `[rows, cols]` gives `[cols, rows]`.
///
/// # Panics
/// If x is not two-dimensional.
#[track_caller]
pub fn transpose(tape: &mut Tape, x: Var) -> Var {
    let xs = tape.shape(x);
    let &[rows, cols] = xs.dims() else {
        panic!("transpose: x is {xs}; it must be [rows, cols]");
    };
    tape.record(Transpose { rows, cols }, &[x], [cols, rows])
}
