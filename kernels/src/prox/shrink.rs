//! Applies what a solver found: `x = soft(v, tau e) / (1 + c e)`.

use super::solver::Threshold;
use super::source::Scale;
use crate::simd::Simd;

/// A threshold in f32. Where e is one number: `max(|v| - cut, 0) * scale`, and `c` is not used;
/// else `max(|v| - cut e, 0) * scale / (1 + c e)`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cut {
    pub(crate) cut: f32,
    pub(crate) scale: f32,
    pub(crate) c: f32,
}

/// `tau e`, or tau where e differs between elements, rounded down to f32. An entry above the true
/// threshold stays above it: a group is zero exactly when it should be. (The factor keeps a number
/// that was a cut before, and was divided by e and multiplied again.)
pub(crate) fn cut(tau: f64, step: Option<f32>) -> f32 {
    let t = (tau * step.map_or(1.0, f64::from) * (1.0 + 1e-13)).min(f64::from(f32::MAX));
    let near = t as f32;
    if f64::from(near) > t { near.next_down() } else { near }
}

impl Threshold {
    /// Whether both numbers are in the range of f32, as they must be where they are multiplied with an
    /// e of each element.
    pub(crate) fn fits(&self) -> bool {
        let range = f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX);
        let [tau, c] = [self.tau, self.c].map(|x| x == 0.0 || range.contains(&x));
        tau && (c || self.c == f64::INFINITY)
    }
}

impl Cut {
    pub(crate) fn new(threshold: Threshold, step: Option<f32>) -> Cut {
        let Threshold { tau, c } = threshold;
        let e = step.map_or(1.0, f64::from);
        let cut = cut(tau, step);
        if c == f64::INFINITY {
            return Cut { cut, scale: 0.0, c: 0.0 };
        }
        let scale = if step.is_some() { 1.0 / (1.0 + c * e) } else { 1.0 };
        Cut { cut, scale: scale as f32, c: c.min(f64::from(f32::MAX)) as f32 }
    }
}

/// What a task did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) nan: bool,
    pub(crate) passes: u64,
    pub(crate) kept: u64,
}

impl Done {
    pub(super) fn add(&mut self, other: Done) {
        self.nan |= other.nan;
        self.passes += other.passes;
        self.kept += other.kept;
    }
}

/// What the applied elements have in common, in vectors.
#[derive(Clone, Copy)]
pub(crate) struct Tally<S: Simd> {
    /// NaN in a lane where a NaN or an infinity was seen.
    bad: S::F,
    kept: u64,
}

impl<S: Simd> Tally<S> {
    #[inline(always)]
    pub(crate) fn new(s: S) -> Self {
        Tally { bad: s.zero(), kept: 0 }
    }

    /// What was done, passes aside.
    #[inline(always)]
    pub(crate) fn done(&self, s: S) -> Done {
        Done { nan: s.any(s.ne(self.bad, self.bad)), passes: 0, kept: self.kept }
    }

    /// Gives b the sign of v, drops what is below the smallest normal f32, and counts. `0 v` is NaN
    /// where v is NaN or infinite, and adding it changes nothing elsewhere.
    #[inline(always)]
    pub(crate) fn finish(&mut self, s: S, v: S::F, b: S::F) -> S::F {
        let not_finite = s.mul(v, s.zero());
        self.bad = s.add(self.bad, not_finite);
        let keep = s.ge(b, s.splat(f32::MIN_POSITIVE));
        self.kept += u64::from(s.count(keep));
        s.add(s.select_or_zero(keep, s.or(b, s.sign_bit(v))), not_finite)
    }
}

/// A cut in vectors: of one group, or of one column in each lane.
#[derive(Clone, Copy)]
pub(crate) struct Cuts<S: Simd> {
    pub(crate) cut: S::F,
    pub(crate) scale: S::F,
    pub(crate) c: S::F,
    /// Whether c is not 0 somewhere: a division is half of the work of a sweep.
    pub(crate) divides: bool,
}

impl<S: Simd> Cuts<S> {
    #[inline(always)]
    pub(crate) fn splat(s: S, x: Cut) -> Self {
        Cuts { cut: s.splat(x.cut), scale: s.splat(x.scale), c: s.splat(x.c), divides: x.c != 0.0 }
    }

    #[inline(always)]
    pub(crate) fn apply<M: Scale>(&self, s: S, tally: &mut Tally<S>, v: S::F, e: S::F) -> S::F {
        let (a, zero) = (s.abs(v), s.zero());
        let b = if M::DIAGONAL {
            let b = s.max(s.neg_mul_add(self.cut, e, a), zero);
            let scale = if self.divides {
                s.div(self.scale, s.mul_add(self.c, e, s.splat(1.0)))
            } else {
                self.scale
            };
            s.mul(b, scale)
        } else {
            s.mul(s.max(s.sub(a, self.cut), zero), self.scale)
        };
        tally.finish(s, v, b)
    }
}
