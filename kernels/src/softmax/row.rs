//! One row: its maximum, its exponentials and their sum.

use crate::map::{MapInPlace, Pass, Update};
use crate::{Kernel, Simd, math};

/// Exponentials that are summed in f32 by one vector: at most 128 for each lane.
const BLOCK: usize = 512;

/// What the softmax of a row needs beside the exponentials.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// m, the largest element.
    pub(super) max: f32,
    /// The sum of e^(x - m) without one maximal element.
    rest: f64,
}

impl Row {
    /// ln(sum e^(x - m)).
    #[inline(always)]
    pub(super) fn log_sum<S: Simd>(self, s: S) -> f32 {
        // Our own log1p: the bits must not depend on the platform's.
        s.to_lanes(math::log1p(s, s.splat(self.rest as f32)))[0]
    }
}

/// y = softmax(x).
#[inline(always)]
pub(super) fn softmax<S: Simd>(s: S, x: &[f32], y: &mut [f32]) -> Row {
    let row = exponentials(s, x, y);
    Pass { rule: Update(Times((1.0 / (1.0 + row.rest)) as f32)), x: [], y }.run(s);
    row
}

#[derive(Clone, Copy)]
struct Times(f32);

impl MapInPlace<0> for Times {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, y: S::F, _: [S::F; 0]) -> S::F {
        s.mul(y, s.splat(self.0))
    }
}

/// y = e^(x - m), and the sum.
#[inline(always)]
pub(super) fn exponentials<S: Simd>(s: S, x: &[f32], y: &mut [f32]) -> Row {
    let max = largest(s, x);
    let (mut rest, mut ties) = (0.0, 0.0);
    for (x, y) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK)) {
        let mut sums = (s.zero(), s.zero());
        let whole = x.len() - x.len() % S::LANES;
        let mut i = 0;
        while i < whole {
            let x = s.load(&x[i..i + S::LANES]);
            s.store(&mut y[i..i + S::LANES], exponential(s, x, max, S::LANES, &mut sums));
            i += S::LANES;
        }
        if i < x.len() {
            let n = x.len() - i;
            let e = exponential(s, s.load_tail(&x[i..]), max, n, &mut sums);
            s.store_tail(&mut y[i..], e);
        }
        rest += f64::from(s.sum(sums.0));
        ties += f64::from(s.sum(sums.1));
    }
    // 0 m is NaN where the maximum is infinite, else nothing.
    Row { max, rest: rest + (ties - 1.0) + f64::from(0.0 * max) }
}

/// e^(x - m); adds to the sum what is below the maximum, and counts what equals it.
#[inline(always)]
fn exponential<S: Simd>(s: S, x: S::F, max: f32, n: usize, sums: &mut (S::F, S::F)) -> S::F {
    let m = s.splat(max);
    let e = math::exp(s, s.sub(x, m));
    let (mut below, mut equal) = (s.ne(x, m), s.eq(x, m));
    if n < S::LANES {
        let lanes = s.first_lanes(n);
        (below, equal) = (s.mask_and(below, lanes), s.mask_and(equal, lanes));
    }
    sums.0 = s.add(sums.0, s.select_or_zero(below, e));
    sums.1 = s.add(sums.1, s.select_or_zero(equal, s.splat(1.0)));
    e
}

/// The largest element; NaN is passed over.
#[inline(always)]
fn largest<S: Simd>(s: S, x: &[f32]) -> f32 {
    let lowest = s.splat(f32::NEG_INFINITY);
    let mut m = [lowest; 4];
    let mut turns = x.chunks_exact(4 * S::LANES);
    for x in turns.by_ref() {
        for k in 0..4 {
            m[k] = s.max(s.load(&x[k * S::LANES..]), m[k]);
        }
    }
    for x in turns.remainder().chunks(S::LANES) {
        m[0] = s.max(s.select(s.first_lanes(x.len()), s.load_tail(x), lowest), m[0]);
    }
    s.max_lane(s.max(s.max(m[0], m[1]), s.max(m[2], m[3])))
}
