//! Groups of one or more contiguous runs, one after another.
//!
//! ```text
//! first    v = rule(w, g, m) into w, with the sums at the group's last tau
//! cut      cuts off what a next probe asks, which cannot be above the root, with the sums there
//! ```
//!
//! for l1,1 + l1,2, where the second probe is usually the last: two sweeps, the second in cache and
//! with the next group on its way from memory. For other penalties, and where something is not
//! mild, sums at each probe and then `apply`.
//!
//! The first sweep is compiled for each rule. What comes after it knows the metric alone.

mod newton;
mod search;
mod visit;

use super::band::Band;
use super::flat::{Flat, Local, visit_run};
use super::groups::Groups;
use super::newton::Equation;
use super::shrink::Done;
use super::source::{Kept, Scale, Source};
use super::sums::Question;
use super::sweep::{Fresh, Keeping, Made};
use crate::simd::{Kernel, Simd};
use core::ops::Range;
use newton::{Ahead, Newton};
use visit::{Accumulators, take};

/// Elements summed in f32 before a fold into f64: 4096 / (4 x 8) = 128 additions for each lane.
const FOLD: usize = 4096;

/// Elements of the groups that are solved together: w of them is 16 KiB, a third of L1.
const BATCH: usize = 4096;

/// Solves and applies a range of groups.
pub(crate) struct Contiguous<'a, Src> {
    pub(crate) question: Question<'a>,
    pub(crate) fresh: Fresh<'a, Src>,
    pub(crate) band: Band,
    pub(crate) range: Range<usize>,
    pub(crate) tau: Flat<'a>,
}

impl<Src: Source> Kernel for Contiguous<'_, Src> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        let Contiguous { question, mut fresh, band, range, tau } = self;
        let task = Task { question, made: fresh.made(), band, tau };
        let mut done = Done::default();
        let size = band.groups.group_size();
        if let Some(equation) = Equation::of(&question, size) {
            let batch = (BATCH / size.max(1)).clamp(1, S::LANES);
            let batches = range.clone().step_by(batch).map(|g| g..range.end.min(g + batch));
            let ahead = &mut Ahead::new(fresh.source.streams(), band, range.start);
            if Src::Scale::DIAGONAL && band.groups.outer == 1 && size <= BATCH {
                let mut e = Local::<BATCH>::new();
                let e = e.flat();
                for batch in batches {
                    let kept = Kept { e, from: band.start + batch.start * band.groups.inner };
                    let made = Made { scale: kept, w: fresh.w };
                    let task = Task { question, made, band, tau };
                    let mut newton = Newton::new(s, &task, &equation, batch, ahead);
                    newton.first(s, Keeping { fresh, kept });
                    done.add(newton.settle(s));
                }
            } else {
                for batch in batches {
                    let mut newton = Newton::new(s, &task, &equation, batch, ahead);
                    newton.first(s, fresh);
                    done.add(newton.settle(s));
                }
            }
        } else if question.solver.needs_norm() {
            for g in range {
                let state = task.start(g);
                let sums = task.sum::<S, _, true>(s, fresh, g, state.probe);
                done.add(task.search(s, g, (state, sums)));
            }
        } else {
            for g in range {
                for run in task.runs(g) {
                    // SAFETY: the runs of group g lie inside the buffers and are this task's own.
                    unsafe { visit_run(s, run, &mut fresh) };
                }
                done.add(task.irregular(s, g));
            }
        }
        done
    }
}

/// Groups whose v is made.
struct Task<'a, M> {
    question: Question<'a>,
    made: Made<'a, M>,
    band: Band,
    tau: Flat<'a>,
}

impl<M> Task<'_, M> {
    /// The last tau of group g.
    fn warm(&self, g: usize) -> f32 {
        // SAFETY: tau has one element for each group, and g is this task's own.
        unsafe { self.tau.get(g) }
    }

    fn set_tau(&self, g: usize, tau: f32) {
        // SAFETY: tau has one element for each group, and g is this task's own.
        unsafe { self.tau.set(g, tau) }
    }

    /// (start, length) of each run of group g.
    #[inline(always)]
    fn runs(&self, g: usize) -> impl Iterator<Item = (usize, usize)> + use<M> {
        let Band { groups: Groups { outer, inner, .. }, start, stride } = self.band;
        let from = start + g * inner;
        (0..outer).map(move |a| (a * stride + from, inner))
    }

    /// Visits a group, and folds what is summed in f32 into f64 now and then.
    #[inline(always)]
    fn fold<S: Simd>(&self, s: S, g: usize, sum: &mut impl Accumulators<S>) -> [f64; 3] {
        let mut total = [0.0; 3];
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
                    take(s, sum.accumulators(), &mut total);
                    pending = 0;
                }
            }
        }
        take(s, sum.accumulators(), &mut total);
        total
    }
}
