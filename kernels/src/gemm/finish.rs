//! The rare epilogues: C = act(alpha tile + beta C + bias) for any alpha and beta, and a C whose
//! columns are not neighbours.
//!
//! The micro-kernel leaves such a tile in a small buffer in L1. Reading it back costs about 2 % of a
//! tile of depth 256 (15 % at a depth of 25); in return one function for each instruction set serves
//! tiles of every size.

use super::bias::Bias;
use super::tile::{Epilogue, First};
use super::view::Dest;
use crate::Accumulate;
use crate::activation::Activation;
use crate::simd::{Kernel, Simd};
use crate::tuning::{MOST_ROWS, VECTORS};

/// Columns of the widest tile of any instruction set.
pub(crate) const NR: usize = VECTORS * 16;

/// A tile on its way to C: its rows are NR apart.
#[repr(align(64))]
pub(crate) struct Dense(pub(crate) [f32; MOST_ROWS * NR]);

impl<'a> Epilogue<'a> {
    /// What the sum of the tile at `at` begins with, and whether it is added to C, if that and the
    /// activation are all that there is to do.
    #[inline(always)]
    pub(crate) fn in_tile(&self, at: [usize; 2]) -> Option<(First<'a>, Accumulate)> {
        let store = match (self.alpha, self.beta) {
            (1.0, 0.0) => Accumulate::Store,
            (1.0, 1.0) => Accumulate::Add,
            _ => return None,
        };
        let first = match self.bias {
            Bias::None => First::Zero,
            Bias::Rows(bias) => First::Rows(&bias[at[0]..]),
            Bias::Cols(bias) => First::Cols(&bias[at[1]..]),
        };
        Some((first, store))
    }

    /// The epilogue of the transposed problem.
    fn t(&self) -> Epilogue<'a> {
        Epilogue { bias: self.bias.t(), ..*self }
    }

    /// Writes act(alpha x + beta C + bias) to the vector of C that begins at `c`, in row `at[0]` and
    /// column `at[1]`; columns are neighbours.
    ///
    /// # Safety
    /// `c` must be writable (readable, if beta is not 0) for `extent`, and a bias of columns as long.
    #[inline(always)]
    pub(crate) unsafe fn finish<S: Simd>(
        &self,
        s: S,
        x: S::F,
        c: *mut f32,
        at: [usize; 2],
        extent: impl Extent,
    ) {
        let mut x = s.mul(s.splat(self.alpha), x);
        if self.beta != 0.0 {
            // SAFETY: passed on from the caller.
            x = s.mul_add(s.splat(self.beta), unsafe { extent.load(s, c) }, x);
        }
        match self.bias {
            Bias::None => {}
            Bias::Rows(bias) => x = s.add(x, s.splat(bias[at[0]])),
            // SAFETY: as above.
            Bias::Cols(bias) => x = s.add(x, unsafe { extent.load(s, bias[at[1]..].as_ptr()) }),
        }
        if let Activation::Relu = self.activation {
            // This order keeps NaN.
            x = s.max(s.zero(), x);
        }
        // SAFETY: as above.
        unsafe { extent.store(s, c, x) };
    }
}

/// A square of a tile, turned: as many rows as lanes.
#[repr(align(64))]
struct Square([f32; 256]);

/// C[rows, cols] = act(alpha tile + beta C + bias), with the rows and columns of one tile.
pub(crate) struct Finish<'a> {
    tile: &'a Dense,
    c: Dest,
    at: [usize; 2],
    size: [usize; 2],
    epilogue: &'a Epilogue<'a>,
}

impl<'a> Finish<'a> {
    /// The epilogue of a tile that begins at row and column `at` of C and has `size` rows and
    /// columns.
    ///
    /// # Safety
    /// `c` must be writable (readable, if beta is not 0) there, by this task alone.
    #[inline(always)]
    pub(crate) unsafe fn new(
        tile: &'a Dense,
        (c, at): (Dest, [usize; 2]),
        size: [usize; 2],
        epilogue: &'a Epilogue<'a>,
    ) -> Self {
        debug_assert!(size[0] <= MOST_ROWS && size[1] <= NR, "a tile of {size:?}");
        Finish { tile, c, at, size, epilogue }
    }
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.c.stride[1] == 1 {
            for v in (0..self.size[1]).step_by(S::LANES) {
                if self.size[1] - v >= S::LANES {
                    self.vectors(s, v, Whole);
                } else {
                    self.vectors(s, v, Part(self.size[1] - v));
                }
            }
        } else if self.c.stride[0] == 1 {
            self.turned(s);
        } else {
            self.elements();
        }
    }
}

/// How much of a vector is in C.
pub(crate) trait Extent: Copy {
    /// # Safety
    /// The elements must be readable.
    unsafe fn load<S: Simd>(self, s: S, p: *const f32) -> S::F;
    /// # Safety
    /// The elements must be writable.
    unsafe fn store<S: Simd>(self, s: S, p: *mut f32, x: S::F);
}

#[derive(Clone, Copy)]
pub(crate) struct Whole;

impl Extent for Whole {
    #[inline(always)]
    unsafe fn load<S: Simd>(self, s: S, p: *const f32) -> S::F {
        // SAFETY: passed on from the caller.
        unsafe { s.load_ptr(p) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(self, s: S, p: *mut f32, x: S::F) {
        // SAFETY: passed on from the caller.
        unsafe { s.store_ptr(p, x) }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Part(pub(crate) usize);

impl Extent for Part {
    #[inline(always)]
    unsafe fn load<S: Simd>(self, s: S, p: *const f32) -> S::F {
        // SAFETY: passed on from the caller.
        unsafe { s.load_first_ptr(p, self.0) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(self, s: S, p: *mut f32, x: S::F) {
        // SAFETY: passed on from the caller.
        unsafe { s.store_first_ptr(p, self.0, x) }
    }
}

impl Finish<'_> {
    /// The vector of every row that begins at column `v` of the tile.
    #[inline(always)]
    fn vectors<S: Simd>(&self, s: S, v: usize, extent: impl Extent) {
        for i in 0..self.size[0] {
            let at = [self.at[0] + i, self.at[1] + v];
            let x = s.load(&self.tile.0[i * NR + v..]);
            // SAFETY: `Finish::new` asks for this row and these columns.
            unsafe { self.epilogue.finish(s, x, self.c.at(at[0], at[1]), at, extent) };
        }
    }

    /// A C whose rows are neighbours: squares of the tile are turned first.
    #[inline(always)]
    fn turned<S: Simd>(&self, s: S) {
        const ZEROS: [f32; 16] = [0.0; 16];
        let epilogue = self.epilogue.t();
        let mut square = Square([0.0; 256]);
        for u in (0..self.size[0]).step_by(S::LANES) {
            let rows = self.size[0] - u;
            for v in (0..self.size[1]).step_by(S::LANES) {
                let mut x = [ZEROS.as_ptr(); 16];
                for (i, x) in x.iter_mut().enumerate().take(rows) {
                    *x = self.tile.0[(u + i) * NR + v..][..S::LANES].as_ptr();
                }
                // SAFETY: each pointer leads to LANES f32, and the square holds LANES of them in
                // each of LANES rows.
                unsafe { s.transpose_ptr(&x, square.0.as_mut_ptr(), S::LANES) };
                for q in 0..S::LANES.min(self.size[1] - v) {
                    let at = [self.at[0] + u, self.at[1] + v + q];
                    let x = s.load(&square.0[q * S::LANES..]);
                    // SAFETY: `Finish::new` asks for these rows and this column.
                    unsafe {
                        let c = self.c.at(at[0], at[1]);
                        if rows >= S::LANES {
                            epilogue.finish(s, x, c, [at[1], at[0]], Whole);
                        } else {
                            epilogue.finish(s, x, c, [at[1], at[0]], Part(rows));
                        }
                    }
                }
            }
        }
    }

    /// Element by element, for a C whose columns are not neighbours.
    fn elements(&self) {
        let e = self.epilogue;
        for i in 0..self.size[0] {
            for j in 0..self.size[1] {
                let (row, col) = (self.at[0] + i, self.at[1] + j);
                // SAFETY: `Finish::new` asks for this row and this column.
                let c = unsafe { self.c.at(row, col) };
                // SAFETY: as above; C is readable where beta is not 0.
                let old = if e.beta == 0.0 { 0.0 } else { e.beta * unsafe { *c } };
                let x = e.alpha * self.tile.0[i * NR + j] + old + e.bias.at(row, col);
                // SAFETY: as above.
                unsafe { *c = e.activation.apply(x) };
            }
        }
    }
}

/// act(beta C + bias).
///
/// # Safety
/// `c` must be writable (readable, if beta is not 0) at m rows and n columns, by this call alone.
pub(super) unsafe fn without_product(op: &Epilogue<'_>, c: Dest, [m, n]: [usize; 2]) {
    for i in 0..m {
        for j in 0..n {
            // SAFETY: i < m and j < n.
            unsafe {
                let c = c.at(i, j);
                let old = if op.beta == 0.0 { 0.0 } else { op.beta * *c };
                *c = op.activation.apply(old + op.bias.at(i, j));
            }
        }
    }
}
