//! y = the sum of x, dx = dy everywhere.

use super::elementwise::Constant;
use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::map::map;
use proxtape_kernels::reduce;

struct Sum;

impl Primitive for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn forward(&self, cx: Forward<'_>) {
        cx.y[0] = reduce::sum(cx.exec, cx.x.get(0));
    }

    fn vjp(&self, cx: Vjp<'_>) {
        map(cx.exec, Constant(cx.dy[0]), [], cx.dx, cx.accumulate);
    }
}

/// The sum of all elements, a scalar.
#[track_caller]
pub fn sum(tape: &mut Tape, x: Var) -> Var {
    tape.record(Sum, &[x], [])
}
