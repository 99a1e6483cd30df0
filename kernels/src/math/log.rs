//! The logarithm: `x = 2^e (1 + f)` with `sqrt(1/2) < 1 + f <= sqrt(2)`, then
//! `ln(x) = e ln 2 + f - f^2/2 + f^3 P(f)`.

use super::{LN2_HI, LN2_LO, polynomial};
use crate::Simd;

/// (log1p(f) - f + f^2/2) / f^3, relative error of log1p 2^-27 on -0.293 < f < 0.4143.
const P: [f32; 8] = [
    0.333_333_3,
    -0.250_008_2,
    0.200_012_37,
    -0.166_233_97,
    0.142_017_07,
    -0.131_599_29,
    0.127_613_62,
    -0.076_343_074,
];

/// The natural logarithm. Largest error: 0.9 ulp.
///
/// Zero gives -inf, negative numbers NaN, inf inf, and denormal arguments are exact like others.
#[inline(always)]
pub fn ln<S: Simd>(s: S, x: S::F) -> S::F {
    // Denormals are scaled up by 2^24 first (so are zero and negative numbers, to no effect).
    let tiny = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let scaled = s.select(tiny, s.mul(x, s.splat(16_777_216.0)), x);
    let (e, m) = split(s, scaled);
    let e = s.sub(e, s.select_or_zero(tiny, s.splat(24.0)));
    let y = reduced(s, e, s.sub(m, s.splat(1.0)));
    let y = s.select(s.lt(x, s.splat(f32::INFINITY)), y, x);
    let out = s.select(s.eq(x, s.zero()), s.splat(f32::NEG_INFINITY), s.splat(f32::NAN));
    s.select(s.gt(x, s.zero()), y, out)
}

/// `ln(1 + x)`, exact near zero too. Largest error: 1.5 ulp.
///
/// -1 gives -inf, less than -1 NaN, inf inf, -0.0 gives -0.0.
#[inline(always)]
pub fn log1p<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    // e comes from the rounded 1 + x, but f = x 2^-e + (2^-e - 1) from x itself: for e = 0 that is
    // x, and for other e the one rounding of the sum is far below e ln 2. Past 2^26, where 2^-e
    // would leave the range, 1 + x = x.
    let (e, m) = split(s, s.add(one, x));
    let t = s.exp2_int(s.neg(s.min(e, s.splat(126.0))));
    let f = s.mul_add(x, t, s.sub(t, one));
    let f = s.select(s.lt(x, s.splat(67_108_864.0)), f, s.sub(m, one));
    let y = reduced(s, e, f);
    let y = s.select(s.lt(x, s.splat(f32::INFINITY)), y, x);
    let y = s.select(s.eq(x, s.zero()), x, y);
    let edge = s.splat(-1.0);
    let out = s.select(s.eq(x, edge), s.splat(f32::NEG_INFINITY), s.splat(f32::NAN));
    s.select(s.gt(x, edge), y, out)
}

/// (e, m) with x = 2^e m and sqrt(1/2) < m <= sqrt(2), for positive normal x.
#[inline(always)]
fn split<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let e = s.sub(s.biased_exponent(x), s.splat(127.0));
    let mantissa = s.and(x, s.splat(f32::from_bits(0x007f_ffff)));
    let m = s.or(mantissa, s.splat(1.0));
    let high = s.gt(m, s.splat(core::f32::consts::SQRT_2));
    let e = s.add(e, s.select_or_zero(high, s.splat(1.0)));
    (e, s.select(high, s.mul(m, s.splat(0.5)), m))
}

/// e ln 2 + log1p(f), the small terms first.
#[inline(always)]
fn reduced<S: Simd>(s: S, e: S::F, f: S::F) -> S::F {
    let square = s.mul(f, f);
    let y = s.mul(s.mul(f, square), polynomial(s, f, P));
    let y = s.mul_add(e, s.splat(LN2_LO), y);
    let y = s.neg_mul_add(s.splat(0.5), square, y);
    s.mul_add(e, s.splat(LN2_HI), s.add(f, y))
}
