//! y = 1 / (1 + e^-x), dx = y (1 - y) dy.

use super::elementwise::{Reads, Unary};
use crate::{Tape, Var};
use proxtape_kernels::map::Map;
use proxtape_kernels::{Simd, math};

#[derive(Clone, Copy)]
struct Value;

impl Map<1> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        math::sigmoid(s, x)
    }
}

#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [y, dy]: [S::F; 2]) -> S::F {
        s.mul(s.mul(y, s.sub(s.splat(1.0), y)), dy)
    }
}

/// The logistic function 1 / (1 + e^-x).
#[track_caller]
pub fn sigmoid(tape: &mut Tape, x: Var) -> Var {
    Unary { name: "sigmoid", value: Value, reads: Reads::Y, product: Product }.record(tape, x)
}
