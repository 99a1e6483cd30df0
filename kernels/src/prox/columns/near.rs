//! The elements near the first cuts, from which the next probes are answered without another sweep.
//!
//! Between two steps a tau moves by a fraction of a percent, and Newton's method ends at a cut that
//! few elements lie below and above the first. With these in a list the sums at any cut in the
//! neighbourhood follow from those at the first, and a group needs two sweeps over memory, not two
//! and a half:
//!
//! ```text
//! |A| = |A0| + joined - left     excess = excess0 - (cut - cut0) weight0 + sum of |a - cut e| over both
//! ```

use super::{Columns, Lanes};
use crate::prox::source::Source;
use crate::simd::Simd;

/// The neighbourhood, as a share of a cut.
pub(super) const NEAR: f32 = 1.0 / 256.0;
/// How far a cut may move: a little less, for the rounding of the bounds.
pub(super) const FAR: f32 = 0.99 * NEAR;

/// Elements of a list for so many in all: one of 64, where a spread of the elements like that of
/// weights has one of 100 to 300 in the neighbourhood; and some for small chunks and for whole tiles.
pub(super) fn capacity(elements: usize) -> usize {
    (elements / 64 + 1024).next_multiple_of(16) + 80
}

/// A list.
pub(super) struct Near<'a> {
    /// |v|, e where it differs between elements, and the column in the block.
    parts: [&'a mut [f32]; 3],
    len: usize,
    /// Whether it lacks some.
    full: bool,
}

impl<'a> Near<'a> {
    /// An empty list in scratch.
    pub(super) fn new(scratch: &'a mut [f32]) -> Near<'a> {
        let capacity = scratch.len() / 3;
        let (a, rest) = scratch.split_at_mut(capacity);
        let (e, column) = rest.split_at_mut(capacity);
        Near { parts: [a, e, column], len: 0, full: false }
    }

    /// Whether n more elements find room; if not, the list is of no use any more.
    #[inline(always)]
    pub(super) fn has_room(&mut self, n: usize) -> bool {
        self.full |= self.len + n + 16 > self.parts[0].len();
        !self.full
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Appends the lanes where `m`.
    ///
    /// # Safety
    /// There is room for a vector.
    #[inline(always)]
    pub(super) unsafe fn push<S: Simd>(
        &mut self,
        s: S,
        diagonal: bool,
        m: S::M,
        (a, e, column): (S::F, S::F, S::F),
    ) {
        debug_assert!(self.len + S::LANES <= self.parts[0].len());
        let [to_a, to_e, to_column] = &mut self.parts;
        // SAFETY: the three parts have one length, and the caller vouches for room.
        unsafe {
            let n = s.compress_ptr(to_a.as_mut_ptr().add(self.len), m, a);
            s.compress_ptr(to_column.as_mut_ptr().add(self.len), m, column);
            if diagonal {
                s.compress_ptr(to_e.as_mut_ptr().add(self.len), m, e);
            }
            self.len += n;
        }
    }
}

impl<Src: Source> Columns<'_, Src> {
    /// What moving from the first cuts to the present ones changes beside the slope, by column, into
    /// `high`: elements that join or leave A, by how much they exceed or miss the cut, and their e.
    #[inline(always)]
    pub(super) fn flips<S: Simd>(&self, lanes: &mut Lanes<'_>) {
        lanes.high.iter_mut().for_each(|x| x.fill(0.0));
        let [counts, excesses, weights] = &mut lanes.high;
        for list in &lanes.near {
            let [a, e, column] = &list.parts;
            let (a, e, column) = (&a[..list.len], &e[..list.len], &column[..list.len]);
            for (i, (&a, &column)) in a.iter().zip(column).enumerate() {
                let column = column as usize;
                let e = if Src::DIAGONAL { e[i] } else { 1.0 };
                let above = |cut: f32| match (Src::DIAGONAL, S::FUSED) {
                    (false, _) => a - cut,
                    (true, true) => (-cut).mul_add(e, a),
                    (true, false) => a - cut * e,
                };
                let (was, is) = (above(lanes.first[column]), above(lanes.cut[column]));
                let [was, now] = [was, is].map(|b| b >= f32::MIN_POSITIVE);
                if was != now {
                    let sign = if now { 1.0 } else { -1.0 };
                    counts[column] += sign;
                    excesses[column] += is.abs();
                    weights[column] += sign * e;
                }
            }
        }
    }
}
