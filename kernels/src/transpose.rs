//! The transpose of a matrix, `y[c, r] = x[r, c]`, by tiles.
//!
//! One of the two sides must be walked across its rows. A tile of 16 x 16 touches sixteen rows of
//! each, so that every cache line it fetches is used whole; tiles go along the rows of y within a
//! band, whose lines of x stay in the cache for the next tile.

use crate::reduce::Scaled;
use crate::{Accumulate, Exec, Kernel, Simd, map, size};

/// The edge of a tile: 16 f32 are a cache line.
const TILE: usize = 16;
/// Elements in a task, as in `map`.
const TASK: usize = 32 * 1024;

/// `y = x^T`, or `+=`, for `x: [rows, cols]` and `y: [cols, rows]`.
///
/// # Panics
/// If a length is not `rows * cols`, or memory cannot hold so many.
///
/// ```
/// use proxtape_kernels::{Accumulate, Exec, Isa, transpose::transpose};
/// let mut y = [f32::NAN; 6];
/// let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// transpose(Exec::new(Isa::detect()), &x, [2, 3], &mut y, Accumulate::Store);
/// assert_eq!(y, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
/// ```
pub fn transpose(exec: Exec, x: &[f32], [rows, cols]: [usize; 2], y: &mut [f32], acc: Accumulate) {
    let n = size::elements("transpose", &[rows, cols]);
    assert!(x.len() == n, "transpose: x has {} elements, {rows} x {cols} needs {n}", x.len());
    assert!(y.len() == n, "transpose: y has {} elements, {cols} x {rows} needs {n}", y.len());
    if n == 0 {
        return;
    }
    if rows == 1 || cols == 1 {
        return map::map(exec, Scaled(1.0), [x], y, acc);
    }
    // A task is a band of rows of y, whole tiles high.
    let band = TASK.div_ceil(rows).next_multiple_of(TILE);
    exec.chunks(y, band * rows, |i, y| {
        exec.isa().run(Band { x, shape: [rows, cols], y, first: i * band, acc });
    });
}

/// Rows of y from `first` on.
struct Band<'a> {
    x: &'a [f32],
    shape: [usize; 2],
    y: &'a mut [f32],
    first: usize,
    acc: Accumulate,
}

impl Kernel for Band<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let [rows, cols] = self.shape;
        let height = self.y.len() / rows;
        for c in (0..height).step_by(TILE) {
            let high = TILE.min(height - c);
            for r in (0..rows).step_by(TILE) {
                let wide = TILE.min(rows - r);
                let x = &self.x[r * cols + self.first + c..];
                let y = &mut self.y[c * rows + r..];
                // The tile as it will lie in y; literal bounds let the compiler shuffle vectors.
                let mut tile = [[0.0; TILE]; TILE];
                if high == TILE && wide == TILE {
                    gather_whole(&mut tile, x, cols);
                    scatter(s, &tile, y, rows, [TILE, TILE], self.acc);
                } else {
                    gather(&mut tile, x, cols, [high, wide]);
                    scatter(s, &tile, y, rows, [high, wide], self.acc);
                }
            }
        }
    }
}

/// `tile[c][r] = x[r, c]` for a whole tile, by blocks of 4 x 4, which the compiler turns into
/// shuffles of whole registers.
#[inline(always)]
fn gather_whole(tile: &mut [[f32; TILE]; TILE], x: &[f32], stride: usize) {
    for r in (0..TILE).step_by(4) {
        let x = &x[r * stride..];
        let rows = [0, 1, 2, 3].map(|r| &x[r * stride..][..TILE]);
        for c in (0..TILE).step_by(4) {
            let [a, b, d, e] = rows.map(|x| [x[c], x[c + 1], x[c + 2], x[c + 3]]);
            for k in 0..4 {
                tile[c + k][r..r + 4].copy_from_slice(&[a[k], b[k], d[k], e[k]]);
            }
        }
    }
}

/// `tile[c][r] = x[r, c]` for c < high and r < wide.
#[inline(always)]
fn gather(tile: &mut [[f32; TILE]; TILE], x: &[f32], stride: usize, [high, wide]: [usize; 2]) {
    for r in 0..wide {
        let x = &x[r * stride..][..high];
        for c in 0..high {
            tile[c][r] = x[c];
        }
    }
}

/// `y[c, r] = tile[c][r]`, or `+=`.
#[inline(always)]
fn scatter<S: Simd>(
    s: S,
    tile: &[[f32; TILE]; TILE],
    y: &mut [f32],
    stride: usize,
    [high, wide]: [usize; 2],
    acc: Accumulate,
) {
    for (c, tile) in tile.iter().enumerate().take(high) {
        let y = &mut y[c * stride..][..wide];
        for (y, tile) in y.chunks_mut(S::LANES).zip(tile.chunks_exact(S::LANES)) {
            let v = s.load(tile);
            let whole = y.len() == S::LANES;
            let v = match acc {
                Accumulate::Store => v,
                Accumulate::Add if whole => s.add(s.load(y), v),
                Accumulate::Add => s.add(s.load_tail(y), v),
            };
            if whole { s.store(y, v) } else { s.store_tail(y, v) }
        }
    }
}
