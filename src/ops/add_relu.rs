//! y = max(a + b, 0), da = db = dy where y > 0 and 0 elsewhere: the end of a residual block in one
//! pass over memory each way.

use super::broadcast::Broadcast;
use super::unary::relu;
use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Simd;
use proxtape_kernels::map::Map;

struct AddRelu(Broadcast);

#[derive(Clone, Copy)]
struct Value;

impl Map<2> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [a, b]: [S::F; 2]) -> S::F {
        relu::Value {}.eval(s, [s.add(a, b)])
    }
}

impl Primitive for AddRelu {
    fn name(&self) -> &'static str {
        "add_relu"
    }

    fn forward(&self, cx: Forward<'_>) {
        self.0.forward(cx, Value);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let operands = [self.0.output(cx.y), self.0.output(cx.dy)];
        self.0.vjp(cx, relu::Product {}, operands);
    }
}

/// [`relu`](super::relu()) of [`add`](super::add), to the same bits.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (a, b) = (tape.variable([2, 2]), tape.variable([2]));
/// let y = ops::add_relu(&mut tape, a, b);
/// tape.set(a, &[1.0, 2.0, 3.0, 4.0]);
/// tape.set(b, &[-2.0, 20.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [0.0, 22.0, 1.0, 24.0]);
/// tape.backward_from(params, y, &[1.0; 4], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(b), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If the shapes do not broadcast: aligned at the last axis, extents must be equal or 1.
#[track_caller]
pub fn add_relu(tape: &mut Tape, a: Var, b: Var) -> Var {
    let broadcast = Broadcast::new(tape, "add_relu", [a, b]);
    tape.record(AddRelu(broadcast), &[a, b], broadcast.shape())
}
