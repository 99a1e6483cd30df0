//! y = a / b, da = dy / b, db = -dy y / b.

use super::broadcast::Broadcast;
use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Simd;
use proxtape_kernels::map::Map;

struct Div(Broadcast);

#[derive(Clone, Copy)]
struct Quotient;

impl Map<2> for Quotient {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [a, b]: [S::F; 2]) -> S::F {
        s.div(a, b)
    }
}

/// (dy, y, b) -> -dy y / b.
#[derive(Clone, Copy)]
struct ToDivisor;

impl Map<3> for ToDivisor {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [dy, y, b]: [S::F; 3]) -> S::F {
        s.neg(s.div(s.mul(dy, y), b))
    }
}

impl Primitive for Div {
    fn name(&self) -> &'static str {
        "div"
    }

    fn forward(&self, cx: Forward<'_>) {
        self.0.forward(cx, Quotient);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let (b, dy) = (self.0.input(cx.x, 1), self.0.output(cx.dy));
        let y = self.0.output(cx.y);
        match cx.input {
            0 => self.0.vjp(cx, Quotient, [dy, b]),
            _ => self.0.vjp(cx, ToDivisor, [dy, y, b]),
        }
    }
}

/// a / b elementwise, with NumPy's broadcasting.
///
/// # Panics
/// If the shapes do not broadcast: aligned at the last axis, extents must be equal or 1.
#[track_caller]
pub fn div(tape: &mut Tape, a: Var, b: Var) -> Var {
    let broadcast = Broadcast::new(tape, "div", [a, b]);
    tape.record(Div(broadcast), &[a, b], broadcast.shape())
}
