//! Groups of one or more contiguous runs, one after another.
//!
//! ```text
//! first    v = rule(w, g, m) into w, with the sums at the group's last tau
//! shrink   cuts off what a next probe asks, which cannot be above the root, with the sums there
//! ```
//!
//! for l1,1 + l1,2, where the second probe is usually the last: two sweeps, the second in cache and
//! with the next group on its way from memory. For other penalties, and where something is not
//! mild, sums at each probe and then `apply`.

mod visit;

use super::flat::{Flat, UNROLL, visit_run};
use super::groups::Groups;
use super::newton::{Above, Equation};
use super::shrink::{Cut, Cuts, Tally};
use super::solver::{Probe, Step, Sums, Threshold, solve_wide};
use super::source::Source;
use super::sums::Question;
use super::sweep::{AGAIN, Elements, FIRST, SHRINK};
use crate::simd::{Kernel, Simd};
use core::ops::Range;
use visit::{Accumulators, Apply, Sum, SumAbove, take};

/// Elements summed in f32 before a fold into f64: 4096 / (4 x 8) = 128 additions for each lane.
const FOLD: usize = 4096;
/// Elements of the next group that are asked for at most while a group is cut: 64 KiB of w, of g and
/// of m, which leaves most of L2 to the group.
const AHEAD: usize = 16 * 1024;

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
    pub(crate) elements: Elements<'a, Src>,
    pub(crate) groups: Groups,
    pub(crate) range: Range<usize>,
    pub(crate) tau: Flat<'a>,
}

impl<Src: Source> Kernel for Contiguous<'_, Src> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        let mut done = Done::default();
        if let Some(equation) = Equation::of(s, &self.question, self.groups.group_size()) {
            for g in self.range.clone() {
                self.newton(s, g, &equation, &mut done);
            }
        } else if self.question.solver.needs_norm() {
            for g in self.range.clone() {
                self.search::<S, true, FIRST>(s, g, &mut done);
            }
        } else {
            for g in self.range.clone() {
                self.search::<S, false, FIRST>(s, g, &mut done);
            }
        }
        done
    }
}

impl<Src: Source> Contiguous<'_, Src> {
    #[inline(always)]
    fn newton<S: Simd>(&self, s: S, g: usize, equation: &Equation<S>, done: &mut Done) {
        // SAFETY: tau has one element for each group, and g is this task's own.
        let mut next = equation.start(s, s.splat(unsafe { self.tau.get(g) }));
        let Groups { outer, groups, inner } = self.groups;
        let end = ((outer - 1) * groups + g + 1) * inner;
        let mut ahead = end..end + AHEAD;
        let (mut sums, mut count) = self.above::<S, FIRST>(s, g, (next, next), &mut ahead);
        done.passes += 1;
        if !equation.is_mild(s, &sums, self.groups.group_size() as f32) {
            return self.irregular(s, g, done);
        }
        // What is cut off already, and the last count.
        let (mut base, mut before) = (s.zero(), s.splat(f32::NAN));
        let mut pass = 1;
        loop {
            let (probe, is_done) = equation.step(s, &sums, before);
            let is_done = s.any(is_done);
            if is_done && pass > 1 {
                break;
            }
            if !is_done {
                next = probe;
            }
            before = sums.count;
            (sums, count) = self.above::<S, SHRINK>(s, g, (next, s.sub(next, base)), &mut ahead);
            base = next;
            pass += 1;
            if is_done {
                break;
            }
            done.passes += 1;
        }
        done.kept += count;
        // SAFETY: tau has one element for each group, and g is this task's own.
        unsafe { self.tau.set(g, s.to_lanes(equation.tau(s, next))[0]) };
    }

    /// The sums of group g, in every lane, where `part` of the cut is still to be cut off; and the
    /// count.
    #[inline(always)]
    fn above<S: Simd, const MODE: u8>(
        &self,
        s: S,
        g: usize,
        (cut, part): (S::F, S::F),
        ahead: &mut Range<usize>,
    ) -> (Above<S>, u64) {
        let mut sum = SumAbove::<S, Src, MODE> {
            elements: self.elements,
            cut: part,
            acc: [[s.zero(); 3]; UNROLL],
            ahead: ahead.clone(),
        };
        let mut total = [0.0; 3];
        self.fold(s, g, &mut sum, &mut total);
        *ahead = sum.ahead;
        let [count, excess, weight] = total.map(|x| s.splat(x as f32));
        let weight = if Src::DIAGONAL { weight } else { count };
        (Above { cut, count, excess, weight }, total[0] as u64)
    }

    /// Off the fast path: v is made already, and nothing is cut off.
    #[cold]
    #[inline(never)]
    fn irregular<S: Simd>(&self, s: S, g: usize, done: &mut Done) {
        s.vectorize(Irregular { task: self, g, done });
    }

    /// Solves group g in f64 and applies the result.
    #[inline(always)]
    fn search<S: Simd, const NORM: bool, const MODE: u8>(&self, s: S, g: usize, done: &mut Done) {
        let question = &self.question;
        // SAFETY: tau has one element for each group, and g is this task's own.
        let warm = f64::from(unsafe { self.tau.get(g) });
        let mut state = question.solver.start(warm);
        let mut sums = self.sum::<S, NORM, MODE>(s, g, state.probe);
        let threshold = loop {
            done.passes += 1;
            let Some(found) = sums else {
                let (threshold, more) = self.solve_wide(g);
                done.passes += u64::from(more);
                break threshold;
            };
            match question.solver.next(question.wide_step(), &mut state, &found) {
                Step::Done(threshold) => break threshold,
                Step::Probe => sums = self.sum::<S, NORM, AGAIN>(s, g, state.probe),
            }
        };
        // SAFETY: tau has one element for each group, and g is this task's own.
        unsafe { self.tau.set(g, threshold.tau.min(f64::from(f32::MAX)) as f32) };
        let cuts = Cuts::splat(s, Cut::new(threshold, question.step));
        let mut apply = Apply { elements: self.elements, cuts, tally: Tally::new(s) };
        for run in self.runs(g) {
            // SAFETY: the runs of group g lie inside the buffers and are this task's own.
            unsafe { visit_run(s, run, &mut apply) };
        }
        done.nan |= apply.tally.is_bad(s);
        done.kept += apply.tally.kept();
    }

    /// The sums of a group at a probe.
    #[inline(always)]
    fn sum<S: Simd, const NORM: bool, const MODE: u8>(
        &self,
        s: S,
        g: usize,
        probe: Probe,
    ) -> Option<Sums> {
        let mut sum = Sum::<S, Src, NORM, MODE> {
            elements: self.elements,
            level: self.question.level(s, probe),
            acc: [[s.zero(); 3]; UNROLL],
        };
        let mut total = [0.0; 3];
        self.fold(s, g, &mut sum, &mut total);
        self.question.sums::<NORM>(probe, total)
    }

    /// Visits a group, and folds what is summed in f32 into f64 now and then.
    #[inline(always)]
    fn fold<S: Simd>(&self, s: S, g: usize, sum: &mut impl Accumulators<S>, total: &mut [f64; 3]) {
        let mut pending = 0;
        for (start, len) in self.runs(g) {
            let mut at = 0;
            while at < len {
                let n = FOLD.min(len - at);
                // SAFETY: the runs of group g lie inside the buffers and are this task's own.
                unsafe { visit_run(s, (start + at, n), sum) };
                at += n;
                pending += n;
                if pending >= FOLD {
                    take(s, sum.accumulators(), total);
                    pending = 0;
                }
            }
        }
        take(s, sum.accumulators(), total);
    }

    /// (start, length) of each run of group g.
    #[inline(always)]
    fn runs(&self, g: usize) -> impl Iterator<Item = (usize, usize)> + use<Src> {
        let Groups { outer, groups, inner } = self.groups;
        (0..outer).map(move |a| ((a * groups + g) * inner, inner))
    }

    /// The search with sums in f64.
    fn solve_wide(&self, g: usize) -> (Threshold, u32) {
        // SAFETY: tau has one element for each group, and g and its elements are this task's own.
        unsafe {
            let warm = f64::from(self.tau.get(g));
            let elements = self.groups.indices(g).map(|at| self.elements.wide(at));
            solve_wide(self.question.solver, self.question.wide_step(), warm, elements)
        }
    }
}

struct Irregular<'a, 'd, Src> {
    task: &'a Contiguous<'a, Src>,
    g: usize,
    done: &'d mut Done,
}

impl<Src: Source> Kernel for Irregular<'_, '_, Src> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.task.search::<S, false, AGAIN>(s, self.g, self.done);
    }
}
