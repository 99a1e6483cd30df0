//! y = -x, dx = -dy.

use crate::{Accumulate, Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Simd;
use proxtape_kernels::map::{Map, map};

struct Neg;

#[derive(Clone, Copy)]
struct Negative;

impl Map<1> for Negative {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        s.neg(x)
    }
}

impl Primitive for Neg {
    fn name(&self) -> &'static str {
        "neg"
    }

    fn forward(&self, cx: Forward<'_>) {
        map(cx.exec, Negative, [cx.x.get(0)], cx.y, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        map(cx.exec, Negative, [cx.dy], cx.dx, cx.accumulate);
    }
}

/// -x.
#[track_caller]
pub fn neg(tape: &mut Tape, x: Var) -> Var {
    let shape = tape.shape(x);
    tape.record(Neg, &[x], shape)
}
