//! y = a b elementwise, da = b dy, db = a dy.

use super::broadcast::Broadcast;
use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Simd;
use proxtape_kernels::map::Map;

struct Mul(Broadcast);

#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [a, b]: [S::F; 2]) -> S::F {
        s.mul(a, b)
    }
}

impl Primitive for Mul {
    fn name(&self) -> &'static str {
        "mul"
    }

    fn forward(&self, cx: Forward<'_>) {
        self.0.forward(cx, Product);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let (other, dy) = (self.0.input(cx.x, 1 - cx.input), self.0.output(cx.dy));
        self.0.vjp(cx, Product, [other, dy]);
    }
}

/// The elementwise product a b, with NumPy's broadcasting.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (a, b) = (tape.variable([2]), tape.variable([2]));
/// let y = ops::mul(&mut tape, a, b);
/// tape.set(a, &[1.0, 2.0]);
/// tape.set(b, &[3.0, 4.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [3.0, 8.0]);
/// tape.backward_from(params, y, &[1.0, 1.0], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(a), [3.0, 4.0]);
/// ```
///
/// # Panics
/// If the shapes do not broadcast: aligned at the last axis, extents must be equal or 1.
#[track_caller]
pub fn mul(tape: &mut Tape, a: Var, b: Var) -> Var {
    let broadcast = Broadcast::new(tape, "mul", [a, b]);
    tape.record(Mul(broadcast), &[a, b], broadcast.shape())
}
