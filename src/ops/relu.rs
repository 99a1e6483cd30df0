//! y = max(x, 0), dx = dy where y > 0 and 0 elsewhere.

use super::elementwise::{Reads, Unary};
use crate::{Tape, Var};
use proxtape_kernels::Simd;
use proxtape_kernels::map::Map;

#[derive(Clone, Copy)]
pub(super) struct Value;

impl Map<1> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        // In this order a NaN stays a NaN.
        s.max(s.zero(), x)
    }
}

/// Of y and dy.
#[derive(Clone, Copy)]
pub(super) struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [y, dy]: [S::F; 2]) -> S::F {
        s.select_or_zero(s.gt(y, s.zero()), dy)
    }
}

/// max(x, 0); its gradient at 0 is 0.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let x = tape.variable([3]);
/// let y = ops::relu(&mut tape, x);
/// tape.set(x, &[-1.0, 0.0, 2.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [0.0, 0.0, 2.0]);
/// tape.backward_from(params, (y, &[5.0; 3]), &mut ());
/// assert_eq!(tape.gradient(x), [0.0, 0.0, 5.0]);
/// ```
#[track_caller]
pub fn relu(tape: &mut Tape, x: Var) -> Var {
    Unary { name: "relu", value: Value, reads: Reads::Y, product: Product }.record(tape, x)
}
