//! y = x/2 (1 + t) with t = tanh u and u = sqrt(2/pi) (x + 0.044715 x^3);
//! dx = ((1 + t)/2 + x/2 (1 - t^2) u') dy with u' = sqrt(2/pi) (1 + 3 * 0.044715 x^2).
//!
//! D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016.

use super::elementwise::{Reads, Unary};
use crate::{Tape, Var};
use proxtape_kernels::map::Map;
use proxtape_kernels::{Simd, math};
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

const CUBIC: f32 = 0.044715;
/// sqrt(2/pi)
const LINEAR: f32 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

#[derive(Clone, Copy)]
struct Value;

impl Map<1> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        math::gelu_tanh(s, x)
    }
}

#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x, dy]: [S::F; 2]) -> S::F {
        // tanh u is 1 in f32 for x >= 6: the slope is 0 or 1 beyond, and inf * 0 is avoided.
        let x = s.min(s.splat(15.0), s.max(s.splat(-15.0), x));
        let (half, one) = (s.splat(0.5), s.splat(1.0));
        let xx = s.mul(x, x);
        let u = s.mul(x, s.mul_add(xx, s.splat(LINEAR * CUBIC), s.splat(LINEAR)));
        let du = s.mul_add(xx, s.splat(3.0 * LINEAR * CUBIC), s.splat(LINEAR));
        let t = math::tanh(s, u);
        let bend = s.mul(s.mul(s.mul(half, x), s.neg_mul_add(t, t, one)), du);
        s.mul(s.add(s.mul_add(half, t, half), bend), dy)
    }
}

/// The Gaussian error linear unit, approximated by tanh as in PyTorch's `approximate='tanh'`.
#[track_caller]
pub fn gelu_tanh(tape: &mut Tape, x: Var) -> Var {
    Unary { name: "gelu_tanh", value: Value, reads: Reads::X, product: Product }.record(tape, x)
}
