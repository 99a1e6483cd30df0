//! Chooses the kernel, cuts the work into tasks by shape, and adds up what they did.

use super::band::{Band, TASK};
use super::columns::{self, Columns};
use super::contiguous::Contiguous;
use super::elementwise::{Alone, Elementwise};
use super::flat::Flat;
use super::groups::Groups;
use super::penalty::Form;
use super::shrink::Done;
use super::solver::{Solver, Threshold};
use super::source::{Scale, Source};
use super::sums::Question;
use super::sweep::Fresh;
use super::{Outcome, Regularizer, Work, whole};
use crate::Exec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Work of less than two tasks stays on the calling thread.
pub(crate) fn tasks(exec: Exec, groups: Groups) -> Exec {
    if groups.len() < 2 * TASK { exec.sequential() } else { exec }
}

/// Runs a regulariser on what `source` yields, into the weight buffer `w`.
pub(crate) fn run<Src: Source>(
    exec: Exec,
    (reg, band): (&Regularizer, Band),
    source: Src,
    w: Flat<'_>,
    work: Work<'_>,
) -> Outcome {
    assert!(reg.is_valid(), "prox: a parameter is out of range: {reg:?}");
    assert!(
        !Src::Scale::DIAGONAL || reg.supports_diagonal(),
        "prox: {reg:?} has no prox in a diagonal metric"
    );
    let n = band.groups.len();
    let (exec, total) = (tasks(exec, band.groups), Total::default());
    if n == 0 {
        return total.outcome(0);
    }
    let alone = match reg.form() {
        Form::Soft(t) => Alone::Soft(Threshold { tau: f64::from(t.lambda1), c: f64::from(t.beta) }),
        Form::Element(element) => Alone::Element(element),
        Form::Group(_, solver) => {
            by_group(exec, (solver, band), source, (w, work), &total);
            return total.outcome(n);
        }
        Form::Whole(function) => {
            check_tau(band.groups, work.tau);
            work.tau.fill(0.0);
            total.add(whole::run(exec, function, band, Fresh { source, w }, work.scratch));
            return total.outcome(n);
        }
    };
    let runs = band.runs(TASK);
    exec.each(band.run_count(TASK), |i| {
        let range = runs(i);
        total.add(exec.isa().run(Elementwise { alone, fresh: Fresh { source, w }, range }));
    });
    total.outcome(n)
}

fn by_group<Src: Source>(
    exec: Exec,
    (solver, band): (&dyn Solver, Band),
    source: Src,
    (w, work): (Flat<'_>, Work<'_>),
    total: &Total,
) {
    check_tau(band.groups, work.tau);
    let count = band.groups.groups;
    let band = band.reduced();
    let groups = band.groups;
    let tau = Flat::new(work.tau);
    let question = Question { solver, step: source.scale().step() };
    let fresh = Fresh { source, w };
    if !groups.is_columns() {
        let per = (TASK / groups.group_size()).max(1);
        exec.each(count.div_ceil(per), |i| {
            let range = i * per..count.min((i + 1) * per);
            let kernel = Contiguous { question, fresh, band, range, tau };
            total.add(exec.isa().run(kernel));
        });
        return;
    }
    let (need, have) = (columns::scratch_len(exec, groups), work.scratch.len());
    assert!(have >= need, "prox: scratch has {have} elements, {band:?} needs {need}");
    let (per, part) = (columns::block(groups), columns::block_scratch(groups));
    let scratch = Flat::new(work.scratch);
    exec.each(count.div_ceil(per), |i| {
        let range = i * per..count.min((i + 1) * per);
        let at = if exec.is_parallel() { i * part } else { 0 };
        // SAFETY: task i owns this part; on one thread the tasks run one after another.
        let scratch = unsafe { scratch.part(at, part) };
        let kernel = Columns { question, fresh, band, range, tau, scratch };
        total.add(exec.isa().run(kernel));
    });
}

fn check_tau(groups: Groups, tau: &[f32]) {
    let (count, have) = (groups.groups, tau.len());
    assert!(have == count, "prox: tau has {have} elements, {count} groups need {count}");
}

/// Counts and flags of all tasks: integers, so the order in which they arrive does not show.
#[derive(Default)]
struct Total {
    nan: AtomicBool,
    passes: AtomicU64,
    kept: AtomicU64,
}

impl Total {
    fn add(&self, done: Done) {
        self.nan.fetch_or(done.nan, Relaxed);
        self.passes.fetch_add(done.passes, Relaxed);
        self.kept.fetch_add(done.kept, Relaxed);
    }

    fn outcome(&self, n: usize) -> Outcome {
        let kept = self.kept.load(Relaxed);
        Outcome {
            nan: self.nan.load(Relaxed),
            passes: self.passes.load(Relaxed),
            zeros: n as u64 - kept,
        }
    }
}
