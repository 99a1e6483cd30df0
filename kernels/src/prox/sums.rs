//! The sums that a solver asks for, one vector at a time.
//!
//! Lanes past a tail hold v = 0 and add nothing. A NaN in v fails every comparison and adds
//! nothing either. Sums run in f32 over a few thousand elements and are then folded into f64.

use super::shrink::cut;
use super::solver::{Probe, Solver, Sums, Threshold};
use super::source::Scale;
use crate::simd::Simd;

/// Of a sum of thousands of terms in f32, folded into f64: four units in the last place.
const ROUNDING: f64 = 2.0 * f32::EPSILON as f64;

/// The probe in vectors. `NORM`: `Squares` or `Shrunk` in place of `Above`.
#[derive(Clone, Copy)]
pub(crate) struct Level<S: Simd> {
    /// tau e where e is one number, else tau.
    cut: S::F,
    s: S::F,
    lambda2: S::F,
}

/// What is asked of every group in one call.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) solver: &'a dyn Solver,
    /// e where the metric is Euclidean.
    pub(crate) step: Option<f32>,
}

impl Question<'_> {
    pub(crate) fn wide_step(&self) -> Option<f64> {
        self.step.map(f64::from)
    }

    /// The threshold in f32, where e is one number, else tau. The kernels call it a cut.
    pub(crate) fn cut(&self, tau: f64) -> f32 {
        cut(tau, self.step)
    }

    /// The probe in vectors.
    #[inline(always)]
    pub(crate) fn level<S: Simd>(&self, s: S, probe: Probe) -> Level<S> {
        self.levels(s, s.splat(self.cut(probe.tau)), s.splat(probe.s as f32))
    }

    /// A probe of each lane's own.
    #[inline(always)]
    pub(crate) fn levels<S: Simd>(&self, s: S, cut: S::F, norm: S::F) -> Level<S> {
        Level { cut, s: norm, lambda2: s.splat(self.solver.lambda2() as f32) }
    }

    /// Names the three sums, or None where one left the range of f32 and must be redone in f64.
    #[inline(always)]
    pub(crate) fn sums<const NORM: bool>(&self, probe: Probe, t: [f64; 3]) -> Option<Sums> {
        let [x, y, z] = t;
        let tau = match self.step {
            Some(e) if e > 0.0 => f64::from(self.cut(probe.tau)) / f64::from(e),
            _ => probe.tau,
        };
        let sums = Sums { tau, rounding: ROUNDING, ..Sums::default() };
        let sums = match (self.step, NORM) {
            (Some(e), true) => {
                Sums { count: x, weight: x * f64::from(e), excess: y, squares: z, ..sums }
            }
            (Some(e), false) => Sums { count: x, weight: x * f64::from(e), excess: y, ..sums },
            (None, false) => Sums { count: x, excess: y, weight: z, ..sums },
            (None, true) => Sums { excess: x, squares: y, cubes: z, ..sums },
        };
        // Squares of entries near 1e-19 fall out of the range at its lower end, and cubes of huge ones.
        let lost = NORM && z < 1e-28 && if self.step.is_some() { x > 0.0 } else { probe.s > 0.0 };
        // With an e for each element the probe itself must fit.
        let s = if NORM { probe.s } else { 0.0 };
        let lost = lost || (self.step.is_none() && !Threshold { tau: probe.tau, c: s }.fits());
        (x.is_finite() && y.is_finite() && z.is_finite() && !lost).then_some(sums)
    }
}

/// The three terms that the elements of one vector add. b = (|v| - tau e)_+ is 0 where v is NaN.
#[inline(always)]
pub(crate) fn terms<S: Simd, M: Scale, const NORM: bool>(
    s: S,
    level: &Level<S>,
    (v, e): (S::F, S::F),
) -> [S::F; 3] {
    let a = s.abs(v);
    let b = if M::DIAGONAL { s.neg_mul_add(level.cut, e, a) } else { s.sub(a, level.cut) };
    let b = s.max(b, s.zero());
    let above = s.gt(b, s.zero());
    if M::DIAGONAL && NORM {
        let den = s.mul_add(level.lambda2, e, level.s);
        let q = s.select_or_zero(above, s.div(b, den));
        let q2 = s.mul(q, q);
        return [q, q2, s.select_or_zero(above, s.div(q2, den))];
    }
    let third = match (M::DIAGONAL, NORM) {
        (true, _) => s.select_or_zero(above, e),
        (false, true) => s.mul(b, b),
        (false, false) => s.zero(),
    };
    [s.select_or_zero(above, s.splat(1.0)), b, third]
}
