//! Vectors along a kept axis: `y[i] = sum over a of f(x[a, i])`, a strip of columns at a time.
//!
//! A strip of eight vectors keeps eight sums in registers, as many as the latency of an addition
//! times two a cycle asks for; what is left of a row, and operands that are not dense along it, go
//! vector by vector, with four sums over every fourth a. Each 128 rows the sums go to a compensated
//! one (Knuth's TwoSum), so the error does not grow with the number of rows.

use super::axes::{Axes, Walk, load, moved};
use crate::map::Map;
use crate::{Accumulate, Kernel, Simd};

/// Rows that are added in plain f32.
const ROWS: usize = 128;

/// A part of y, from cell `at` on; the axes are those of y and those that are summed.
pub(super) struct ColumnSums<'a, F, const N: usize> {
    pub(super) f: F,
    pub(super) axes: (&'a Axes<N>, &'a Axes<N>),
    pub(super) x: [&'a [f32]; N],
    pub(super) y: &'a mut [f32],
    pub(super) at: usize,
    pub(super) acc: Accumulate,
}

/// What the strips of a task have in common.
#[derive(Clone, Copy)]
struct Source<'a, F, const N: usize> {
    f: F,
    summed: &'a Axes<N>,
    x: [&'a [f32]; N],
    acc: Accumulate,
}

impl<F: Map<N>, const N: usize> Kernel for ColumnSums<'_, F, N> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (kept, summed) = self.axes;
        let source = Source { f: self.f, summed, x: self.x, acc: self.acc };
        let (inner, outer) = kept.inner();
        let mut walk = Walk::new(outer, self.at / inner.len, [0; N]);
        let (mut column, mut y) = (self.at % inner.len, self.y);
        while !y.is_empty() {
            let n = y.len().min(inner.len - column);
            let (row, rest) = y.split_at_mut(n);
            let from = moved(walk.offset, column, inner.x);
            // SAFETY: row and columns are indices of the kept dims, which `check` compared with
            // the data of every operand.
            unsafe {
                if inner.x == [1; N] {
                    strips::<S, F, N, true>(s, source, (from, [1; N]), row);
                } else {
                    strips::<S, F, N, false>(s, source, (from, inner.x), row);
                }
            }
            (column, y) = (0, rest);
            walk.next();
        }
    }
}

/// All strips of one row of y. Strips of eight vectors where `DENSE`: every stride is 1 then.
///
/// # Safety
/// Each operand must have its elements for every cell of y and every index of the summed axes.
#[inline(always)]
unsafe fn strips<S: Simd, F: Map<N>, const N: usize, const DENSE: bool>(
    s: S,
    source: Source<'_, F, N>,
    (from, stride): ([usize; N], [usize; N]),
    y: &mut [f32],
) {
    let mut i = 0;
    while DENSE && i + 8 * S::LANES <= y.len() {
        let y = &mut y[i..i + 8 * S::LANES];
        // SAFETY: these are cells of y.
        unsafe { strip::<S, F, N, 8, 1>(s, source, (moved(from, i, stride), stride), y) };
        i += 8 * S::LANES;
    }
    while i < y.len() {
        let n = S::LANES.min(y.len() - i);
        let y = &mut y[i..i + n];
        // SAFETY: as above.
        unsafe { strip::<S, F, N, 1, 4>(s, source, (moved(from, i, stride), stride), y) };
        i += n;
    }
}

/// V vectors of columns with R sums each; a single vector may be a tail.
///
/// # Safety
/// As for [`strips`], for a `y` of V LANES cells, or 1 to LANES where V = 1.
#[inline(always)]
unsafe fn strip<S: Simd, F: Map<N>, const N: usize, const V: usize, const R: usize>(
    s: S,
    source: Source<'_, F, N>,
    (from, stride): ([usize; N], [usize; N]),
    y: &mut [f32],
) {
    let (inner, outer) = source.summed.inner();
    let lanes = if V == 1 { y.len() } else { S::LANES };
    let mut total = [(s.zero(), s.zero()); V];
    let mut walk = Walk::new(outer, 0, from);
    loop {
        let mut a = 0;
        while a < inner.len {
            let end = inner.len.min(a + ROWS);
            let mut sums = [[s.zero(); V]; R];
            while a + R <= end {
                for (r, sums) in sums.iter_mut().enumerate() {
                    let at = moved(walk.offset, a + r, inner.x);
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let at = moved(at, v * S::LANES, stride);
                        // SAFETY: row a + r and vector v of the strip, `lanes` of it.
                        let x = unsafe { load(s, source.x, at, stride, lanes) };
                        *sum = s.add(*sum, source.f.eval(s, x));
                    }
                }
                a += R;
            }
            while a < end {
                let at = moved(walk.offset, a, inner.x);
                for (v, sum) in sums[0].iter_mut().enumerate() {
                    let at = moved(at, v * S::LANES, stride);
                    // SAFETY: as above, row a.
                    let x = unsafe { load(s, source.x, at, stride, lanes) };
                    *sum = s.add(*sum, source.f.eval(s, x));
                }
                a += 1;
            }
            for v in 0..V {
                let mut sum = sums[0][v];
                for more in &sums[1..] {
                    sum = s.add(sum, more[v]);
                }
                total[v] = two_sum(s, total[v], sum);
            }
        }
        if !walk.next() {
            break;
        }
    }
    for v in 0..V {
        let y = &mut y[v * S::LANES..][..lanes];
        let (high, low) = total[v];
        // An infinite sum makes its correction NaN: then it stands alone.
        let sum = s.select(s.eq(low, low), s.add(high, low), high);
        let old = if source.acc == Accumulate::Add { s.load_tail(y) } else { s.zero() };
        let sum = if source.acc == Accumulate::Add { s.add(old, sum) } else { sum };
        s.store_tail(y, sum);
    }
}

/// (high, low) + x, where high + low carries the sum to twice the precision.
#[inline(always)]
fn two_sum<S: Simd>(s: S, (high, low): (S::F, S::F), x: S::F) -> (S::F, S::F) {
    let sum = s.add(high, x);
    let part = s.sub(sum, high);
    let error = s.add(s.sub(high, s.sub(sum, part)), s.sub(x, part));
    (sum, s.add(low, error))
}
