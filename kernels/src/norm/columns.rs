//! K sums at once over the rows of a matrix, for a strip of its columns.
//!
//! A strip is four vectors wide, so its partial sums stay in registers while the rows stream by.
//! ROW_BLOCK rows are summed in f32, then folded into f64. Many rows are cut into halves, whose
//! sums are added as a tree that the shape fixes.

use super::load_part;
use super::sums::{At, Terms};
use crate::simd::{Kernel, Simd};
use crate::{Exec, Isa};
use core::ops::Range;

/// Vectors across a strip: 4 x 2 sums in registers.
const VECTORS: usize = 4;

/// The width of the widest strip: 4 vectors of 16 lanes.
pub(super) const STRIP: usize = 64;

/// Rows summed in f32: a rounding error of at most 128 additions, and a fold that costs less than
/// a tenth of them.
const ROW_BLOCK: usize = 128;

/// Rows of one task: 1024 rows of a 32-column strip make 32 Ki elements.
const LEAF: usize = 1024;

/// Columns of a whole strip.
pub(super) fn strip_width(isa: Isa) -> usize {
    VECTORS * isa.lanes()
}

/// Where the mean of an element, and what goes with it, come from.
pub(super) trait Standard: Copy + Send + Sync {
    /// What goes with a vector that starts in column `col` of the strip.
    fn at<S: Simd>(self, s: S, row: usize, col: usize) -> At<S::F>;
}

/// mean and inv_std, `[rows]` each.
#[derive(Clone, Copy)]
pub(super) struct ByRow<'a>(pub(super) &'a [f32], pub(super) &'a [f32]);

impl Standard for ByRow<'_> {
    #[inline(always)]
    fn at<S: Simd>(self, s: S, row: usize, _: usize) -> At<S::F> {
        [s.splat(self.0[row]), s.splat(self.1[row]), s.zero(), s.zero()]
    }
}

/// `[STRIP]` of each.
#[derive(Clone, Copy)]
pub(super) struct ByColumn<'a>(pub(super) &'a At<[f32; STRIP]>);

impl Standard for ByColumn<'_> {
    #[inline(always)]
    fn at<S: Simd>(self, s: S, _: usize, col: usize) -> At<S::F> {
        // Not `map`, which is not inlined here.
        let [mean, inv_std, scale, beta] = self.0;
        [s.load(&mean[col..]), s.load(&inv_std[col..]), s.load(&scale[col..]), s.load(&beta[col..])]
    }
}

/// Columns `first..first + width` of matrices whose rows are `pitch` apart.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a, A, const N: usize> {
    pub(super) x: [&'a [f32]; N],
    pub(super) pitch: usize,
    pub(super) first: usize,
    pub(super) width: usize,
    pub(super) at: A,
}

/// The K sums of each column over `rows`; entries past the width mean nothing.
pub(super) fn column_sums<const N: usize, const K: usize>(
    exec: Exec,
    terms: impl Terms<N, K>,
    strip: Strip<'_, impl Standard, N>,
    rows: Range<usize>,
) -> [[f64; STRIP]; K] {
    if rows.len() <= LEAF {
        return exec.isa().run(Leaf { terms, strip, rows });
    }
    let middle = rows.start + (rows.len() / 2).next_multiple_of(ROW_BLOCK);
    let (mut upper, mut lower) = ([[0.0; STRIP]; K], [[0.0; STRIP]; K]);
    exec.join(
        || upper = column_sums(exec, terms, strip, rows.start..middle),
        || lower = column_sums(exec, terms, strip, middle..rows.end),
    );
    for (upper, lower) in upper.as_flattened_mut().iter_mut().zip(lower.as_flattened()) {
        *upper += lower;
    }
    upper
}

struct Leaf<'a, T, A, const N: usize, const K: usize> {
    terms: T,
    strip: Strip<'a, A, N>,
    rows: Range<usize>,
}

impl<T: Terms<N, K>, A: Standard, const N: usize, const K: usize> Kernel for Leaf<'_, T, A, N, K> {
    type Output = [[f64; STRIP]; K];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [[f64; STRIP]; K] {
        let Strip { x, pitch, first, width, at } = self.strip;
        let mut folded = [[0.0; STRIP]; K];
        let mut start = self.rows.start;
        while start < self.rows.end {
            let end = self.rows.end.min(start + ROW_BLOCK);
            let mut sums = [[s.zero(); K]; VECTORS];
            for row in start..end {
                let from = row * pitch + first;
                for (v, sums) in sums.iter_mut().enumerate() {
                    let col = v * S::LANES;
                    if col < width {
                        let mut part = [s.zero(); N];
                        for (part, x) in part.iter_mut().zip(x) {
                            *part = load_part(s, &x[from + col..from + width]);
                        }
                        *sums = self.terms.add(s, *sums, part, at.at(s, row, col));
                    }
                }
            }
            for (v, sums) in sums.into_iter().enumerate() {
                for (folded, sum) in folded.iter_mut().zip(sums) {
                    let folded = &mut folded[v * S::LANES..][..S::LANES];
                    for (folded, sum) in folded.iter_mut().zip(s.to_lanes(sum)) {
                        *folded += f64::from(sum);
                    }
                }
            }
            start = end;
        }
        folded
    }
}
