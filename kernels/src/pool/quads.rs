//! The maximum of 2 x 2 at stride 2 in planes of even sides whose rows are short.
//!
//! Such planes are one sequence of row pairs, so the maxima of neighbours (2k, 2k + 1) are taken in
//! whole vectors without regard to rows, into a small buffer with their positions; then rows of the
//! buffer meet in pairs. Only this second half pays for rows that do not fill a vector. The winner
//! is the same as in row-major order: an element only gives way to one after it.

use super::Pool2d;
use crate::simd::{Kernel, Simd};

/// Neighbours of a block: 4 KiB of maxima and as many of positions.
const BLOCK: usize = 1024;

/// Elements past a block that whole vectors may read.
const SLACK: usize = 16;

/// 2^23 + n has n in its low bits: positions in a block are f32 lanes.
const SHIFT: f32 = (1 << 23) as f32;

/// The planes of one task.
pub(super) struct Quads<'a> {
    pub(super) pool: Pool2d,
    pub(super) x: &'a [f32],
    pub(super) y: &'a mut [f32],
    pub(super) index: &'a mut [u32],
}

/// Whether planes have this form, and rows of outputs that leave half a vector empty: with fuller
/// ones the way over the buffer costs what it saves.
pub(super) fn serves(pool: &Pool2d, lanes: usize) -> bool {
    let Pool2d { h, w, kernel, stride, padding, .. } = *pool;
    let quads = kernel == [2, 2] && stride == [2, 2] && padding == [0, 0];
    quads && h % 2 == 0 && w % 2 == 0 && w <= lanes
}

impl Kernel for Quads<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (w, ow) = (self.pool.w, self.pool.ow());
        let rows = BLOCK / w;
        let mut best = [0.0; BLOCK + SLACK];
        let mut at = [0.0; BLOCK + SLACK];
        for (block, x) in self.x.chunks(rows * 2 * w).enumerate() {
            neighbours(s, x, (&mut best, &mut at));
            self.rows(s, (block * rows, x.len() / (2 * w)), (&best, &at), ow);
        }
    }
}

/// The maxima of elements 2k and 2k + 1, and [`SHIFT`] + the position of each.
#[inline(always)]
fn neighbours<S: Simd>(
    s: S,
    x: &[f32],
    (best, at): (&mut [f32; BLOCK + SLACK], &mut [f32; BLOCK + SLACK]),
) {
    const EVEN: [f32; 16] =
        [0., 2., 4., 6., 8., 10., 12., 14., 16., 18., 20., 22., 24., 26., 28., 30.];
    let mut here = s.add(s.load(&EVEN), s.splat(SHIFT));
    let (one, step) = (s.splat(1.0), s.splat(2.0 * S::LANES as f32));
    let out = best.chunks_exact_mut(S::LANES).zip(at.chunks_exact_mut(S::LANES));
    for (x, (best, at)) in x.chunks(2 * S::LANES).zip(out) {
        let (even, odd) = load_pair(s, x, S::LANES);
        let (x, position) = later(s, (even, here), (odd, s.add(here, one)));
        s.store(best, x);
        s.store(at, position);
        here = s.add(here, step);
    }
}

/// The maximum of elements `a` and elements `b` after them, with their positions.
#[inline(always)]
fn later<S: Simd>(s: S, a: (S::F, S::F), b: (S::F, S::F)) -> (S::F, S::F) {
    let better = s.mask_or(s.gt(b.0, a.0), s.ne(b.0, b.0));
    (s.select(better, b.0, a.0), s.select(better, b.1, a.1))
}

impl Quads<'_> {
    /// `count` rows of outputs from row `first` of the task on, from a block.
    #[inline(always)]
    fn rows<S: Simd>(
        &mut self,
        s: S,
        (first, count): (usize, usize),
        (best, at): (&[f32; BLOCK + SLACK], &[f32; BLOCK + SLACK]),
        ow: usize,
    ) {
        let (plane, oh) = (self.pool.h * self.pool.w, self.pool.oh());
        let (y, index) = (&mut self.y[first * ow..], &mut self.index[first * ow..]);
        // Where the plane begins, counted from the block's first element.
        let mut i = first % oh;
        let mut origin = 0u32.wrapping_sub((i * 2 * self.pool.w) as u32);
        for row in 0..count {
            let pair = 2 * row * ow;
            let base = SHIFT.to_bits().wrapping_add(origin);
            for j in (0..ow).step_by(S::LANES) {
                let line = |from: usize| (s.load(&best[from..]), s.load(&at[from..]));
                let (x, position) = later(s, line(pair + j), line(pair + ow + j));
                let position = s.to_lanes(position);
                let (y, index) = (&mut y[row * ow + j..], &mut index[row * ow + j..]);
                if y.len() >= S::LANES {
                    // The next outputs cover what is too much.
                    s.store(y, x);
                    let index = &mut index[..S::LANES];
                    for (index, position) in index.iter_mut().zip(position) {
                        *index = position.to_bits().wrapping_sub(base);
                    }
                } else {
                    s.store_tail(y, x);
                    for (index, position) in index.iter_mut().zip(position) {
                        *index = position.to_bits().wrapping_sub(base);
                    }
                }
            }
            i += 1;
            if i == oh {
                i = 0;
                origin = origin.wrapping_add(plane as u32);
            }
        }
    }
}

/// The elements 0, 2, 4... and 1, 3, 5... of x, `count` each (the last odd one may lie past the
/// end of x: it is 0 then, and no tap of any window).
#[inline(always)]
pub(super) fn load_pair<S: Simd>(s: S, x: &[f32], count: usize) -> (S::F, S::F) {
    if x.len() >= 2 * S::LANES {
        return s.deinterleave(s.load(x), s.load(&x[S::LANES..]));
    }
    let x = &x[..x.len().min(2 * count)];
    let (low, high) = x.split_at(x.len().min(S::LANES));
    s.deinterleave(s.load_tail(low), s.load_tail(high))
}
