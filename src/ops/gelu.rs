//! y = x Phi(x) with the normal distribution function Phi, dx = (Phi(x) + x phi(x)) dy.
//!
//! D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016.

use super::elementwise::{Reads, Unary};
use crate::{Tape, Var};
use proxtape_kernels::map::Map;
use proxtape_kernels::{Simd, math};
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

#[derive(Clone, Copy)]
struct Value;

impl Map<1> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        math::gelu(s, x)
    }
}

#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x, dy]: [S::F; 2]) -> S::F {
        // phi(15) is below the smallest f32: the slope is 0 or 1 beyond, and inf * 0 is avoided.
        let x = s.min(s.splat(15.0), s.max(s.splat(-15.0), x));
        let erf = math::erf(s, s.mul(x, s.splat(FRAC_1_SQRT_2)));
        let distribution = s.mul_add(erf, s.splat(0.5), s.splat(0.5));
        // phi(x) = e^(-x^2 / 2) / sqrt(2 pi)
        let density = math::exp(s, s.mul(s.mul(x, x), s.splat(-0.5)));
        let x = s.mul(x, s.splat(0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2));
        s.mul(s.mul_add(x, density, distribution), dy)
    }
}

/// The Gaussian error linear unit x Phi(x), by the error function.
///
/// For the approximation by tanh, as in PyTorch's `approximate='tanh'`, see
/// [`gelu_tanh`](super::gelu_tanh()).
#[track_caller]
pub fn gelu(tape: &mut Tape, x: Var) -> Var {
    Unary { name: "gelu", value: Value, reads: Reads::X, product: Product }.record(tape, x)
}
