//! Vectors along the fastest axis: `y[o, i] = f(x[o, i])` and `y[o] = sum over i of f(x[o, i])`.

use super::axes::{Axes, Walk, load, moved};
use crate::map::{Map, Rule};
use crate::reduce::{BLOCK, Sums};
use crate::{Accumulate, Kernel, Simd};

/// A part of y, from flat index `at` on.
pub(super) struct MapRows<'a, R, const N: usize> {
    pub(super) rule: R,
    pub(super) axes: &'a Axes<N>,
    pub(super) x: [&'a [f32]; N],
    pub(super) y: &'a mut [f32],
    pub(super) at: usize,
}

impl<R: Rule<N>, const N: usize> Kernel for MapRows<'_, R, N> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (inner, outer) = self.axes.inner();
        let mut walk = Walk::new(outer, self.at / inner.len, [0; N]);
        let (mut column, mut y) = (self.at % inner.len, self.y);
        while !y.is_empty() {
            let n = y.len().min(inner.len - column);
            let (row, rest) = y.split_at_mut(n);
            let from = moved(walk.offset, column, inner.x);
            // SAFETY: row and columns are indices of the dims, which `check` compared with the
            // data of every operand.
            unsafe {
                if inner.x == [1; N] {
                    // The literal strides leave one plain load for each operand.
                    map_row(s, self.rule, self.x, (from, [1; N]), row);
                } else {
                    map_row(s, self.rule, self.x, (from, inner.x), row);
                }
            }
            (column, y) = (0, rest);
            walk.next();
        }
    }
}

/// `y[i] = rule(x[from + i stride])`.
///
/// # Safety
/// Each operand must have its elements for all i < y.len().
#[inline(always)]
unsafe fn map_row<S: Simd, R: Rule<N>, const N: usize>(
    s: S,
    rule: R,
    x: [&[f32]; N],
    (from, stride): ([usize; N], [usize; N]),
    y: &mut [f32],
) {
    let mut i = 0;
    while i + S::LANES <= y.len() {
        // SAFETY: i + LANES <= y.len(), and the caller vouches for these elements.
        let v = unsafe { load(s, x, moved(from, i, stride), stride, S::LANES) };
        let y = &mut y[i..i + S::LANES];
        let old = if R::READS { s.load(y) } else { s.zero() };
        s.store(y, rule.value(s, old, v));
        i += S::LANES;
    }
    if i < y.len() {
        // SAFETY: at least one and fewer than LANES elements are left.
        let v = unsafe { load(s, x, moved(from, i, stride), stride, y.len() - i) };
        let y = &mut y[i..];
        let old = if R::READS { s.load_tail(y) } else { s.zero() };
        s.store_tail(y, rule.value(s, old, v));
    }
}

/// A part of y, from cell `at` on; the axes are those of y and those that are summed.
pub(super) struct RowSums<'a, F, const N: usize> {
    pub(super) f: F,
    pub(super) axes: (&'a Axes<N>, &'a Axes<N>),
    pub(super) x: [&'a [f32]; N],
    pub(super) y: &'a mut [f32],
    pub(super) at: usize,
    pub(super) acc: Accumulate,
}

impl<F: Map<N>, const N: usize> Kernel for RowSums<'_, F, N> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (kept, summed) = self.axes;
        let (inner, outer) = summed.inner();
        let mut cell = Walk::new(kept, self.at, [0; N]);
        for y in self.y {
            let (mut total, mut sums, mut pending) = (0.0, Sums::new(s), 0);
            let mut walk = Walk::new(outer, 0, cell.offset);
            loop {
                let mut i = 0;
                while i < inner.len {
                    // Short rows share the four vectors until a block is full.
                    let n = BLOCK.min(inner.len - i);
                    if pending + n > BLOCK {
                        total += f64::from(sums.total(s));
                        (sums, pending) = (Sums::new(s), 0);
                    }
                    let from = moved(walk.offset, i, inner.x);
                    // SAFETY: the cell, the walk and i..i + n are indices of the dims, which
                    // `check` compared with the data of every operand.
                    unsafe {
                        if inner.x == [1; N] {
                            add_row(s, self.f, self.x, (from, [1; N]), n, &mut sums);
                        } else {
                            add_row(s, self.f, self.x, (from, inner.x), n, &mut sums);
                        }
                    }
                    pending += n;
                    i += n;
                }
                if !walk.next() {
                    break;
                }
            }
            let sum = (total + f64::from(sums.total(s))) as f32;
            *y = if self.acc == Accumulate::Store { sum } else { *y + sum };
            cell.next();
        }
    }
}

/// Adds f of `n` elements to the four vectors.
///
/// # Safety
/// Each operand must have its elements for all i < n.
#[inline(always)]
unsafe fn add_row<S: Simd, F: Map<N>, const N: usize>(
    s: S,
    f: F,
    x: [&[f32]; N],
    (from, stride): ([usize; N], [usize; N]),
    n: usize,
    sums: &mut Sums<S>,
) {
    let mut i = 0;
    while i + 4 * S::LANES <= n {
        for k in 0..4 {
            let from = moved(from, i + k * S::LANES, stride);
            // SAFETY: i + (k + 1) LANES <= n, and the caller vouches for these elements.
            let v = f.eval(s, unsafe { load(s, x, from, stride, S::LANES) });
            sums.0[k] = s.add(sums.0[k], v);
        }
        i += 4 * S::LANES;
    }
    let mut k = 0;
    while i < n {
        let lanes = S::LANES.min(n - i);
        // SAFETY: i + lanes <= n and lanes >= 1.
        let v = f.eval(s, unsafe { load(s, x, moved(from, i, stride), stride, lanes) });
        sums.0[k] = s.add(sums.0[k], s.select_or_zero(s.first_lanes(lanes), v));
        (i, k) = (i + S::LANES, (k + 1) % 4);
    }
}
