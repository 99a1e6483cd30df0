//! y = x + c, dx = dy.

use super::elementwise::Identity;
use crate::{Accumulate, Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Simd;
use proxtape_kernels::map::{Map, map};

#[derive(Clone, Copy)]
struct AddScalar(f32);

impl Map<1> for AddScalar {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        s.add(x, s.splat(self.0))
    }
}

impl Primitive for AddScalar {
    fn name(&self) -> &'static str {
        "add_scalar"
    }

    fn forward(&self, cx: Forward<'_>) {
        map(cx.exec, *self, [cx.x.get(0)], cx.y, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        map(cx.exec, Identity, [cx.dy], cx.dx, cx.accumulate);
    }
}

/// x + c for a number c that is fixed when the operation is recorded.
#[track_caller]
pub fn add_scalar(tape: &mut Tape, x: Var, c: f32) -> Var {
    let shape = tape.shape(x);
    tape.record(AddScalar(c), &[x], shape)
}
