//! What the sweeps over a group do with each vector.

use crate::prox::flat::{UNROLL, Visit};
use crate::prox::shrink::{Cuts, Tally};
use crate::prox::source::Source;
use crate::prox::sums::{Level, terms};
use crate::prox::sweep::{Elements, SHRINK};
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
pub(super) struct SumAbove<'a, S: Simd, Src, const MODE: u8> {
    pub(super) elements: Elements<'a, Src>,
    pub(super) cut: S::F,
    pub(super) acc: [[S::F; 3]; UNROLL],
    /// What is wanted next from memory while the group is in cache, and its end.
    pub(super) ahead: Range<usize>,
}

impl<S: Simd, Src: Source, const MODE: u8> Visit<S> for SumAbove<'_, S, Src, MODE> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, lane: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.elements.above::<S, MODE>(s, self.cut, (at, n), &mut self.acc[lane]) };
        if MODE == SHRINK && lane == 1 && self.ahead.start < self.ahead.end {
            self.elements.source.prefetch(self.ahead.start);
            self.ahead.start += LINE;
        }
    }
}

impl<S: Simd, Src: Source, const MODE: u8> Accumulators<S> for SumAbove<'_, S, Src, MODE> {
    #[inline(always)]
    fn accumulators(&mut self) -> &mut [[S::F; 3]; UNROLL] {
        &mut self.acc
    }
}

/// The sums of any solver.
pub(super) struct Sum<'a, S: Simd, Src, const NORM: bool, const MODE: u8> {
    pub(super) elements: Elements<'a, Src>,
    pub(super) level: Level<S>,
    pub(super) acc: [[S::F; 3]; UNROLL],
}

impl<S: Simd, Src: Source, const NORM: bool, const MODE: u8> Visit<S>
    for Sum<'_, S, Src, NORM, MODE>
{
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, lane: usize) {
        // SAFETY: the caller vouches for the elements.
        let (v, e) = unsafe { self.elements.get::<S, MODE>(s, at, n) };
        let t = terms::<S, Src, NORM>(s, &self.level, (v, e));
        for (acc, t) in self.acc[lane].iter_mut().zip(t) {
            *acc = s.add(*acc, t);
        }
    }
}

impl<S: Simd, Src: Source, const NORM: bool, const MODE: u8> Accumulators<S>
    for Sum<'_, S, Src, NORM, MODE>
{
    #[inline(always)]
    fn accumulators(&mut self) -> &mut [[S::F; 3]; UNROLL] {
        &mut self.acc
    }
}

/// Applies a threshold to v in the weight buffer.
pub(super) struct Apply<'a, S: Simd, Src> {
    pub(super) elements: Elements<'a, Src>,
    pub(super) cuts: Cuts<S>,
    pub(super) tally: Tally<S>,
}

impl<S: Simd, Src: Source> Visit<S> for Apply<'_, S, Src> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.elements.apply(s, &self.cuts, &mut self.tally, (at, n)) };
    }
}
