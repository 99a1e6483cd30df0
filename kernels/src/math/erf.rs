//! The error function and the two forms of GELU.
//!
//! `erf(z) = z + z p(z^2)` for `|z| < 0.92`, else `1 - erfc(|z|)` with the sign of z, where
//! `erfc(t) = exp(-t - t q(t))`: the logarithm of erfc is smooth enough for a polynomial.

use super::{exp, polynomial};
use crate::Simd;

/// erf(z)/z - 1 in z^2, relative error of erf 2^-25.8 on |z| <= 0.93.
const P: [f32; 6] =
    [0.128_379_15, -0.376_124_9, 0.112_817_31, -0.026_762_966, 0.004_987_352_5, -5.959_584e-4];

/// -ln(erfc(t))/t - 1, absolute error of the logarithm 2^-21.7 on 0.92 <= t <= 5.
const Q: [f32; 8] = [
    0.128_915_34,
    0.634_086_4,
    0.107_968_196,
    -0.025_242_066,
    0.004_355_451_6,
    -5.134_491_4e-4,
    3.656_506_3e-5,
    -1.178_544_4e-6,
];

/// Where the two forms meet.
const NEAR: f32 = 0.92;
/// Where erfc ends: erfc(5) = 1.5e-12.
const FAR: f32 = 5.0;

/// The error function. Largest error: 2.0 ulp. It is odd to the bit.
#[inline(always)]
pub fn erf<S: Simd>(s: S, x: S::F) -> S::F {
    let t = s.abs(x);
    let far = s.or(s.sub(s.splat(1.0), erfc_of_large(s, t)), s.sign_bit(x));
    s.select(s.lt(t, s.splat(NEAR)), erf_of_small(s, x), far)
}

/// GELU: `x Phi(x) = x (1 + erf(x / sqrt 2)) / 2`.
///
/// Largest error for x >= -1: 2.3 ulp; for x >= -7: 100 ulp, since an error in x / sqrt 2 grows with
/// its square; below -7.07 the result is zero where -1e-11 or less would be right.
#[inline(always)]
pub fn gelu<S: Simd>(s: S, x: S::F) -> S::F {
    let (half, one) = (s.splat(0.5), s.splat(1.0));
    let z = s.mul(x, s.splat(core::f32::consts::FRAC_1_SQRT_2));
    let t = s.abs(z);
    let near = s.mul_add(half, erf_of_small(s, z), half);
    // On the left Phi is half of erfc itself: 1 + erf would cancel.
    let tail = s.mul(half, erfc_of_large(s, t));
    let far = s.select(s.lt(x, s.zero()), tail, s.sub(one, tail));
    let phi = s.select(s.lt(t, s.splat(NEAR)), near, far);
    s.mul(finite_below(s, x), phi)
}

/// GELU in its tanh form: `x (1 + tanh(u)) / 2 = x / (1 + e^-2u)` with
/// `u = sqrt(2 / pi) (x + 0.044715 x^3)`.
///
/// Largest error for x >= -1: 2.8 ulp; for x >= -8: 120 ulp, since the error of u grows with u;
/// below that its size is under 1e-11, as is the result.
#[inline(always)]
pub fn gelu_tanh<S: Simd>(s: S, x: S::F) -> S::F {
    // -2 sqrt(2 / pi) and that times 0.044715.
    let (a, b) = (s.splat(-1.595_769), s.splat(-0.071_354_814));
    let minus_2u = s.mul(x, s.mul_add(b, s.mul(x, x), a));
    s.div(finite_below(s, x), s.add(s.splat(1.0), exp(s, minus_2u)))
}

#[inline(always)]
fn erf_of_small<S: Simd>(s: S, z: S::F) -> S::F {
    s.mul_add(z, polynomial(s, s.mul(z, z), P), z)
}

/// erfc(t) for t >= NEAR, zero from FAR on; a NaN stays one.
#[inline(always)]
fn erfc_of_large<S: Simd>(s: S, t: S::F) -> S::F {
    let far = s.ge(t, s.splat(FAR));
    let t = s.neg(s.min(s.splat(FAR), t));
    let c = exp(s, s.mul_add(t, polynomial(s, s.neg(t), Q), t));
    s.select(far, s.zero(), c)
}

/// x with -inf replaced by the most negative number, whose product with zero is a zero.
#[inline(always)]
fn finite_below<S: Simd>(s: S, x: S::F) -> S::F {
    s.max(s.splat(f32::MIN), x)
}
