//! y = a + b, da = dy, db = dy.

use super::broadcast::Broadcast;
use super::elementwise::Identity;
use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Simd;
use proxtape_kernels::map::Map;

struct Add(Broadcast);

#[derive(Clone, Copy)]
struct Sum;

impl Map<2> for Sum {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [a, b]: [S::F; 2]) -> S::F {
        s.add(a, b)
    }
}

impl Primitive for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn forward(&self, cx: Forward<'_>) {
        self.0.forward(cx, Sum);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let dy = self.0.output(cx.dy);
        self.0.vjp(cx, Identity, [dy]);
    }
}

/// a + b, with NumPy's broadcasting.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (a, b) = (tape.variable([2, 2]), tape.variable([2]));
/// let y = ops::add(&mut tape, a, b);
/// tape.set(a, &[1.0, 2.0, 3.0, 4.0]);
/// tape.set(b, &[10.0, 20.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [11.0, 22.0, 13.0, 24.0]);
/// tape.backward_from(params, y, &[1.0; 4], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(b), [2.0, 2.0]);
/// ```
///
/// # Panics
/// If the shapes do not broadcast: aligned at the last axis, extents must be equal or 1.
#[track_caller]
pub fn add(tape: &mut Tape, a: Var, b: Var) -> Var {
    let broadcast = Broadcast::new(tape, "add", [a, b]);
    tape.record(Add(broadcast), &[a, b], broadcast.shape())
}
