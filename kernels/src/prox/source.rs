//! Where v and the metric come from: a buffer, or the optimiser's rule.

use super::flat::{Flat, load_at};
use crate::simd::{Simd, prefetch};

/// Yields v, and e = 1/d, for elements of the flat weight buffer.
pub(crate) trait Source: Copy + Send + Sync {
    /// Whether e differs between elements.
    const DIAGONAL: bool;
    /// Whether v already lies in the weight buffer.
    const IN_PLACE: bool;

    /// e where it is the same for all elements.
    fn step(&self) -> Option<f32>;

    /// (v, e) of n <= LANES elements from `at`, asked for once for each element: the rule updates
    /// its moments here. e is ignored unless `DIAGONAL`.
    ///
    /// # Safety
    /// `at + n` is inside every buffer, and no other task touches these elements.
    unsafe fn first<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F);

    /// e again, after `first`.
    ///
    /// # Safety
    /// As `first`.
    unsafe fn e<S: Simd>(self, s: S, at: usize, n: usize) -> S::F;

    /// e of one element, after `first`, for code that is not hot.
    ///
    /// # Safety
    /// As `first`.
    unsafe fn e_one(self, at: usize) -> f32;

    /// Asks for the cache lines that `first` reads for the element, which may lie outside.
    fn prefetch(self, at: usize);
}

/// A buffer of v, and a step.
#[derive(Clone, Copy)]
pub(crate) struct Euclidean<'a> {
    pub(crate) v: Flat<'a>,
    pub(crate) step: f32,
}

impl Source for Euclidean<'_> {
    const DIAGONAL: bool = false;
    const IN_PLACE: bool = true;

    fn step(&self) -> Option<f32> {
        Some(self.step)
    }

    #[inline(always)]
    unsafe fn first<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        (unsafe { self.v.load(s, at, n) }, s.zero())
    }

    #[inline(always)]
    unsafe fn e<S: Simd>(self, s: S, _: usize, _: usize) -> S::F {
        s.zero()
    }

    unsafe fn e_one(self, _: usize) -> f32 {
        self.step
    }

    #[inline(always)]
    fn prefetch(self, at: usize) {
        self.v.prefetch(at);
    }
}

/// A buffer of v, and one of d.
#[derive(Clone, Copy)]
pub(crate) struct Diagonal<'a> {
    pub(crate) v: Flat<'a>,
    pub(crate) d: &'a [f32],
}

impl Source for Diagonal<'_> {
    const DIAGONAL: bool = true;
    const IN_PLACE: bool = true;

    fn step(&self) -> Option<f32> {
        None
    }

    #[inline(always)]
    unsafe fn first<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        unsafe { (self.v.load(s, at, n), self.e(s, at, n)) }
    }

    #[inline(always)]
    unsafe fn e<S: Simd>(self, s: S, at: usize, n: usize) -> S::F {
        // SAFETY: the caller vouches for the elements.
        s.div(s.splat(1.0), unsafe { load_at(s, self.d, at, n) })
    }

    unsafe fn e_one(self, at: usize) -> f32 {
        1.0 / self.d[at]
    }

    #[inline(always)]
    fn prefetch(self, at: usize) {
        self.v.prefetch(at);
        prefetch(self.d.as_ptr().wrapping_add(at));
    }
}
