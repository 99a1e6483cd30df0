//! The exponential: `x = n ln 2 + r` with `|r| <= ln 2 / 2`, then `exp(x) = 2^n (1 + expm1(r))`.

use super::{LN2_HI, LN2_LO, polynomial};
use crate::Simd;

/// From here on exp is at least the smallest normal number, 2^-126.
const NORMAL: f32 = -87.336_54;
/// Past these n leaves the range of `exp2_int`; exp has left that of f32 before.
const LOW: f32 = -87.5;
const HIGH: f32 = 89.0;

/// expm1(r) = r + r^2 q(r), relative error 2^-26 on |r| <= 0.3468.
const Q: [f32; 5] = [0.499_999_97, 0.166_665_46, 0.041_667_435, 0.008_366_263, 0.001_387_066_6];

/// `e^x`. Largest error: 1.1 ulp.
///
/// Above 88.72 it is infinite, below -87.34 zero (no denormal results). NaN gives NaN.
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    let (n, r) = reduce(s, clamp(s, x));
    let p = s.add(s.splat(1.0), expm1_reduced(s, r));
    // 2^128 is out of exp2_int's range: the last doubling is done by y + y d, d = 0 or 1.
    let m = s.min(n, s.splat(127.0));
    let y = s.mul(p, s.exp2_int(m));
    let y = s.mul_add(y, s.sub(n, m), y);
    s.select(s.lt(x, s.splat(NORMAL)), s.zero(), y)
}

/// `e^x - 1`, without cancellation near zero. Largest error: 1.7 ulp.
///
/// Above 88.72 it is infinite; -inf gives -1, -0.0 gives -0.0, NaN gives NaN.
#[inline(always)]
pub fn expm1<S: Simd>(s: S, x: S::F) -> S::F {
    let (n, r) = reduce(s, clamp(s, x));
    let p = expm1_reduced(s, r);
    // 2^n - 1 + 2^n p, halved where n = 128 and then doubled, as in exp.
    let m = s.min(n, s.splat(127.0));
    let d = s.sub(n, m);
    let (t, one) = (s.exp2_int(m), s.neg_mul_add(d, s.splat(0.5), s.splat(1.0)));
    let y = s.mul_add(p, t, s.sub(t, one));
    let y = s.mul_add(y, d, y);
    s.select(s.eq(x, s.zero()), x, y)
}

/// `e^x - 1` for -87 <= x <= 0, all that tanh needs; -0.0 gives +0.0.
#[inline(always)]
pub(super) fn expm1_of_negative<S: Simd>(s: S, x: S::F) -> S::F {
    let (n, r) = reduce(s, x);
    let t = s.exp2_int(n);
    s.mul_add(expm1_reduced(s, r), t, s.sub(t, s.splat(1.0)))
}

/// x between LOW and HIGH. NaN stays NaN, since max and min return their second operand then.
#[inline(always)]
fn clamp<S: Simd>(s: S, x: S::F) -> S::F {
    s.max(s.splat(LOW), s.min(s.splat(HIGH), x))
}

/// (n, r) with x = n ln 2 + r and |r| <= ln 2 / 2.
#[inline(always)]
fn reduce<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    // Adding 1.5 * 2^23 rounds to an integer, faster than `round` where that is emulated.
    let shift = s.splat(12_582_912.0);
    let n = s.sub(s.mul_add(x, s.splat(core::f32::consts::LOG2_E), shift), shift);
    let r = s.neg_mul_add(n, s.splat(LN2_HI), x);
    (n, s.neg_mul_add(n, s.splat(LN2_LO), r))
}

#[inline(always)]
fn expm1_reduced<S: Simd>(s: S, r: S::F) -> S::F {
    s.mul_add(s.mul(r, r), polynomial(s, r, Q), r)
}
