//! Newton's method on `tau = lambda1 + rho sum_i (a_i - tau e_i)_+`, in vectors of f32.
//!
//! Most of the groups of a network are of this kind and have a few hundred elements, so the scalar
//! search in f64 (`l11_l12.rs`) would take as long as the sums. Here a lane is a group, the
//! equation is in the units of the cut, and what is not mild is left to the search in f64: NaN,
//! infinities, entries near the ends of f32, a step of 0.
//!
//! A first cut far above the root says little, and `cut + step` would round at its size: there the
//! root of the piece is computed from its terms, which are all positive. So any start leads to the
//! same root, within the rounding of the sums.
//!
//! From the second probe on the cut only rises, by a step of f32 at least, and A shrinks, so the
//! method is finite; more than six probes were never seen.

use super::sums::Question;
use crate::simd::Simd;

/// A bound of everything, whose square is in the range of f32.
const MILD: f32 = 1e18;
/// A bound of `rho n`. The largest entry of a group exceeds the root by at least the share
/// `1 / (1 + rho n)`, which must be more than the rounding of f32, else a group would be emptied.
const STEEP: f32 = 1e6;

/// Four units in the last place of a cut: what the rounding of the sums leaves open.
const ROUNDING: f32 = 4.0 * f32::EPSILON / 2.0;

/// A cut of more than so many times the next one is far above: below, a step from the cut rounds by
/// two units in the last place of it, eight of the root's.
const FAR: f32 = 4.0;
/// Rounds the root of a piece down by more than its terms were rounded. The next step, from below,
/// finds the rest.
const DOWN: f32 = 1.0 - 8.0 * f32::EPSILON / 2.0;

/// The result of one probe.
#[derive(Clone, Copy)]
pub(crate) struct Above<S: Simd> {
    pub(crate) cut: S::F,
    /// `|A|`, with A the elements with `a_i > cut e_i`.
    pub(crate) count: S::F,
    /// The sum of `a_i - cut e_i` over A.
    pub(crate) excess: S::F,
    /// The sum of `e_i` over A, in the units of the equation.
    pub(crate) weight: S::F,
}

/// The equation, `cut = low + rho excess(cut)`.
#[derive(Clone, Copy)]
pub(crate) struct Equation {
    low: f32,
    rho: f32,
    /// The cut of a tau of 1.
    e: f32,
}

impl Equation {
    /// For groups of n; `None` where the penalty has another equation, or numbers that are not mild.
    pub(crate) fn of(question: &Question<'_>, n: usize) -> Option<Self> {
        let (lambda1, rho) = question.solver.linear()?;
        let e = question.step.unwrap_or(1.0);
        let (low, rho) = (question.cut(f64::from(lambda1)), rho * e);
        let mild = e * MILD >= 1.0 && e <= MILD && low <= MILD && rho * n as f32 <= STEEP;
        mild.then_some(Equation { low, rho, e })
    }

    /// The first cut, from any tau.
    #[inline(always)]
    pub(crate) fn start<S: Simd>(&self, s: S, tau: S::F) -> S::F {
        // NaN becomes `low`.
        let low = s.splat(self.low);
        let cut = s.max(s.mul(tau, s.splat(self.e)), low);
        s.select(s.lt(cut, s.splat(MILD)), cut, low)
    }

    /// Where the sums at the first cut say that no sum of n elements can leave the range.
    #[inline(always)]
    pub(crate) fn is_mild<S: Simd>(&self, s: S, x: &Above<S>, n: f32) -> S::M {
        let mild = s.splat(MILD);
        let sums = s.lt(s.mul_add(s.splat(n), x.cut, x.excess), mild);
        s.mask_and(sums, s.lt(x.weight, mild))
    }

    /// The root of the linear piece that the cut lies on, which is not above the root of the
    /// equation; and where the cut itself is the root. `before` is the count at the cut before, or
    /// NaN.
    #[inline(always)]
    pub(crate) fn step<S: Simd>(&self, s: S, x: &Above<S>, before: S::F) -> (S::F, S::M) {
        let (low, rho) = (s.splat(self.low), s.splat(self.rho));
        let off = s.sub(s.mul_add(rho, x.excess, low), x.cut);
        let slope = s.mul_add(rho, x.weight, s.splat(1.0));
        let piece = s.mul_add(rho, s.mul_add(x.weight, x.cut, x.excess), low);
        let far = s.lt(s.mul(piece, s.splat(FAR)), s.mul(x.cut, slope));
        // An empty A gives `low` exactly.
        let far = s.mask_or(far, s.eq(x.count, s.zero()));
        let step = s.div(s.select(far, piece, off), slope);
        let next = s.add(x.cut, step);
        // Rounded down, so that an entry above the root is not cut to zero.
        let down = s.mul(next, s.splat(1.0f32.next_down()));
        let next = s.select(s.gt(s.sub(next, x.cut), step), down, next);
        let next = s.select(far, s.mul(step, s.splat(DOWN)), next);
        let next = s.max(next, low);
        // From below: A stands still, or what is off is the rounding of the sums, or no step is
        // left. Ties, and values one ulp apart, would cycle if only A were asked.
        let rounding = s.le(off, s.mul(x.cut, s.splat(ROUNDING)));
        let rounding = s.mask_and(rounding, s.ge(off, s.zero()));
        let settled = s.mask_or(s.eq(x.count, before), s.le(next, x.cut));
        let later = s.mask_and(settled, s.eq(before, before));
        (next, s.mask_or(s.mask_or(rounding, s.eq(next, x.cut)), later))
    }

    /// The tau of a cut.
    #[inline(always)]
    pub(crate) fn tau<S: Simd>(&self, s: S, cut: S::F) -> S::F {
        s.div(cut, s.splat(self.e))
    }
}
