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
use super::sweep::{AGAIN, Elements, FIRST, Make, SHRINK};
use crate::simd::{Kernel, Simd};
use core::ops::Range;
use visit::{Accumulators, Apply, Sum, SumAbove, take};

/// Elements summed in f32 before a fold into f64: 4096 / (4 x 8) = 128 additions for each lane.
const FOLD: usize = 4096;
/// Elements of the next group that are asked for at most while a group is cut: 64 KiB of w, of g and
/// of m, which leaves most of L2 to the group.
const AHEAD: usize = 16 * 1024;

/// Elements of the groups that are solved together: w of them is 16 KiB, a third of L1.
const BATCH: usize = 4096;

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
            let batch = (BATCH / self.groups.group_size().max(1)).clamp(1, S::LANES);
            for g in self.range.clone().step_by(batch) {
                let batch = g..self.range.end.min(g + batch);
                self.newton(s, batch, &equation, &mut done);
            }
        } else if self.question.solver.needs_norm() {
            for g in self.range.clone() {
                self.search::<S, true, FIRST>(s, g, &mut done);
            }
        } else {
            for g in self.range.clone() {
                for run in self.runs(g) {
                    // SAFETY: the runs of group g lie inside the buffers and are this task's own.
                    unsafe { visit_run(s, run, &mut Make(self.elements)) };
                }
                self.irregular(s, g, &mut done);
            }
        }
        done
    }
}

/// What the last sweep told about the groups of a batch, one in each lane.
#[derive(Default)]
struct Told {
    /// Count, excess and weight.
    sums: [[f32; 16]; 3],
    counts: [f64; 16],
}

impl Told {
    #[inline(always)]
    fn above<S: Simd, Src: Source>(&self, s: S, cut: S::F) -> Above<S> {
        let [count, excess, weight] = self.sums.each_ref().map(|x| s.load(x));
        Above { cut, count, excess, weight: if Src::DIAGONAL { weight } else { count } }
    }
}

impl<Src: Source> Contiguous<'_, Src> {
    /// Solves and applies a batch of groups, at most one for each lane. The sums of one are folded
    /// and the equations of all solved while the next is swept.
    #[inline(always)]
    fn newton<S: Simd>(&self, s: S, batch: Range<usize>, equation: &Equation<S>, done: &mut Done) {
        let (n, mut cuts, mut told) = (batch.len(), [0.0; 16], Told::default());
        for (cut, g) in cuts.iter_mut().zip(batch.clone()) {
            // SAFETY: tau has one element for each group, and g is this task's own.
            *cut = unsafe { self.tau.get(g) };
        }
        let mut cut = equation.start(s, s.load(&cuts));
        let Groups { outer, groups, inner } = self.groups;
        let end = ((outer - 1) * groups + batch.end) * inner;
        let mut ahead = end..end + AHEAD;
        cuts = s.to_lanes(cut);
        for (i, g) in batch.clone().enumerate() {
            self.above::<S, FIRST>(s, (g, i), cuts[i], &mut told, &mut ahead);
        }
        done.passes += n as u64;
        let size = self.groups.group_size() as f32;
        let mild = equation.is_mild(s, &told.above::<S, Src>(s, cut), size);
        let mut open = s.select_or_zero(s.first_lanes(n), s.splat(1.0));
        if s.count(mild) < S::LANES as u32 {
            let mild = s.to_lanes(s.select_or_zero(mild, s.splat(1.0)));
            for (_, g) in mild.iter().zip(batch.clone()).filter(|(mild, _)| **mild == 0.0) {
                self.irregular(s, g, done);
            }
            open = s.mul(open, s.load(&mild));
        }
        let own = s.to_lanes(open);
        // What is cut off already, and the last count.
        let (mut base, mut before) = (s.zero(), s.splat(f32::NAN));
        for pass in 1.. {
            let (next, is_done) = equation.step(s, &told.above::<S, Src>(s, cut), before);
            cut = s.select(is_done, cut, next);
            let parts = s.to_lanes(s.sub(cut, base));
            let moves = s.to_lanes(s.select(is_done, s.zero(), open));
            // The first cut is cut off even where it is the last.
            let swept = if pass == 1 { &own } else { &moves };
            if swept[..n].iter().all(|&x| x == 0.0) {
                break;
            }
            before = s.load(&told.sums[0]);
            for (i, g) in batch.clone().enumerate().filter(|(i, _)| swept[*i] != 0.0) {
                self.above::<S, SHRINK>(s, (g, i), parts[i], &mut told, &mut ahead);
                done.passes += u64::from(moves[i] != 0.0);
            }
            base = cut;
        }
        let taus = s.to_lanes(equation.tau(s, cut));
        for (i, g) in batch.enumerate().filter(|(i, _)| own[*i] != 0.0) {
            done.kept += told.counts[i] as u64;
            // SAFETY: tau has one element for each group, and g is this task's own.
            unsafe { self.tau.set(g, taus[i]) };
        }
    }

    /// The sums of group g, lane i of its batch, where `part` of the cut is still to be cut off.
    #[inline(always)]
    fn above<S: Simd, const MODE: u8>(
        &self,
        s: S,
        (g, i): (usize, usize),
        part: f32,
        told: &mut Told,
        ahead: &mut Range<usize>,
    ) {
        let mut sum = SumAbove::<S, Src, MODE> {
            elements: self.elements,
            cut: s.splat(part),
            acc: [[s.zero(); 3]; UNROLL],
            ahead: ahead.clone(),
        };
        let mut total = [0.0; 3];
        self.fold(s, g, &mut sum, &mut total);
        *ahead = sum.ahead;
        for (sum, total) in told.sums.iter_mut().zip(total) {
            sum[i] = total as f32;
        }
        told.counts[i] = total[0];
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
