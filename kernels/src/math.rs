//! Vectorised elementary functions of f32.
//!
//! Each doc states the largest error seen, in units in the last place of the true value, over
//! 2^16 mantissas in every binade and sign, on AVX2 and AVX-512 (with fused multiply-add) and on
//! the baseline (without). `tests/math.rs` holds each function to that number. Results that would
//! be denormal may come out as zero.
//!
//! Polynomials were fitted for the least relative error (Lawson's iteration), each coefficient
//! rounded to f32 before the next was fitted.

mod erf;
mod exp;
mod log;
mod tanh;

pub use erf::{erf, gelu, gelu_tanh};
pub use exp::{exp, expm1};
pub use log::{ln, log1p};
pub use tanh::{sigmoid, tanh};

use crate::Simd;

/// ln 2 in two parts. The first has 11 bits, so that its product with an exponent is exact even
/// where multiply and add round apart.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;

/// `c0 + c1 x + c2 x^2 + ...` by Horner's rule. Its long chain of dependent steps is hidden by the
/// next vectors, which do not wait for it.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::F, c: [f32; N]) -> S::F {
    let mut p = s.splat(c[N - 1]);
    for i in (0..N - 1).rev() {
        p = s.mul_add(p, x, s.splat(c[i]));
    }
    p
}
