//! The same step in separate passes over memory: moments, step, prox. It is what the fused one is
//! compared with, in tests and in benchmarks.

use super::rules::Parts;
use super::{Pass, Update, UpdateData, dispatch};
use crate::prox::{self, Flat, Metric, Outcome, Scale, TASK, Visit, Work, visit_run};
use crate::simd::{Kernel, Simd};
use crate::{Exec, size};
use core::ops::Range;

/// Scratch of [`update_unfused`]: that of the prox, and for Adam a buffer of d.
///
/// # Panics
/// If memory cannot hold `op.groups` or the scratch.
#[track_caller]
pub fn unfused_scratch_len(exec: Exec, op: &Update) -> usize {
    let d = if op.rule.is_diagonal() { op.groups.len() } else { 0 };
    size::total("update_unfused: scratch of", &[d, prox::scratch_len(exec, &op.reg, op.groups)])
}

/// Takes one step as [`update`](super::update) does, in separate passes over memory: the same bits
/// for SGD, momentum and Nesterov, and the same up to rounding for Adam, which forms d = 1/e here.
///
/// # Panics
/// As [`update`](super::update).
pub fn update_unfused(
    exec: Exec,
    op: &Update,
    data: UpdateData<'_>,
    scratch: &mut [f32],
) -> Outcome {
    dispatch(&op.in_band(), data, UnfusedPass { exec, op, scratch })
}

struct UnfusedPass<'a> {
    exec: Exec,
    op: &'a Update,
    scratch: &'a mut [f32],
}

impl Pass for UnfusedPass<'_> {
    fn run<P: Parts>(self, parts: P, w: Flat<'_>, tau: &mut [f32]) -> Outcome {
        let UnfusedPass { exec, op, scratch } = self;
        let n = op.groups.len();
        let (need, have) = (unfused_scratch_len(exec, op), scratch.len());
        assert!(have >= need, "update_unfused: scratch has {have} elements, {op:?} needs {need}");
        let (d, scratch) = scratch.split_at_mut(if P::Scale::DIAGONAL { n } else { 0 });
        each(exec, n, MomentsPass { parts });
        each(exec, n, StepPass { parts, w, d: Flat::new(d) });
        // SAFETY: the passes above are done, and nothing else reads or writes w now.
        let w = unsafe { w.part(0, n) };
        let at = match parts.scale().step() {
            Some(step) => Metric::Euclidean { step },
            None => Metric::Diagonal { d },
        };
        prox::prox(exec, &op.reg, op.groups, w, at, Work { tau, scratch })
    }
}

/// Runs a visitor over n elements.
fn each<V: Elements>(exec: Exec, n: usize, pass: V) {
    exec.each(n.div_ceil(TASK), |i| {
        exec.isa().run(Over { pass, range: i * TASK..n.min((i + 1) * TASK) });
    });
}

/// Something done to n <= LANES elements from `at`.
trait Elements: Copy + Send + Sync {
    /// # Safety
    /// The elements are inside every buffer, and no other task touches them.
    unsafe fn elements<S: Simd>(self, s: S, at: usize, n: usize);
}

struct Over<V> {
    pass: V,
    range: Range<usize>,
}

impl<V: Elements> Kernel for Over<V> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut visitor = Visitor(self.pass);
        // SAFETY: the range is inside the buffers and this task's own.
        unsafe { visit_run(s, (self.range.start, self.range.len()), &mut visitor) }
    }
}

struct Visitor<V>(V);

impl<S: Simd, V: Elements> Visit<S> for Visitor<V> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.0.elements(s, at, n) }
    }
}

#[derive(Clone, Copy)]
struct MomentsPass<P> {
    parts: P,
}

impl<P: Parts> Elements for MomentsPass<P> {
    #[inline(always)]
    unsafe fn elements<S: Simd>(self, s: S, at: usize, n: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.parts.moments(s, at, n) };
    }
}

#[derive(Clone, Copy)]
struct StepPass<'a, P> {
    parts: P,
    w: Flat<'a>,
    d: Flat<'a>,
}

impl<P: Parts> Elements for StepPass<'_, P> {
    #[inline(always)]
    unsafe fn elements<S: Simd>(self, s: S, at: usize, n: usize) {
        // SAFETY: the caller vouches for the elements, and d has n elements where it is used.
        unsafe {
            let x = self.parts.recall(s, at, n);
            let (v, e) = self.parts.point(s, at, n, x);
            self.w.store(s, at, n, v);
            if P::Scale::DIAGONAL {
                self.d.store(s, at, n, s.div(s.splat(1.0), e));
            }
        }
    }
}
