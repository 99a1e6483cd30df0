//! y = a - b, da = dy, db = -dy.

use super::broadcast::Broadcast;
use super::elementwise::{Identity, Scale};
use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Simd;
use proxtape_kernels::map::Map;

struct Sub(Broadcast);

#[derive(Clone, Copy)]
struct Difference;

impl Map<2> for Difference {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [a, b]: [S::F; 2]) -> S::F {
        s.sub(a, b)
    }
}

impl Primitive for Sub {
    fn name(&self) -> &'static str {
        "sub"
    }

    fn forward(&self, cx: Forward<'_>) {
        self.0.forward(cx, Difference);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let dy = self.0.output(cx.dy);
        match cx.input {
            0 => self.0.vjp(cx, Identity, [dy]),
            _ => self.0.vjp(cx, Scale(-1.0), [dy]),
        }
    }
}

/// a - b, with NumPy's broadcasting.
///
/// # Panics
/// If the shapes do not broadcast: aligned at the last axis, extents must be equal or 1.
#[track_caller]
pub fn sub(tape: &mut Tape, a: Var, b: Var) -> Var {
    let broadcast = Broadcast::new(tape, "sub", [a, b]);
    tape.record(Sub(broadcast), &[a, b], broadcast.shape())
}
