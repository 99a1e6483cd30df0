//! Groups whose prox is any code: v is made in vectors, and then each group is copied to scratch, solved
//! there and copied back, one after another.

use super::band::{Band, TASK};
use super::flat::{Flat, visit_run};
use super::groups::Groups;
use super::penalty::{GroupProx, Steps};
use super::shrink::Done;
use super::source::{Scale, Source};
use super::sweep::{Fresh, Made};
use crate::simd::{Kernel, Simd};
use crate::{Exec, size};
use core::ops::Range;

/// v and e of a group.
#[track_caller]
pub(crate) fn scratch_len(groups: Groups) -> usize {
    match groups.len() {
        0 => 0,
        _ => size::elements("prox: scratch of", &[2, groups.group_size()]),
    }
}

/// Solves and applies all groups.
pub(crate) fn run<Src: Source>(
    exec: Exec,
    function: &dyn GroupProx,
    band: Band,
    fresh: Fresh<'_, Src>,
    scratch: &mut [f32],
) -> Done {
    let groups = band.groups;
    let (need, have) = (scratch_len(groups), scratch.len());
    assert!(have >= need, "prox: scratch has {have} elements, {band:?} needs {need}");
    let runs = band.runs(TASK);
    exec.each(band.run_count(TASK), |i| exec.isa().run(Make { fresh, range: runs(i) }));
    let (v, e) = scratch[..need].split_at_mut(groups.group_size());
    let mut done = Done { passes: groups.groups as u64, ..Done::default() };
    for g in 0..groups.groups {
        let of = Group { made: fresh.made(), band, g };
        // SAFETY: the tasks are done, the elements of group g lie in every buffer, and nothing else
        // touches them now.
        unsafe {
            of.load(function.strength(), v, e);
            // In a step of 0 nothing moves.
            match fresh.source.scale().step().map(|step| scaled(function.strength(), step)) {
                Some(0.0) => {}
                Some(e) => function.prox(v, Steps::Same(e)),
                None => function.prox(v, Steps::Each(e)),
            }
            of.store(v, e, &mut done);
        }
    }
    done
}

/// `strength * e` within f32; 0 for a NaN.
fn scaled(strength: f32, e: f32) -> f32 {
    let e = strength * e;
    if e.is_nan() { 0.0 } else { e.clamp(0.0, f32::MAX) }
}

/// Makes v of a range.
struct Make<'a, Src> {
    fresh: Fresh<'a, Src>,
    range: Range<usize>,
}

impl<Src: Source> Kernel for Make<'_, Src> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Make { mut fresh, range } = self;
        // SAFETY: the range lies inside the buffers and is this task's own.
        unsafe { visit_run(s, (range.start, range.len()), &mut fresh) };
    }
}

/// A group whose v is made.
struct Group<'a, M> {
    made: Made<'a, M>,
    band: Band,
    g: usize,
}

impl<M: Scale> Group<'_, M> {
    fn w(&self) -> Flat<'_> {
        self.made.w
    }

    /// v and `strength * e`, both 0 where v is not finite.
    ///
    /// # Safety
    /// The elements of the group lie inside every buffer, and no other task touches them.
    unsafe fn load(&self, strength: f32, v: &mut [f32], e: &mut [f32]) {
        let elements = v.iter_mut().zip(e);
        for (at, (v, e)) in self.band.indices(self.g).zip(elements) {
            // SAFETY: the caller vouches for the elements.
            let (x, step) = unsafe { (self.w().get(at), self.made.scale.e_one(at)) };
            (*v, *e) = if x.is_finite() { (x, scaled(strength, step)) } else { (0.0, 0.0) };
        }
    }

    /// Puts back what was found, but for an entry whose e is 0: its step is too.
    ///
    /// # Safety
    /// As `load`.
    unsafe fn store(&self, x: &[f32], e: &[f32], done: &mut Done) {
        for (at, (&x, &e)) in self.band.indices(self.g).zip(x.iter().zip(e)) {
            // SAFETY: the caller vouches for the elements.
            let v = unsafe { self.w().get(at) };
            let x = if e == 0.0 { v } else { x };
            let x = match v.is_finite() && x.is_finite() {
                false => f32::NAN,
                true if x.abs() < f32::MIN_POSITIVE => 0.0,
                true => x,
            };
            done.nan |= x.is_nan();
            done.kept += u64::from(x != 0.0);
            // SAFETY: as above.
            unsafe { self.w().set(at, x) };
        }
    }
}
