//! Penalties of each weight alone: one sweep, `w = f(rule(w, g, m))`.

use super::flat::{Flat, Local, Visit, visit_run};
use super::penalty::{Element, Steps};
use super::shrink::{Cut, Cuts, Done, Tally};
use super::solver::Threshold;
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
        match alone {
            Alone::Soft(threshold) => {
                let cut = Cut::new(threshold, fresh.source.scale().step());
                let mut once = Once { fresh, cuts: Cuts::splat(s, cut), tally: Tally::new(s) };
                // SAFETY: the range lies inside the buffers and is this task's own.
                unsafe { visit_run(s, (range.start, range.len()), &mut once) };
                once.tally.done(s)
            }
            Alone::Element(element) => {
                let mut done = Done::default();
                for start in range.clone().step_by(BLOCK) {
                    let run = (start, BLOCK.min(range.end - start));
                    // SAFETY: as above.
                    unsafe { visit_run(s, run, &mut fresh) };
                    done.add(each(s, Each { made: fresh.made(), element, run }));
                }
                done
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

/// Elements that a function in f64 is applied to at a time, so that what is indirect is so once for
/// a block: 4 KiB of each buffer, which stay in L1 from sweep to sweep.
const BLOCK: usize = 1024;

/// Applies a function in f64 to a block of what is made.
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
        let (mut a, mut e) = (Local::<BLOCK>::new(), Local::<BLOCK>::new());
        let (a, e) = (a.flat(), e.flat());
        let (from, n) = run;
        // SAFETY: who made v vouches for the run, and the blocks hold its n elements: those of a, and
        // of e where it differs, are written before they are read.
        unsafe {
            visit_run(s, run, &mut Spread { made, a, e, from });
            let steps = match made.scale.step() {
                Some(step) => Steps::Same(step),
                None => Steps::Each(e.part(0, n)),
            };
            element.shrink_all(a.part(0, n), steps);
            let mut finish = Finish { w: made.w, a, from, tally: Tally::new(s) };
            visit_run(s, run, &mut finish);
            finish.tally.done(s)
        }
    }
}

/// |v|, and e where it differs.
struct Spread<'a, M> {
    made: Made<'a, M>,
    a: Flat<'a>,
    e: Flat<'a>,
    from: usize,
}

impl<S: Simd, M: Scale> Visit<S> for Spread<'_, M> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements, and for the blocks.
        unsafe {
            let (v, e) = self.made.get(s, at, n);
            self.a.store(s, at - self.from, n, s.abs(v));
            if M::DIAGONAL {
                self.e.store(s, at - self.from, n, e);
            }
        }
    }
}

/// The sign of v for what was found.
struct Finish<'a, S: Simd> {
    w: Flat<'a>,
    a: Flat<'a>,
    from: usize,
    tally: Tally<S>,
}

impl<S: Simd> Visit<S> for Finish<'_, S> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements, and for the block.
        unsafe {
            let (v, a) = (self.w.load(s, at, n), self.a.load(s, at - self.from, n));
            self.w.store(s, at, n, self.tally.finish(s, v, a));
        }
    }
}
