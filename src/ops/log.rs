//! y = ln x, dx = dy / x.

use super::elementwise::{Reads, Unary};
use crate::{Tape, Var};
use proxtape_kernels::map::Map;
use proxtape_kernels::{Simd, math};

#[derive(Clone, Copy)]
struct Value;

impl Map<1> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        math::ln(s, x)
    }
}

#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x, dy]: [S::F; 2]) -> S::F {
        s.div(dy, x)
    }
}

/// The natural logarithm; NaN below 0, and minus infinity at 0.
#[track_caller]
pub fn log(tape: &mut Tape, x: Var) -> Var {
    Unary { name: "log", value: Value, reads: Reads::X, product: Product }.record(tape, x)
}
