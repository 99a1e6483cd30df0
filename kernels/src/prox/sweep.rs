//! What one sweep does with a vector of elements.

use super::flat::{Flat, Visit};
use super::shrink::{Cuts, Tally};
use super::source::Source;
use crate::simd::Simd;

/// Makes v, stores it, and sums.
pub(crate) const FIRST: u8 = 0;
/// Sums.
pub(crate) const AGAIN: u8 = 1;
/// Cuts v, stores it, and sums what is left.
pub(crate) const SHRINK: u8 = 2;

/// Where v and e come from, and where v lies afterwards.
#[derive(Clone, Copy)]
pub(crate) struct Elements<'a, Src> {
    pub(crate) source: Src,
    pub(crate) w: Flat<'a>,
}

impl<Src: Source> Elements<'_, Src> {
    /// (v, e) of n <= LANES elements.
    ///
    /// # Safety
    /// As [`Source::first`]; in the mode `FIRST` once for each element.
    #[inline(always)]
    pub(crate) unsafe fn get<S: Simd, const MODE: u8>(
        self,
        s: S,
        at: usize,
        n: usize,
    ) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            if MODE != FIRST {
                return (self.w.load(s, at, n), self.source.e(s, at, n));
            }
            let (v, e) = self.source.first(s, at, n);
            if !Src::IN_PLACE {
                self.w.store(s, at, n, v);
            }
            (v, e)
        }
    }

    /// Adds to the count, the excess and, in a diagonal metric, the weight of what is above a cut.
    /// Elements that exceed it by less than the smallest normal f32 count as below. An excess that
    /// is NaN or infinite stays so in the sum. Returns |v|, what it exceeds the cut by, and e.
    ///
    /// # Safety
    /// As `get`.
    #[inline(always)]
    pub(crate) unsafe fn above<S: Simd, const MODE: u8>(
        self,
        s: S,
        cut: S::F,
        (at, n): (usize, usize),
        acc: &mut [S::F; 3],
    ) -> (S::F, S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = self.get::<S, MODE>(s, at, n);
            let a = s.abs(v);
            let over = if Src::DIAGONAL { s.neg_mul_add(cut, e, a) } else { s.sub(a, cut) };
            let keep = s.ge(over, s.splat(f32::MIN_POSITIVE));
            acc[0] = s.add(acc[0], s.select_or_zero(keep, s.splat(1.0)));
            // max(0, NaN) is NaN.
            let b =
                if MODE == SHRINK { s.select_or_zero(keep, over) } else { s.max(s.zero(), over) };
            acc[1] = s.add(acc[1], b);
            if Src::DIAGONAL {
                acc[2] = s.add(acc[2], s.select_or_zero(keep, e));
            }
            if MODE == SHRINK {
                let x = s.select_or_zero(keep, s.or(b, s.sign_bit(v)));
                self.w.store(s, at, n, x);
            }
            (a, over, e)
        }
    }

    /// Applies a threshold.
    ///
    /// # Safety
    /// As `get`.
    #[inline(always)]
    pub(crate) unsafe fn apply<S: Simd>(
        self,
        s: S,
        cuts: &Cuts<S>,
        tally: &mut Tally<S>,
        (at, n): (usize, usize),
    ) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = self.get::<S, AGAIN>(s, at, n);
            let x = if Src::DIAGONAL {
                cuts.apply::<true>(s, tally, v, e)
            } else {
                cuts.apply::<false>(s, tally, v, e)
            };
            self.w.store(s, at, n, x);
        }
    }

    /// (v, e) of one element in f64.
    ///
    /// # Safety
    /// As `get`.
    pub(crate) unsafe fn wide(self, at: usize) -> (f64, f64) {
        // SAFETY: the caller vouches for the element.
        unsafe { (f64::from(self.w.get(at)), f64::from(self.source.e_one(at))) }
    }
}

/// Makes v alone, before a search that asks for sums `AGAIN`: a pass more where the penalty is a rare
/// one, and no third copy of the search.
pub(crate) struct Make<'a, Src>(pub(crate) Elements<'a, Src>);

impl<S: Simd, Src: Source> Visit<S> for Make<'_, Src> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.0.get::<S, FIRST>(s, at, n) };
    }
}
