//! What the sweeps over a group do with each vector.

use crate::prox::flat::{UNROLL, Visit};
use crate::prox::shrink::{Cuts, Tally};
use crate::prox::source::{Scale, Streams};
use crate::prox::sums::{Level, terms};
use crate::prox::sweep::{Elements, Made, Sweep};
use crate::simd::Simd;
use core::ops::Range;

/// Elements of a cache line.
const LINE: usize = 16;

/// Sums in vectors.
pub(super) trait Accumulators<S: Simd>: Visit<S> {
    fn accumulators(&mut self) -> &mut [[S::F; 3]; UNROLL];
}

/// Adds the accumulators to `total`, in fixed order, and clears them.
#[inline(always)]
pub(super) fn take<S: Simd>(s: S, acc: &mut [[S::F; 3]; UNROLL], total: &mut [f64; 3]) {
    let [a, b, c, d] = *acc;
    for (k, total) in total.iter_mut().enumerate() {
        *total += f64::from(s.sum(s.add(s.add(a[k], b[k]), s.add(c[k], d[k]))));
    }
    *acc = [[s.zero(); 3]; UNROLL];
}

/// The sums of Newton's method.
pub(super) struct SumAbove<'a, S: Simd, E> {
    pub(super) elements: E,
    pub(super) cut: S::F,
    pub(super) acc: [[S::F; 3]; UNROLL],
    /// What is wanted next, and its end. (A copy of the streams, which are looked up in a loop, would
    /// keep the accumulators out of registers.)
    pub(super) streams: &'a Streams,
    pub(super) ahead: Range<usize>,
}

impl<S: Simd, E: Sweep> Visit<S> for SumAbove<'_, S, E> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, lane: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.elements.above(s, self.cut, (at, n), &mut self.acc[lane]) };
        if E::ASKS[lane] && self.ahead.start < self.ahead.end {
            self.streams.prefetch(self.ahead.start);
            self.ahead.start += LINE;
        }
    }
}

impl<S: Simd, E: Sweep> Accumulators<S> for SumAbove<'_, S, E> {
    #[inline(always)]
    fn accumulators(&mut self) -> &mut [[S::F; 3]; UNROLL] {
        &mut self.acc
    }
}

/// The sums of any solver.
pub(super) struct Sum<S: Simd, E, const NORM: bool> {
    pub(super) elements: E,
    pub(super) level: Level<S>,
    pub(super) acc: [[S::F; 3]; UNROLL],
}

impl<S: Simd, E: Elements, const NORM: bool> Visit<S> for Sum<S, E, NORM> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, lane: usize) {
        // SAFETY: the caller vouches for the elements.
        let x = unsafe { self.elements.get(s, at, n) };
        let t = terms::<S, E::Scale, NORM>(s, &self.level, x);
        for (acc, t) in self.acc[lane].iter_mut().zip(t) {
            *acc = s.add(*acc, t);
        }
    }
}

impl<S: Simd, E: Elements, const NORM: bool> Accumulators<S> for Sum<S, E, NORM> {
    #[inline(always)]
    fn accumulators(&mut self) -> &mut [[S::F; 3]; UNROLL] {
        &mut self.acc
    }
}

/// Applies a threshold to v in the weight buffer.
pub(super) struct Apply<'a, S: Simd, M> {
    pub(super) made: Made<'a, M>,
    pub(super) cuts: Cuts<S>,
    pub(super) tally: Tally<S>,
}

impl<S: Simd, M: Scale> Visit<S> for Apply<'_, S, M> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.made.apply(s, &self.cuts, &mut self.tally, (at, n)) };
    }
}
