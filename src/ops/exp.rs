//! y = e^x, dx = y dy.

use super::elementwise::{Reads, Unary};
use crate::{Tape, Var};
use proxtape_kernels::map::Map;
use proxtape_kernels::{Simd, math};

#[derive(Clone, Copy)]
struct Value;

impl Map<1> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        math::exp(s, x)
    }
}

#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [y, dy]: [S::F; 2]) -> S::F {
        s.mul(y, dy)
    }
}

/// e^x.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let x = tape.variable([1]);
/// let y = ops::exp(&mut tape, x);
/// tape.set(x, &[0.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// tape.backward(params, y, &mut ());
/// assert_eq!((tape.value(y), tape.gradient(x)), (&[1.0][..], &[1.0][..]));
/// ```
#[track_caller]
pub fn exp(tape: &mut Tape, x: Var) -> Var {
    Unary { name: "exp", value: Value, reads: Reads::Y, product: Product }.record(tape, x)
}
