//! Penalties of each weight alone: one sweep, `w = f(rule(w, g, m))`.

use super::contiguous::Done;
use super::flat::{Flat, Visit, visit_run};
use super::shrink::{Cut, Cuts, Tally, shrink_each};
use super::solver::{Element, Threshold};
use super::source::Source;
use crate::simd::{Kernel, Simd};
use core::ops::Range;

/// What is done to each weight alone.
#[derive(Clone, Copy)]
pub(crate) enum Alone<'a> {
    /// soft(v, tau e) / (1 + c e).
    Soft(Threshold),
    /// A function in f64.
    Element(&'a dyn Element),
}

/// A range of elements, each treated alone, in one sweep.
pub(crate) struct Elementwise<'a, Src> {
    pub(crate) alone: Alone<'a>,
    pub(crate) source: Src,
    pub(crate) range: Range<usize>,
    pub(crate) w: Flat<'a>,
}

impl<Src: Source> Kernel for Elementwise<'_, Src> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        let Elementwise { alone, source, range, w } = self;
        let run = (range.start, range.len());
        let step = source.step();
        let mut tally = Tally::new(s);
        // SAFETY: the range lies inside the buffers and is this task's own.
        unsafe {
            match alone {
                Alone::Soft(threshold) => {
                    let cuts = Cuts::splat(s, Cut::new(threshold, step));
                    visit_run(s, run, &mut Once { source, w, cuts, tally: &mut tally });
                }
                Alone::Element(element) => {
                    let step = s.splat(step.unwrap_or(0.0));
                    visit_run(s, run, &mut Each { source, w, element, step, tally: &mut tally });
                }
            }
        }
        Done { nan: tally.is_bad(s), passes: 0, kept: tally.kept() }
    }
}

/// Makes v and applies a known threshold.
struct Once<'a, 't, S: Simd, Src> {
    source: Src,
    w: Flat<'a>,
    cuts: Cuts<S>,
    tally: &'t mut Tally<S>,
}

impl<S: Simd, Src: Source> Visit<S> for Once<'_, '_, S, Src> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = self.source.first(s, at, n);
            let x = if Src::DIAGONAL {
                self.cuts.apply::<true>(s, self.tally, v, e)
            } else {
                self.cuts.apply::<false>(s, self.tally, v, e)
            };
            self.w.store(s, at, n, x);
        }
    }
}

/// Makes v and applies a function in f64.
struct Each<'a, 't, S: Simd, Src> {
    source: Src,
    w: Flat<'a>,
    element: &'a dyn Element,
    step: S::F,
    tally: &'t mut Tally<S>,
}

impl<S: Simd, Src: Source> Visit<S> for Each<'_, '_, S, Src> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = self.source.first(s, at, n);
            let e = if Src::DIAGONAL { e } else { self.step };
            let x = shrink_each(s, self.element, self.tally, v, e);
            self.w.store(s, at, n, x);
        }
    }
}
