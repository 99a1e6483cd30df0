//! Groups of one or more contiguous runs.
//!
//! ```text
//! first    v = rule(w, g, m) into w, with the sums at the group's last tau
//! again    the sums at the next probe, while the group is in cache
//! shrink   the same, where the probe cannot be above the root: applies it on the way
//! apply    what is left to apply
//! ```
//!
//! For l1,1 + l1,2 the second probe is such a one and usually the last, so a group takes two sweeps.

use super::flat::{Flat, UNROLL, Visit, visit_run};
use super::groups::Groups;
use super::shrink::{Cut, Cuts, Tally};
use super::solver::{Probe, Step, Sums, Threshold, solve_wide};
use super::source::Source;
use super::sums::{Level, Question, excess, terms};
use crate::simd::{Kernel, Simd};
use core::ops::Range;

/// Elements summed in f32 before a fold into f64: 4096 / (4 x 8) = 128 additions for each lane.
const FOLD: usize = 4096;

/// What a task did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) nan: bool,
    pub(crate) passes: u64,
    pub(crate) kept: u64,
}

/// Solves and applies a range of groups.
pub(crate) struct Contiguous<'a, Src> {
    pub(crate) question: Question<'a>,
    pub(crate) source: Src,
    pub(crate) groups: Groups,
    pub(crate) range: Range<usize>,
    pub(crate) w: Flat<'a>,
    pub(crate) tau: Flat<'a>,
}

impl<Src: Source> Kernel for Contiguous<'_, Src> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        if self.question.solver.needs_norm() {
            self.each_group::<S, true>(s)
        } else {
            self.each_group::<S, false>(s)
        }
    }
}

/// What a sweep over a group does beside the sums.
pub(crate) const FIRST: u8 = 0;
pub(crate) const AGAIN: u8 = 1;
pub(crate) const SHRINK: u8 = 2;

impl<Src: Source> Contiguous<'_, Src> {
    #[inline(always)]
    fn each_group<S: Simd, const NORM: bool>(&self, s: S) -> Done {
        let (mut tally, mut passes) = (Tally::new(s), 0);
        for g in self.range.clone() {
            passes += u64::from(self.solve::<S, NORM>(s, g, &mut tally));
        }
        Done { nan: tally.is_bad(s), passes, kept: tally.kept() }
    }

    /// Solves group g and applies the result; returns the passes.
    #[inline(always)]
    fn solve<S: Simd, const NORM: bool>(&self, s: S, g: usize, tally: &mut Tally<S>) -> u32 {
        let question = &self.question;
        // SAFETY: tau has one element for each group, and g is this task's own.
        let warm = f64::from(unsafe { self.tau.get(g) });
        tally.set_again(false);
        let mut state = question.solver.start(warm);
        // The cut that is applied to v already, if any.
        let mut base: Option<f32> = None;
        let mut passes = 1;
        let mut sums = self.sum::<S, NORM, FIRST>(s, g, (state.probe, 0.0), tally);
        let threshold = loop {
            let Some(found) = sums else {
                let (threshold, more) = self.solve_wide(g, warm, base.unwrap_or(0.0));
                passes += more;
                break threshold;
            };
            if let Step::Done(threshold) =
                question.solver.next(question.wide_step(), &mut state, &found)
            {
                break threshold;
            }
            passes += 1;
            let at = (state.probe, base.unwrap_or(0.0));
            sums = if state.below && !NORM {
                tally.set_again(base.is_some());
                base = Some(question.cut(state.probe.tau).max(at.1));
                self.sum::<S, NORM, SHRINK>(s, g, at, tally)
            } else {
                self.sum::<S, NORM, AGAIN>(s, g, at, tally)
            };
        };
        // SAFETY: tau has one element for each group, and g is this task's own.
        unsafe { self.tau.set(g, threshold.tau.min(f64::from(f32::MAX)) as f32) };
        let mut cut = Cut::new(threshold, question.step);
        if base == Some(cut.cut) && threshold.c == 0.0 {
            return passes;
        }
        cut.cut = (cut.cut - base.unwrap_or(0.0)).max(0.0);
        tally.set_again(base.is_some());
        let mut apply = Apply { source: self.source, w: self.w, cuts: Cuts::splat(s, cut), tally };
        for run in self.runs(g) {
            // SAFETY: the runs of group g lie inside the buffers and are this task's own.
            unsafe { visit_run(s, run, &mut apply) };
        }
        passes
    }

    /// The sums of a group at a probe, of whose cut `base` is applied already.
    #[inline(always)]
    fn sum<S: Simd, const NORM: bool, const MODE: u8>(
        &self,
        s: S,
        g: usize,
        (probe, base): (Probe, f32),
        tally: &mut Tally<S>,
    ) -> Option<Sums> {
        let mut sum = Sum::<S, Src, NORM, MODE> {
            source: self.source,
            w: self.w,
            level: self.question.level(s, probe, base),
            acc: [[s.zero(); UNROLL]; 3],
            tally,
        };
        let (mut total, mut pending) = ([0.0; 3], 0);
        for (start, len) in self.runs(g) {
            let mut at = 0;
            while at < len {
                let n = FOLD.min(len - at);
                // SAFETY: the runs of group g lie inside the buffers and are this task's own.
                unsafe { visit_run(s, (start + at, n), &mut sum) };
                at += n;
                pending += n;
                if pending >= FOLD {
                    sum.fold(s, &mut total);
                    pending = 0;
                }
            }
        }
        sum.fold(s, &mut total);
        self.question.sums::<NORM>(probe, total)
    }

    /// (start, length) of each run of group g.
    #[inline(always)]
    fn runs(&self, g: usize) -> impl Iterator<Item = (usize, usize)> + use<Src> {
        let Groups { outer, groups, inner } = self.groups;
        (0..outer).map(move |a| ((a * groups + g) * inner, inner))
    }

    fn solve_wide(&self, g: usize, warm: f64, base: f32) -> (Threshold, u32) {
        let question = &self.question;
        let elements = self.groups.indices(g).map(|at| {
            // SAFETY: the element is one of group g, which is this task's own.
            let (v, e) = unsafe { (self.w.get(at), self.source.e_one(at)) };
            let (v, e) = (f64::from(v), f64::from(e));
            // What is applied already is added again; what it made zero stays below the root.
            let base = f64::from(base) * if question.step.is_some() { 1.0 } else { e };
            (if v == 0.0 { 0.0 } else { v.abs() + base }, e)
        });
        solve_wide(question.solver, question.wide_step(), warm, elements)
    }
}

/// Sums over vectors. `FIRST` makes v and stores it, `SHRINK` applies the probe on the way.
struct Sum<'a, 't, S: Simd, Src, const NORM: bool, const MODE: u8> {
    source: Src,
    w: Flat<'a>,
    level: Level<S>,
    acc: [[S::F; UNROLL]; 3],
    tally: &'t mut Tally<S>,
}

impl<S: Simd, Src: Source, const NORM: bool, const MODE: u8> Visit<S>
    for Sum<'_, '_, S, Src, NORM, MODE>
{
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, lane: usize) {
        // SAFETY: the caller vouches for the elements.
        let (v, e) = unsafe {
            if MODE == FIRST {
                let (v, e) = self.source.first(s, at, n);
                if !Src::IN_PLACE {
                    self.w.store(s, at, n, v);
                }
                (v, e)
            } else {
                (self.w.load(s, at, n), self.source.e(s, at, n))
            }
        };
        let (b, t) = if Src::DIAGONAL {
            let b = excess::<S, true>(s, &self.level, v, e);
            (b, terms::<S, true, NORM>(s, &self.level, b, e))
        } else {
            let b = excess::<S, false>(s, &self.level, v, e);
            (b, terms::<S, false, NORM>(s, &self.level, b, e))
        };
        if MODE == SHRINK {
            let x = self.tally.finish(s, v, b);
            // SAFETY: the caller vouches for the elements.
            unsafe { self.w.store(s, at, n, x) };
        }
        for (acc, t) in self.acc.iter_mut().zip(t) {
            acc[lane] = s.add(acc[lane], t);
        }
    }
}

impl<S: Simd, Src, const NORM: bool, const MODE: u8> Sum<'_, '_, S, Src, NORM, MODE> {
    /// Adds the accumulators to `total`, in fixed order, and clears them.
    #[inline(always)]
    fn fold(&mut self, s: S, total: &mut [f64; 3]) {
        for (acc, total) in self.acc.iter_mut().zip(total) {
            let [a, b, c, d] = *acc;
            *total += f64::from(s.sum(s.add(s.add(a, b), s.add(c, d))));
            *acc = [s.zero(); UNROLL];
        }
    }
}

/// Applies a threshold to v in the weight buffer.
struct Apply<'a, 't, S: Simd, Src> {
    source: Src,
    w: Flat<'a>,
    cuts: Cuts<S>,
    tally: &'t mut Tally<S>,
}

impl<S: Simd, Src: Source> Visit<S> for Apply<'_, '_, S, Src> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = (self.w.load(s, at, n), self.source.e(s, at, n));
            let x = if Src::DIAGONAL {
                self.cuts.apply::<true>(s, self.tally, v, e)
            } else {
                self.cuts.apply::<false>(s, self.tally, v, e)
            };
            self.w.store(s, at, n, x);
        }
    }
}
