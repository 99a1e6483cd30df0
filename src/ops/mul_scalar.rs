//! y = c x, dx = c dy.

use super::elementwise::Scale;
use crate::{Accumulate, Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::map::map;

struct MulScalar(Scale);

impl Primitive for MulScalar {
    fn name(&self) -> &'static str {
        "mul_scalar"
    }

    fn forward(&self, cx: Forward<'_>) {
        map(cx.exec, self.0, [cx.x.get(0)], cx.y, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        map(cx.exec, self.0, [cx.dy], cx.dx, cx.accumulate);
    }
}

/// c x for a number c that is fixed when the operation is recorded.
#[track_caller]
pub fn mul_scalar(tape: &mut Tape, x: Var, c: f32) -> Var {
    let shape = tape.shape(x);
    tape.record(MulScalar(Scale(c)), &[x], shape)
}
