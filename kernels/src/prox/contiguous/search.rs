//! Any solver, in f64, and the application of what it found.

use super::visit::{Apply, Sum};
use super::{Done, Task};
use crate::prox::flat::{UNROLL, visit_run};
use crate::prox::shrink::{Cut, Cuts, Tally};
use crate::prox::solver::{Probe, State, Step, Sums, Threshold, solve_wide};
use crate::prox::source::Scale;
use crate::prox::sweep::Elements;
use crate::simd::{Kernel, Simd};

/// Where a search stands, and what a sweep told at its probe: `None` where a sum left the range of
/// f32.
type Asked = (State, Option<Sums>);

impl<M: Scale> Task<'_, M> {
    pub(super) fn start(&self, g: usize) -> State {
        self.question.solver.start(f64::from(self.warm(g)))
    }

    /// Solves and applies group g, from the first sums on.
    #[inline(never)]
    pub(super) fn search<S: Simd>(&self, s: S, g: usize, asked: Asked) -> Done {
        s.vectorize(Search { task: self, g, asked })
    }

    /// Off the fast path: v is made already, and nothing is cut off.
    #[cold]
    #[inline(never)]
    pub(super) fn irregular<S: Simd>(&self, s: S, g: usize) -> Done {
        s.vectorize(Irregular { task: self, g })
    }

    #[inline(always)]
    fn solve<S: Simd, const NORM: bool>(&self, s: S, g: usize, (mut state, sums): Asked) -> Done {
        let (question, mut sums, mut passes) = (&self.question, sums, 0);
        let threshold = loop {
            passes += 1;
            let step = match &sums {
                Some(sums) => question.solver.next(question.wide_step(), &mut state, sums),
                None => Step::Wide,
            };
            match step {
                Step::Done(threshold) => break threshold,
                Step::Probe => sums = self.sum::<S, _, NORM>(s, self.made, g, state.probe),
                Step::Wide => {
                    let (threshold, more) = self.solve_wide(g);
                    passes += u64::from(more);
                    break threshold;
                }
            }
        };
        self.set_tau(g, threshold.tau.min(f64::from(f32::MAX)) as f32);
        let threshold = if M::DIAGONAL && !threshold.fits() {
            // SAFETY: the elements of group g are inside the buffers and this task's own.
            unsafe { self.made.apply_wide(threshold, self.band.indices(g)) }
        } else {
            threshold
        };
        let cuts = Cuts::splat(s, Cut::new(threshold, question.step));
        let mut apply = Apply { made: self.made, cuts, tally: Tally::new(s) };
        for run in self.runs(g) {
            // SAFETY: the runs of group g lie inside the buffers and are this task's own.
            unsafe { visit_run(s, run, &mut apply) };
        }
        Done { passes, ..apply.tally.done(s) }
    }

    /// The sums of a group at a probe.
    #[inline(always)]
    pub(super) fn sum<S: Simd, E: Elements<Scale = M>, const NORM: bool>(
        &self,
        s: S,
        elements: E,
        g: usize,
        probe: Probe,
    ) -> Option<Sums> {
        let level = self.question.level(s, probe);
        let mut sum = Sum::<S, E, NORM> { elements, level, acc: [[s.zero(); 3]; UNROLL] };
        let total = self.fold(s, g, &mut sum);
        self.question.sums::<NORM>(probe, total)
    }

    /// The search with sums in f64.
    fn solve_wide(&self, g: usize) -> (Threshold, u32) {
        let question = &self.question;
        // SAFETY: the elements of group g are inside the buffers and this task's own.
        let elements = self.band.indices(g).map(|at| unsafe { self.made.wide(at) });
        solve_wide(question.solver, question.wide_step(), f64::from(self.warm(g)), elements)
    }
}

struct Search<'t, 'a, M> {
    task: &'t Task<'a, M>,
    g: usize,
    asked: Asked,
}

impl<M: Scale> Kernel for Search<'_, '_, M> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        self.task.solve::<S, true>(s, self.g, self.asked)
    }
}

struct Irregular<'t, 'a, M> {
    task: &'t Task<'a, M>,
    g: usize,
}

impl<M: Scale> Kernel for Irregular<'_, '_, M> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        let Irregular { task, g } = self;
        let state = task.start(g);
        let sums = task.sum::<S, _, false>(s, task.made, g, state.probe);
        task.solve::<S, false>(s, g, (state, sums))
    }
}
