//! y = sqrt(x), dx = dy / (2 y).

use super::elementwise::{Reads, Unary};
use crate::{Tape, Var};
use proxtape_kernels::Simd;
use proxtape_kernels::map::Map;

#[derive(Clone, Copy)]
struct Value;

impl Map<1> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        s.sqrt(x)
    }
}

#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [y, dy]: [S::F; 2]) -> S::F {
        s.div(s.mul(s.splat(0.5), dy), y)
    }
}

/// The square root; its gradient at 0 is infinite.
#[track_caller]
pub fn sqrt(tape: &mut Tape, x: Var) -> Var {
    Unary { name: "sqrt", value: Value, reads: Reads::Y, product: Product }.record(tape, x)
}
