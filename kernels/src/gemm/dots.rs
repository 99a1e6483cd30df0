//! A few rows of A against contiguous columns of B: C[i, j] = dot(A[i, :], B[:, j]).
//!
//! Where depth is contiguous in both operands and there are too few rows to win back a packing of
//! B (a network that is asked about one sample: y = W x), B is read once, where it lies.

use super::pack::Lines;
use super::product::Product;
use super::tile::Epilogue;
use super::view::Dest;
use crate::simd::{Kernel, Simd};
use crate::threads::Exec;

/// At most so many rows: a tile of 12 rows on a packed B is no faster (12 x 300 x 784: 90 against
/// 61 GFLOP/s with 8 lanes, 126 against 90 with 16).
const ROWS: usize = 12;

/// With more than four rows, depth must be at least so many vectors, or else the horizontal sums
/// cost more than the packing (12 x 100 x 100 with 16 lanes: 62 against 83 GFLOP/s).
const FEW_ROWS: usize = 4;
const DEEP: usize = 16;

/// Columns of a step: 2 x 4 accumulators hide the latency of the FMA (4 cycles, two a cycle), and
/// stay within 16 registers with 2 + 1 for the operands.
const COLS: usize = 4;

/// Multiplications of a task; the same reasoning as for the tiles of a product.
const TASK_MACS: usize = 1 << 19;

/// Whether this path is the one for a product.
pub(super) fn suits(p: &Product<'_, Lines<'_>, Lines<'_>>, lanes: usize) -> bool {
    let [m, n, k] = p.shape;
    let contiguous = p.a.depth_stride == 1 && p.b.depth_stride == 1;
    let deep = m <= FEW_ROWS || k >= DEEP * lanes;
    m <= ROWS && n >= m && k > 1 && contiguous && deep
}

/// Computes C.
///
/// # Safety
/// `c` must be writable (readable, if beta is not 0) at m rows and n columns, by this call alone.
pub(super) unsafe fn run(exec: Exec, p: &Product<'_, Lines<'_>, Lines<'_>>, c: Dest) {
    let [m, n, k] = p.shape;
    let cols = (TASK_MACS / (m * k)).max(1).next_multiple_of(COLS);
    exec.each(n.div_ceil(cols), |task| {
        let cols = (task * cols, n.min((task + 1) * cols));
        exec.isa().run(Dots { a: p.a, b: p.b, rows: m, cols, depth: k, c, epilogue: p.epilogue });
    });
}

struct Dots<'a> {
    a: Lines<'a>,
    b: Lines<'a>,
    rows: usize,
    cols: (usize, usize),
    depth: usize,
    c: Dest,
    epilogue: Epilogue<'a>,
}

impl Kernel for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (mut j, end) = self.cols;
        while j < end {
            let whole = end - j >= COLS;
            for i in (0..self.rows).step_by(2) {
                match (whole, self.rows - i) {
                    (true, 1) => self.block::<S, 1, COLS>(s, i, j),
                    (true, _) => self.block::<S, 2, COLS>(s, i, j),
                    (false, 1) => self.block::<S, 1, 1>(s, i, j),
                    (false, _) => self.block::<S, 2, 1>(s, i, j),
                }
            }
            j += if whole { COLS } else { 1 };
        }
    }
}

impl Dots<'_> {
    /// R x Q dot products.
    #[inline(always)]
    fn block<S: Simd, const R: usize, const Q: usize>(&self, s: S, i: usize, j: usize) {
        let line = |x: &Lines<'_>, l: usize| -> *const f32 {
            x.data[l * x.line_stride..][..self.depth].as_ptr()
        };
        let (mut a, mut b) = ([core::ptr::null(); R], [core::ptr::null(); Q]);
        for (r, a) in a.iter_mut().enumerate() {
            *a = line(&self.a, i + r);
        }
        for (q, b) in b.iter_mut().enumerate() {
            *b = line(&self.b, j + q);
        }
        let mut acc = [[s.zero(); Q]; R];
        let whole = self.depth / S::LANES * S::LANES;
        for p in (0..whole).step_by(S::LANES) {
            for r in 0..R {
                // SAFETY: every line has `depth` elements, checked above, and p + LANES <= depth.
                let x = unsafe { s.load_ptr(a[r].add(p)) };
                for q in 0..Q {
                    // SAFETY: as above.
                    let y = unsafe { s.load_ptr(b[q].add(p)) };
                    acc[r][q] = s.mul_add(x, y, acc[r][q]);
                }
            }
        }
        let tail = self.depth - whole;
        if tail > 0 {
            for r in 0..R {
                // SAFETY: `tail` elements are left of each line.
                let x = unsafe { s.load_first_ptr(a[r].add(whole), tail) };
                for q in 0..Q {
                    // SAFETY: as above.
                    let y = unsafe { s.load_first_ptr(b[q].add(whole), tail) };
                    acc[r][q] = s.mul_add(x, y, acc[r][q]);
                }
            }
        }
        for (r, row) in acc.iter().enumerate() {
            for (q, &x) in row.iter().enumerate() {
                // SAFETY: the caller of `run` vouches for every element of C.
                unsafe { self.finish(s.sum(x), i + r, j + q) };
            }
        }
    }

    /// # Safety
    /// (i, j) must lie in C.
    #[inline(always)]
    unsafe fn finish(&self, dot: f32, i: usize, j: usize) {
        let e = &self.epilogue;
        // SAFETY: passed on from the caller.
        let c = unsafe { self.c.at(i, j) };
        // SAFETY: as above; C is read only if beta is not 0.
        let old = if e.beta == 0.0 { 0.0 } else { e.beta * unsafe { *c } };
        // SAFETY: as above.
        unsafe { *c = e.activation.apply(e.alpha * dot + old + e.bias.at(i, j)) };
    }
}
