//! Few columns of C, and rows of A that are contiguous: C[i, j] = dot(A[i, :], B[:, j]).
//!
//! A vector along ten columns leaves six of sixteen lanes idle. Here a vector is four depths of as
//! many columns as fit, so that ten columns take 3 vectors for four depths, not 4 (and 5, not 8,
//! with 8 lanes):
//!
//! acc[i, v] += (A[i, p..p + 4], repeated) * (B[p..p + 4, j], four depths of each column j of v)
//!
//! At the end the sums of four neighbours are the columns of C, in order.

use super::blocks::{Blocks, Cut, aligned};
use super::finish::{Part, Whole};
use super::pack::Lines;
use super::product::{Product, steps};
use super::tile::Epilogue;
use super::view::Dest;
use crate::simd::{Kernel, Simd};
use crate::threads::Exec;
use core::ops::Range;

/// Depths that share a vector.
const QUAD: usize = 4;

/// Columns that a row has at most: 3 vectors of 16 lanes, or 6 of 8.
const COLS: usize = 12;

/// Few rows do not win back the packing of B.
const ROWS: usize = 16;

/// Nor does little depth win back the sums at the end: they take some 8 cycles a row, and a quad saves
/// half a cycle to 1.5. (128 x 10 x 100: 1.2 times as fast as tiles with 16 lanes, 1.4 with 8.)
const DEPTH: usize = 64;

/// Multiplications of a task; the same reasoning as for the tiles of a product.
const TASK_MACS: usize = 1 << 19;

/// Vectors for a quad of all columns.
fn vectors(cols: usize, lanes: usize) -> usize {
    (QUAD * cols).div_ceil(lanes)
}

/// Whether this path is the one for a product, of an A and a C whose rows have these steps.
pub(super) fn suits([m, n, k]: [usize; 3], steps: [usize; 2], lanes: usize) -> bool {
    let fewer = || vectors(n, lanes) < QUAD * n.div_ceil(lanes);
    let large = n <= COLS && m >= ROWS && k >= DEPTH;
    large && fewer() && lanes > QUAD && steps == [1, 1]
}

/// Computes C.
///
/// # Safety
/// `c` must be writable (readable, if beta is not 0) at m rows and n columns, by this call alone.
pub(super) unsafe fn run(
    exec: Exec,
    p: &Product<'_, Lines<'_>, Lines<'_>>,
    c: Dest,
    scratch: &mut [f32],
) {
    let [m, n, k] = p.shape;
    let vectors = vectors(n, exec.isa().lanes());
    let step = vectors * exec.isa().lanes();
    let exec = if Cut::of(p.shape) == Cut::Whole { exec.sequential() } else { exec };
    let rows = (TASK_MACS / (n * k)).max(1).next_multiple_of(ROWS);
    let scratch = aligned(scratch);
    for depth in steps(k, Blocks::new(exec.isa(), p.shape).kc) {
        let packed = &mut scratch[..depth.len().div_ceil(QUAD) * step];
        pack(&p.b, n, depth.clone(), packed, step);
        let epilogue = p.epilogue.for_panel(depth.start == 0, depth.end == k);
        exec.each(m.div_ceil(rows), |task| {
            let rows = task * rows..m.min((task + 1) * rows);
            let depth = depth.clone();
            exec.isa().run(Quads { a: p.a, b: packed, vectors, rows, cols: n, depth, c, epilogue });
        });
    }
}

/// B[p..p + 4, j] for each column, the last depths padded with zeros, `step` apart.
fn pack(b: &Lines<'_>, cols: usize, depth: Range<usize>, dst: &mut [f32], step: usize) {
    for (p, dst) in depth.clone().step_by(QUAD).zip(dst.chunks_exact_mut(step)) {
        let columns = dst.as_chunks_mut::<QUAD>().0[..cols].iter_mut();
        let at = p * b.depth_stride;
        if p + QUAD > depth.end {
            for (j, y) in columns.enumerate() {
                for (d, y) in y.iter_mut().enumerate() {
                    let inside = p + d < depth.end;
                    let i = at + j * b.line_stride + d * b.depth_stride;
                    *y = if inside { b.data[i] } else { 0.0 };
                }
            }
        } else if b.line_stride == 1 {
            let row = |d: usize| &b.data[at + d * b.depth_stride..][..cols];
            let rows = row(0).iter().zip(row(1)).zip(row(2).iter().zip(row(3)));
            for (y, ((x0, x1), (x2, x3))) in columns.zip(rows) {
                *y = [*x0, *x1, *x2, *x3];
            }
        } else {
            for (j, y) in columns.enumerate() {
                let column = &b.data[at + j * b.line_stride..][..(QUAD - 1) * b.depth_stride + 1];
                *y = core::array::from_fn(|d| column[d * b.depth_stride]);
            }
        }
    }
}

struct Quads<'a> {
    a: Lines<'a>,
    b: &'a [f32],
    vectors: usize,
    rows: Range<usize>,
    cols: usize,
    depth: Range<usize>,
    c: Dest,
    epilogue: Epilogue<'a>,
}

impl Kernel for Quads<'_> {
    type Output = ();

    /// With 32 registers 8 x 3 accumulators + 3 of B + 1 of A; with 16, 4 x 3 or 2 x 6 accumulators
    /// and B from memory.
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match (S::LANES, self.vectors) {
            (16, 1) => self.all::<S, 8, 1>(s),
            (16, 2) => self.all::<S, 8, 2>(s),
            (16, 3) => self.all::<S, 8, 3>(s),
            (8, 1) => self.all::<S, 4, 1>(s),
            (8, 2) => self.all::<S, 4, 2>(s),
            (8, 3) => self.all::<S, 4, 3>(s),
            (8, 5) => self.all::<S, 2, 5>(s),
            (8, 6) => self.all::<S, 2, 6>(s),
            _ => unreachable!("`suits` asks for 1 to 12 columns"),
        }
    }
}

impl Quads<'_> {
    #[inline(always)]
    fn all<S: Simd, const R: usize, const V: usize>(&self, s: S) {
        let mut i = self.rows.start;
        while i + R <= self.rows.end {
            self.block::<S, R, V>(s, i);
            i += R;
        }
        while i < self.rows.end {
            self.block::<S, 1, V>(s, i);
            i += 1;
        }
    }

    /// R rows.
    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(&self, s: S, i: usize) {
        let depth = self.depth.len();
        let mut a = [core::ptr::null(); R];
        for (r, a) in a.iter_mut().enumerate() {
            let first = (i + r) * self.a.line_stride + self.depth.start;
            *a = self.a.data[first..][..depth].as_ptr();
        }
        let b = self.b[..depth.div_ceil(QUAD) * V * S::LANES].as_ptr();
        let mut acc = [[s.zero(); V]; R];
        let whole = depth / QUAD * QUAD;
        for p in (0..whole).step_by(QUAD) {
            for (r, acc) in acc.iter_mut().enumerate() {
                // SAFETY: every row has `depth` elements, checked above, and p + QUAD <= depth.
                let x = unsafe { s.load_quad_ptr(a[r].add(p)) };
                for (v, acc) in acc.iter_mut().enumerate() {
                    // SAFETY: B has V vectors for each quad, checked above.
                    let y = unsafe { s.load_ptr(b.add(p / QUAD * V * S::LANES + v * S::LANES)) };
                    *acc = s.mul_add(x, y, *acc);
                }
            }
        }
        if whole < depth {
            for (r, acc) in acc.iter_mut().enumerate() {
                let mut last = [0.0; QUAD];
                for (d, last) in last.iter_mut().enumerate().take(depth - whole) {
                    // SAFETY: whole + d < depth.
                    *last = unsafe { *a[r].add(whole + d) };
                }
                // SAFETY: `last` has four elements, and B a padded quad for the last depths.
                unsafe {
                    let x = s.load_quad_ptr(last.as_ptr());
                    for (v, acc) in acc.iter_mut().enumerate() {
                        let y = s.load_ptr(b.add(whole / QUAD * V * S::LANES + v * S::LANES));
                        *acc = s.mul_add(x, y, *acc);
                    }
                }
            }
        }
        // Into an array of their own: the loop over rows that follows stays a loop, and what it
        // indexes lies in memory.
        let mut quads = [[s.zero(); COLS / 4]; R];
        for (quads, acc) in quads.iter_mut().zip(&acc) {
            *quads = fold(s, &fold(s, acc));
        }
        for (r, quads) in quads.iter().enumerate() {
            self.finish(s, &quads[..V.div_ceil(4)], i + r);
        }
    }

    /// A row of C from its sums.
    #[inline(always)]
    fn finish<S: Simd>(&self, s: S, quads: &[S::F], i: usize) {
        for (v, &x) in quads.iter().enumerate() {
            let at = [i, v * S::LANES];
            let cols = self.cols - at[1];
            // SAFETY: the caller of `run` vouches for every element of C.
            unsafe {
                let c = self.c.at(at[0], at[1]);
                if cols >= S::LANES {
                    self.epilogue.finish(s, x, c, at, Whole);
                } else {
                    self.epilogue.finish(s, x, c, at, Part(cols));
                }
            }
        }
    }
}

/// Sums of neighbours, of each vector and the next; twice gives the sums of quads.
#[inline(always)]
fn fold<S: Simd, const V: usize>(s: S, x: &[S::F; V]) -> [S::F; COLS / 4] {
    let mut sums = [s.zero(); COLS / 4];
    for (v, sum) in sums.iter_mut().enumerate() {
        if 2 * v < V {
            let next = if 2 * v + 1 < V { x[2 * v + 1] } else { s.zero() };
            let (even, odd) = s.deinterleave(x[2 * v], next);
            *sum = s.add(even, odd);
        }
    }
    sums
}
