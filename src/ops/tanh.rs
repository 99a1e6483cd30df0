//! y = tanh x, dx = (1 - y)(1 + y) dy.

use super::elementwise::{Reads, Unary};
use crate::{Tape, Var};
use proxtape_kernels::map::Map;
use proxtape_kernels::{Simd, math};

#[derive(Clone, Copy)]
struct Value;

impl Map<1> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        math::tanh(s, x)
    }
}

#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [y, dy]: [S::F; 2]) -> S::F {
        let one = s.splat(1.0);
        // As a product, since 1 - y^2 cancels near 1.
        s.mul(s.mul(s.sub(one, y), s.add(one, y)), dy)
    }
}

/// The hyperbolic tangent.
#[track_caller]
pub fn tanh(tape: &mut Tape, x: Var) -> Var {
    Unary { name: "tanh", value: Value, reads: Reads::Y, product: Product }.record(tape, x)
}
