//! Penalties of each weight alone: one sweep, `w = f(rule(w, g, m))`.

use super::contiguous::Done;
use super::flat::{Visit, visit_run};
use super::shrink::{Cut, Cuts, Tally, shrink_each};
use super::solver::{Element, Threshold};
use super::source::{Scale, Source};
use super::sweep::{Elements, Fresh, Made};
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

/// A range of elements, each treated alone.
pub(crate) struct Elementwise<'a, Src> {
    pub(crate) alone: Alone<'a>,
    pub(crate) fresh: Fresh<'a, Src>,
    pub(crate) range: Range<usize>,
}

impl<Src: Source> Kernel for Elementwise<'_, Src> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        let Elementwise { alone, mut fresh, range } = self;
        let run = (range.start, range.len());
        match alone {
            Alone::Soft(threshold) => {
                let cut = Cut::new(threshold, fresh.source.scale().step());
                let mut once = Once { fresh, cuts: Cuts::splat(s, cut), tally: Tally::new(s) };
                // SAFETY: the range lies inside the buffers and is this task's own.
                unsafe { visit_run(s, run, &mut once) };
                once.tally.done(s)
            }
            Alone::Element(element) => {
                // SAFETY: as above.
                unsafe { visit_run(s, run, &mut fresh) };
                each(s, Each { made: fresh.made(), element, run })
            }
        }
    }
}

/// Makes v and applies a known threshold, in one sweep.
struct Once<'a, S: Simd, Src> {
    fresh: Fresh<'a, Src>,
    cuts: Cuts<S>,
    tally: Tally<S>,
}

impl<S: Simd, Src: Source> Visit<S> for Once<'_, S, Src> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = self.fresh.source.first(s, at, n);
            let x = self.cuts.apply::<Src::Scale>(s, &mut self.tally, v, e);
            self.fresh.w.store(s, at, n, x);
        }
    }
}

/// Applies a function in f64 to what is made: it takes so long that a sweep more does not show.
struct Each<'a, M> {
    made: Made<'a, M>,
    element: &'a dyn Element,
    run: (usize, usize),
}

#[inline(never)]
fn each<S: Simd, M: Scale>(s: S, each: Each<'_, M>) -> Done {
    s.vectorize(each)
}

impl<M: Scale> Kernel for Each<'_, M> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        let Each { made, element, run } = self;
        let step = s.splat(made.scale.step().unwrap_or(0.0));
        let mut one = One { made, element, step, tally: Tally::new(s) };
        // SAFETY: who made it vouches for the range.
        unsafe { visit_run(s, run, &mut one) };
        one.tally.done(s)
    }
}

struct One<'a, S: Simd, M> {
    made: Made<'a, M>,
    element: &'a dyn Element,
    step: S::F,
    tally: Tally<S>,
}

impl<S: Simd, M: Scale> Visit<S> for One<'_, S, M> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = self.made.get(s, at, n);
            let e = if M::DIAGONAL { e } else { self.step };
            let x = shrink_each(s, self.element, &mut self.tally, v, e);
            self.made.w.store(s, at, n, x);
        }
    }
}
