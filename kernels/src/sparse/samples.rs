//! Many samples: lanes along samples.
//!
//! x is turned in tiles, [N, in] to [in, tile], so that a weight meets the same feature of all
//! samples of the tile in neighbours; y is turned back. A tile of 32 samples takes
//! 4 * 32 * (in + out) bytes: for 784 x 300 136 KiB of L2. Every weight then reads 128 bytes of it, two
//! lines, which is what limits: 3 to 4 cycles for 2 (16 lanes) or 4 (8 lanes) FMAs.

use super::SparseForward;
use super::runs::Runs;
use crate::isa::Isa;
use crate::simd::{Kernel, Simd};
use crate::size;
use crate::threads::{Exec, Parts};
use core::ptr;

/// Multiplications of a task: some 15 us; handing it over takes 2 to 5.
const TASK_MACS: usize = 1 << 19;

/// Samples of a tile: 32 with 8 and 16 lanes, 16 with 4.
fn tile(isa: Isa) -> usize {
    isa.tuning().sample_vectors * isa.lanes()
}

/// w: `[rows, cols]`, over turned tiles.
pub(super) fn runs(isa: Isa, w: &[f32], shape: [usize; 2]) -> Runs {
    let tile = tile(isa);
    Runs::new(w, shape, |_, col| col * tile)
}

/// Tiles of a task, and tasks; by the shape alone.
fn cut(isa: Isa, samples: usize, kept: usize) -> (usize, usize) {
    let tiles = samples.div_ceil(tile(isa));
    let each = (TASK_MACS / (tile(isa) * kept).max(1)).clamp(1, tiles.max(1));
    (each, tiles.div_ceil(each))
}

/// One turned tile of x and of y for each task.
#[track_caller]
pub(super) fn scratch_len(isa: Isa, shape: [usize; 2], samples: usize, kept: usize) -> usize {
    size::elements("sparse: scratch of", &[cut(isa, samples, kept).1, task_len(isa, shape)])
}

fn task_len(isa: Isa, [rows, cols]: [usize; 2]) -> usize {
    // An offset of 0 must have a run even where there is no column.
    (rows + cols.max(1)) * tile(isa)
}

/// y = act(x W^T + bias), with W of `shape`.
pub(super) fn forward(
    exec: Exec,
    runs: &Runs,
    op: &SparseForward<'_>,
    shape: [usize; 2],
    y: &mut [f32],
    scratch: &mut [f32],
) {
    let isa = exec.isa();
    let [rows, cols] = shape;
    let each = cut(isa, y.len() / rows, runs.kept()).0 * tile(isa);
    let len = task_len(isa, shape);
    if !exec.is_parallel() {
        // The same scratch for every tile stays in the cache.
        return isa.run(Tiles { runs, op, x: op.x, shape, y, scratch: &mut scratch[..len] });
    }
    exec.chunks2(Parts::new(y, each * rows), Parts::new(scratch, len), |i, y, scratch| {
        let x = &op.x[i * each * cols..][..y.len() / rows * cols];
        isa.run(Tiles { runs, op, x, shape, y, scratch });
    });
}

struct Tiles<'a> {
    runs: &'a Runs,
    op: &'a SparseForward<'a>,
    x: &'a [f32],
    shape: [usize; 2],
    y: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Tiles { runs, op, x, shape: [rows, cols], y, scratch } = self;
        let tile = S::TUNING.sample_vectors * S::LANES;
        let (xt, yt) = scratch.split_at_mut(cols.max(1) * tile);
        for (i, y) in y.chunks_mut(tile * rows).enumerate() {
            let n = y.len() / rows;
            let x = &x[i * tile * cols..][..n * cols];
            turn_in(s, (x, cols), (xt, tile));
            let run = Turned { runs, op, x: xt, y: yt, tile };
            match n.div_ceil(S::LANES) {
                1 => run.run::<S, 1>(s),
                2 => run.run::<S, 2>(s),
                // Instances that no tile of 16 lanes has.
                _ if S::TUNING.sample_vectors == 2 => unreachable!(),
                _ => run.run::<S, 4>(s),
            }
            turn_out(s, (yt, tile), (y, rows));
        }
    }
}

struct Turned<'a> {
    runs: &'a Runs,
    op: &'a SparseForward<'a>,
    x: &'a [f32],
    y: &'a mut [f32],
    tile: usize,
}

impl Turned<'_> {
    /// V vectors of samples of every row.
    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, s: S) {
        for (row, r) in self.runs.rows() {
            let sums = row.sum::<S, V>(s, self.x, self.op.ending(r));
            let y = &mut self.y[r * self.tile..][..self.tile];
            for (&sum, y) in sums.iter().zip(y.chunks_exact_mut(S::LANES)) {
                s.store(y, sum);
            }
        }
    }
}

/// `xt[c, i] = x[i, c]`; lanes of samples that are not there hold others.
#[inline(always)]
fn turn_in<S: Simd>(s: S, (x, cols): (&[f32], usize), (xt, tile): (&mut [f32], usize)) {
    let n = x.len().checked_div(cols).unwrap_or(0);
    assert!(n <= tile && xt.len() >= cols * tile);
    for first in (0..n).step_by(S::LANES) {
        if cols < S::LANES {
            for i in first..n.min(first + S::LANES) {
                (0..cols).for_each(|c| xt[c * tile + i] = x[i * cols + c]);
            }
            continue;
        }
        for c in (0..cols).step_by(S::LANES) {
            // The last square begins where it ends with the last column.
            let c = c.min(cols - S::LANES);
            let mut lines = [ptr::null(); 16];
            for (l, line) in lines.iter_mut().take(S::LANES).enumerate() {
                *line = x[(first + l).min(n - 1) * cols + c..][..S::LANES].as_ptr();
            }
            // SAFETY: each line has LANES elements, checked above. xt has cols rows of `tile`, and
            // the square is rows c to c + LANES <= cols, from first with first + LANES <= tile,
            // since a tile is whole vectors.
            unsafe { s.transpose_ptr(&lines, xt.as_mut_ptr().add(c * tile + first), tile) };
        }
    }
}

/// `y[i, r] = yt[r, i]`.
#[inline(always)]
fn turn_out<S: Simd>(s: S, (yt, tile): (&[f32], usize), (y, rows): (&mut [f32], usize)) {
    let n = y.len() / rows;
    assert!(n <= tile && yt.len() >= rows * tile);
    for first in (0..n).step_by(S::LANES) {
        let here = S::LANES.min(n - first);
        if rows < S::LANES {
            for i in first..first + here {
                (0..rows).for_each(|r| y[i * rows + r] = yt[r * tile + i]);
            }
            continue;
        }
        for r in (0..rows).step_by(S::LANES) {
            let r = r.min(rows - S::LANES);
            let mut lines = [ptr::null(); 16];
            for (l, line) in lines.iter_mut().take(S::LANES).enumerate() {
                *line = yt[(r + l) * tile + first..][..S::LANES].as_ptr();
            }
            if here == S::LANES {
                // SAFETY: each line has LANES elements, checked above. y has n rows of `rows`, and
                // the square is rows first to first + LANES <= n, from r with r + LANES <= rows.
                unsafe { s.transpose_ptr(&lines, y.as_mut_ptr().add(first * rows + r), rows) };
                continue;
            }
            let mut square = [0.0; 256];
            // SAFETY: as above, and a square of LANES <= 16 fits 256 elements.
            unsafe { s.transpose_ptr(&lines, square.as_mut_ptr(), S::LANES) };
            for (i, line) in square.chunks_exact(S::LANES).take(here).enumerate() {
                y[(first + i) * rows + r..][..S::LANES].copy_from_slice(line);
            }
        }
    }
}
