//! Axes after joining, a walk over them, and loads along one.

use super::MAX_AXES;
use crate::Simd;
use core::ops::Deref;

/// One axis: its length, and the strides of y and of each operand.
#[derive(Clone, Copy)]
pub(super) struct Axis<const N: usize> {
    pub(super) len: usize,
    pub(super) y: usize,
    pub(super) x: [usize; N],
}

/// At most [`MAX_AXES`] axes, slowest first.
pub(super) struct Axes<const N: usize> {
    axes: [Axis<N>; MAX_AXES],
    count: usize,
}

impl<const N: usize> Deref for Axes<N> {
    type Target = [Axis<N>];
    #[inline(always)]
    fn deref(&self) -> &[Axis<N>] {
        &self.axes[..self.count]
    }
}

impl<const N: usize> Axes<N> {
    pub(super) fn new() -> Self {
        Axes { axes: [Axis { len: 1, y: 0, x: [0; N] }; MAX_AXES], count: 0 }
    }

    /// Appends a faster axis; joins it with the last one if all walk the two as one.
    pub(super) fn push(&mut self, axis: Axis<N>) {
        if axis.len == 1 {
            return;
        }
        if let Some(last) = self.axes[..self.count].last_mut() {
            let joins = |slow: usize, fast: usize| fast.checked_mul(axis.len) == Some(slow);
            if joins(last.y, axis.y) && last.x.iter().zip(axis.x).all(|(&s, f)| joins(s, f)) {
                *last = Axis { len: last.len * axis.len, ..axis };
                return;
            }
        }
        self.axes[self.count] = axis;
        self.count += 1;
    }

    /// The number of indices.
    pub(super) fn total(&self) -> usize {
        self.iter().map(|a| a.len).product()
    }

    /// Whether every operand is one dense run.
    pub(super) fn is_dense(&self) -> bool {
        self.iter().all(|a| a.x == [1; N]) && self.count <= 1
    }

    /// Whether y is dense over these axes.
    pub(super) fn is_dense_in_y(&self) -> bool {
        let mut stride = 1;
        self.iter().rev().all(|a| {
            let dense = a.y == stride;
            stride *= a.len;
            dense
        })
    }

    /// How many operands have stride 1 on the fastest axis.
    pub(super) fn dense_operands(&self) -> usize {
        self.last().map_or(0, |a| a.x.iter().filter(|&&s| s == 1).count())
    }

    /// The fastest axis, of length 1 if there is none, and the others.
    #[inline(always)]
    pub(super) fn inner(&self) -> (Axis<N>, &[Axis<N>]) {
        match self.split_last() {
            Some((last, rest)) => (*last, rest),
            None => (Axis { len: 1, y: 0, x: [0; N] }, &[]),
        }
    }
}

/// A walk over all indices of some axes in row-major order.
///
/// Not an iterator with a closure, so that the vector code of its loop stays in the loop.
pub(super) struct Walk<'a, const N: usize> {
    axes: &'a [Axis<N>],
    index: [usize; MAX_AXES],
    /// Where each operand stands.
    pub(super) offset: [usize; N],
}

impl<'a, const N: usize> Walk<'a, N> {
    /// Starts at a flat index, with the operands moved by `offset`.
    #[inline(always)]
    pub(super) fn new(axes: &'a [Axis<N>], mut flat: usize, offset: [usize; N]) -> Self {
        let mut walk = Walk { axes, index: [0; MAX_AXES], offset };
        for (k, axis) in axes.iter().enumerate().rev() {
            if flat == 0 {
                break;
            }
            let i = flat % axis.len;
            flat /= axis.len;
            walk.index[k] = i;
            for j in 0..N {
                walk.offset[j] += i * axis.x[j];
            }
        }
        walk
    }

    /// Moves to the next index; after the last one, back to the first, with `false`.
    #[inline(always)]
    pub(super) fn next(&mut self) -> bool {
        for (k, axis) in self.axes.iter().enumerate().rev() {
            self.index[k] += 1;
            let wraps = self.index[k] == axis.len;
            for j in 0..N {
                let back = if wraps { axis.len * axis.x[j] } else { 0 };
                self.offset[j] = self.offset[j] + axis.x[j] - back;
            }
            if !wraps {
                return true;
            }
            self.index[k] = 0;
        }
        false
    }
}

/// `n <= LANES` elements of each operand, `stride` apart, from `offset` on.
///
/// # Safety
/// `1 <= n <= LANES`, and element `offset + (n - 1) stride` of each operand must exist.
#[inline(always)]
pub(super) unsafe fn load<S: Simd, const N: usize>(
    s: S,
    x: [&[f32]; N],
    offset: [usize; N],
    stride: [usize; N],
    n: usize,
) -> [S::F; N] {
    let mut v = [s.zero(); N];
    for j in 0..N {
        debug_assert!(n >= 1 && offset[j] + (n - 1) * stride[j] < x[j].len());
        // SAFETY: the caller vouches for the first and the last element; the others lie between.
        v[j] = unsafe {
            let p = x[j].as_ptr().add(offset[j]);
            match stride[j] {
                1 if n == S::LANES => s.load_ptr(p),
                1 => s.load_first_ptr(p, n),
                0 => s.splat(*p),
                stride => gather(s, p, stride, n),
            }
        };
    }
    v
}

/// Elements that are neither neighbours nor equal.
///
/// # Safety
/// `n <= LANES`, and `p` must be valid for reads at 0, stride, .. (n - 1) stride.
#[inline(always)]
unsafe fn gather<S: Simd>(s: S, p: *const f32, stride: usize, n: usize) -> S::F {
    const { assert!(S::LANES <= 16) };
    let mut lanes = [0.0; 16];
    for (i, lane) in lanes.iter_mut().enumerate().take(n) {
        // SAFETY: i < n.
        *lane = unsafe { *p.add(i * stride) };
    }
    s.load(&lanes)
}

/// Each offset moved by `i` strides.
#[inline(always)]
pub(super) fn moved<const N: usize>(
    offset: [usize; N],
    i: usize,
    stride: [usize; N],
) -> [usize; N] {
    let mut to = offset;
    for j in 0..N {
        to[j] += i * stride[j];
    }
    to
}
