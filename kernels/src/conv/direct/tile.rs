//! The micro-kernel: R rows x V vectors of channels stay in registers over a depth read in place.
//!
//! tile[i, j] = bias[j], or what C holds, or 0
//! for each step of three nested loops: tile[i, j] += A[i] * B[j]     one broadcast of A for V FMAs
//! C[i, j] = max(floor, tile[i, j])
//!
//! Rows of A that lie apart have an address register each, of sixteen:
//! - 16 lanes: 8 x 2 accumulators of 32 registers; per step 16 FMAs (8 cycles) against 10 loads (5).
//! - 8 lanes: 6 x 2 of 16 registers; per step 12 FMAs (6 cycles) against 8 loads (4).
//!
//! Rows that adjoin share one, and have GEMM's tile.

use crate::simd::{Kernel, Simd};
use crate::tuning::Tuning;

/// Rows of a tile, at most.
pub(super) const ROWS: usize = 14;

/// How the rows of A lie in memory.
pub(super) trait Rows: Copy {
    /// At most so many.
    fn most(tuning: &Tuning) -> usize;

    /// Element `offset` of row `i`.
    ///
    /// # Safety
    /// It must be readable.
    unsafe fn at(&self, i: usize, offset: usize) -> f32;
}

/// Rows that begin anywhere.
#[derive(Clone, Copy)]
pub(super) struct Apart(pub(super) [*const f32; 8]);

impl Rows for Apart {
    fn most(tuning: &Tuning) -> usize {
        tuning.rows.min(8)
    }

    #[inline(always)]
    unsafe fn at(&self, i: usize, offset: usize) -> f32 {
        // SAFETY: passed on from the caller.
        unsafe { *self.0[i].add(offset) }
    }
}

/// Rows that are neighbours.
#[derive(Clone, Copy)]
pub(super) struct Adjoin(pub(super) *const f32);

impl Rows for Adjoin {
    fn most(tuning: &Tuning) -> usize {
        tuning.rows
    }

    #[inline(always)]
    unsafe fn at(&self, i: usize, offset: usize) -> f32 {
        // SAFETY: passed on from the caller.
        unsafe { *self.0.add(i + offset) }
    }
}

/// A loop over depth: how often, and how far A and B move each time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loop {
    pub(super) count: usize,
    pub(super) a: usize,
    pub(super) b: usize,
}

/// What a sum begins with.
#[derive(Clone, Copy)]
pub(super) enum First {
    /// 0.
    Zero,
    /// What C holds.
    Old,
    /// A number for each channel: V vectors.
    Bias(*const f32),
}

/// The operands of a tile.
#[derive(Clone, Copy)]
pub(super) struct Tile<A> {
    pub(super) a: A,
    pub(super) b: *const f32,
    /// From the inmost.
    pub(super) depth: [Loop; 3],
    /// Where each row of C begins.
    pub(super) c: [*mut f32; ROWS],
    pub(super) first: First,
    pub(super) floor: f32,
}

struct Run<A, const R: usize, const V: usize>(Tile<A>);

impl<A: Rows, const R: usize, const V: usize> Kernel for Run<A, R, V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Tile { a: rows, b, depth: [inner, middle, outer], c, first, floor } = self.0;
        let mut acc = [[s.zero(); V]; R];
        // SAFETY: who calls `run` vouches for every row of C and for V vectors of the bias.
        unsafe {
            match first {
                First::Zero => {}
                First::Old => {
                    for (acc, &c) in acc.iter_mut().zip(&c) {
                        for (v, acc) in acc.iter_mut().enumerate() {
                            *acc = s.load_ptr(c.add(v * S::LANES));
                        }
                    }
                }
                First::Bias(bias) => {
                    let mut row = [s.zero(); V];
                    for (v, row) in row.iter_mut().enumerate() {
                        *row = s.load_ptr(bias.add(v * S::LANES));
                    }
                    acc = [row; R];
                }
            }
        }
        for k in 0..outer.count {
            for j in 0..middle.count {
                let mut a = k * outer.a + j * middle.a;
                let mut b = b.wrapping_add(k * outer.b + j * middle.b);
                for _ in 0..inner.count {
                    // SAFETY: who calls `run` vouches for A and B at every step.
                    unsafe {
                        let mut row = [s.zero(); V];
                        for (v, row) in row.iter_mut().enumerate() {
                            *row = s.load_ptr(b.add(v * S::LANES));
                        }
                        for (i, acc) in acc.iter_mut().enumerate() {
                            let x = s.splat(rows.at(i, a));
                            for (acc, &row) in acc.iter_mut().zip(&row) {
                                *acc = s.mul_add(x, row, *acc);
                            }
                        }
                    }
                    a += inner.a;
                    b = b.wrapping_add(inner.b);
                }
            }
        }
        let floor = s.splat(floor);
        for (acc, &c) in acc.iter().zip(&c) {
            for (v, &acc) in acc.iter().enumerate() {
                // SAFETY: as for the loads. This order of the maximum keeps NaN.
                unsafe { s.store_ptr(c.add(v * S::LANES), s.max(floor, acc)) };
            }
        }
    }
}

/// Computes a tile of some rows and one or two vectors.
///
/// # Safety
/// A must be readable at `rows` rows and B at `vectors` vectors in every step of the loops, C
/// writable (readable, to begin with it) at those rows and vectors by this task alone, and the bias
/// readable. `rows` is at least 1 and at most `A::most`.
#[inline(always)]
pub(super) unsafe fn run<S: Simd, A: Rows>(s: S, rows: usize, vectors: usize, tile: Tile<A>) {
    macro_rules! tiles {
        ($($r:literal)*) => {
            match rows {
                $($r if $r <= A::most(&S::TUNING) => match vectors {
                    1 => s.vectorize(Run::<A, $r, 1>(tile)),
                    _ => s.vectorize(Run::<A, $r, 2>(tile)),
                })*
                _ => unreachable!("a tile has 1 to {} rows", A::most(&S::TUNING)),
            }
        };
    }
    tiles!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
}
