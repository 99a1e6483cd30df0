//! The micro-kernel: R outputs x TAPS taps stay in registers over all positions of a block.
//!
//! tile[r, t] = 0, or what the sums hold
//! for each vector of positions: tile[r, t] += dY[r] * x[t]      one load of dY for TAPS FMAs

use crate::simd::{Kernel, Simd, prefetch};

/// Taps of a tile; its outputs are `Tuning::dot_rows`.
pub(super) const TAPS: usize = 3;

/// The positions of a block: runs of neighbours, in images.
#[derive(Clone, Copy)]
pub(super) struct Loops {
    pub(super) images: usize,
    pub(super) runs: usize,
    /// Positions of a run, and from one to the next in dY.
    pub(super) run: usize,
    /// From one image to the next in dY.
    pub(super) dy: usize,
    /// From one image and one run to the next in the staged planes.
    pub(super) x: [usize; 2],
}

impl Loops {
    /// Elements from the first to the last position, by the steps from image to image and run to run.
    pub(super) fn reach(&self, [image, run]: [usize; 2]) -> usize {
        (self.images - 1) * image + (self.runs - 1) * run + self.run
    }
}

/// R x TAPS sums, and where their operands begin.
pub(super) struct Tile<'a, const R: usize> {
    pub(super) loops: Loops,
    pub(super) dy: [*const f32; R],
    pub(super) x: [*const f32; TAPS],
    /// A plane of dY that a tile after this one reads.
    pub(super) next: *const f32,
    pub(super) sums: &'a mut [f32],
    /// Whether to add to what the sums hold.
    pub(super) old: bool,
}

/// Computes a tile.
///
/// # Safety
/// dY must be readable at each output, and the staged planes at each tap, over `Loops::reach`.
#[inline(always)]
pub(super) unsafe fn run<S: Simd, const R: usize>(s: S, tile: Tile<'_, R>) {
    s.vectorize(Run(tile));
}

/// Private: made by `run` alone.
struct Run<'a, const R: usize>(Tile<'a, R>);

impl<const R: usize> Kernel for Run<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Tile { loops, dy, x, next, sums, old } = self.0;
        let mut acc = [[s.zero(); TAPS]; R];
        if old {
            let sums = sums.chunks_exact(S::LANES);
            acc.as_flattened_mut().iter_mut().zip(sums).for_each(|(acc, sum)| *acc = s.load(sum));
        }
        let (whole, tail) = (loops.run / S::LANES * S::LANES, loops.run % S::LANES);
        for image in 0..loops.images {
            for run in 0..loops.runs {
                let y_at = image * loops.dy + run * loops.run;
                let x_at = image * loops.x[0] + run * loops.x[1];
                for i in (0..whole).step_by(S::LANES) {
                    prefetch(next.wrapping_add(y_at + i));
                    // SAFETY: the run has LANES more positions, in dY and behind each tap: who calls
                    // `run` vouches for it.
                    unsafe {
                        let x = x.map(|x| s.load_ptr(x.add(x_at + i)));
                        add(s, &mut acc, x, |r| s.load_ptr(dy[r].add(y_at + i)));
                    }
                }
                if tail > 0 {
                    // SAFETY: as above; the run has `tail` more positions.
                    unsafe {
                        let x = x.map(|x| s.load_first_ptr(x.add(x_at + whole), tail));
                        add(s, &mut acc, x, |r| s.load_first_ptr(dy[r].add(y_at + whole), tail));
                    }
                }
            }
        }
        let sums = sums.chunks_exact_mut(S::LANES);
        acc.as_flattened().iter().zip(sums).for_each(|(&acc, sum)| s.store(sum, acc));
    }
}

/// acc[r][t] += y(r) * x[t].
#[inline(always)]
fn add<S: Simd, const R: usize>(
    s: S,
    acc: &mut [[S::F; TAPS]; R],
    x: [S::F; TAPS],
    y: impl Fn(usize) -> S::F,
) {
    for (r, acc) in acc.iter_mut().enumerate() {
        let y = y(r);
        for (acc, &x) in acc.iter_mut().zip(&x) {
            *acc = s.mul_add(y, x, *acc);
        }
    }
}
