//! C = A B, a few rows at a time: whoever consumes C never has all of it in memory.
//!
//! B is packed once and every panel of rows meets it again, from L2 or L3; A is packed for each panel.

use super::blocks::{Blocks, LINE, aligned};
use super::pack::Lines;
use super::packed::{Layout, Packed};
use super::product::Product;
use super::tile::Epilogue;
use super::view::{Dest, MatRef};
use crate::threads::Exec;
use crate::{Isa, size};
use core::ops::Range;

/// A depth that is cut into the deepest panels.
const DEEP: usize = 320 * 512;

/// A product whose rows can be asked for, from several threads at the same time.
///
/// ```
/// use proxtape_kernels::gemm::{ByRows, MatRef};
/// use proxtape_kernels::{Exec, Isa};
/// let exec = Exec::new(Isa::detect());
/// let a = MatRef::row_major(&[1.0, 2.0, 3.0, 4.0], 2, 2);
/// let mut packed = vec![0.0; ByRows::packed_len(exec.isa(), 2, 2)];
/// let product = ByRows::new(exec, a, a.t(), &mut packed);
/// let mut scratch = vec![0.0; ByRows::scratch_len(exec.isa(), 1)];
/// let mut row = [f32::NAN; 2];
/// product.rows(1..2, &mut row, &mut scratch);
/// assert_eq!(row, [11.0, 25.0]);
/// ```
#[derive(Debug)]
pub struct ByRows<'a> {
    isa: Isa,
    a: MatRef<'a>,
    b: Packed<'a>,
}

impl<'a> ByRows<'a> {
    /// Elements that [`new`](ByRows::new) wants for B: [k, n].
    ///
    /// # Panics
    /// If memory cannot hold so many.
    #[track_caller]
    pub fn packed_len(isa: Isa, n: usize, k: usize) -> usize {
        size::total("gemm: a packed B of", &[LINE, Layout::new(isa, [n, k]).elements()])
    }

    /// Scratch of [`rows`](ByRows::rows) for at most so many rows, of any depth.
    pub fn scratch_len(isa: Isa, rows: usize) -> usize {
        let blocks = Blocks::new(isa, [rows, 1, DEEP]);
        // Fewer rows may round up to more, by less than a tile.
        LINE + (blocks.mc + isa.tuning().rows) * blocks.kc
    }

    /// Rows and columns of C.
    pub fn shape(&self) -> [usize; 2] {
        [self.a.rows(), self.b.columns()]
    }

    /// Packs B into `packed`, of at least [`packed_len`](ByRows::packed_len) elements.
    ///
    /// # Panics
    /// If the shapes do not fit together, memory cannot hold the packed B, or `packed` is short.
    #[track_caller]
    pub fn new(exec: Exec, a: MatRef<'a>, b: MatRef<'_>, packed: &'a mut [f32]) -> ByRows<'a> {
        let (isa, n, k) = (exec.isa(), b.cols(), b.rows());
        assert!(a.cols() == k, "gemm: a has {} columns, b has {k} rows", a.cols());
        let (need, have) = (ByRows::packed_len(isa, n, k), packed.len());
        assert!(have >= need, "gemm: packed has {have} elements, this shape needs {need}");
        ByRows { isa, a, b: Packed::new(exec, b, aligned(packed)) }
    }

    /// Writes some rows of C, row after row, on the calling thread; with k = 0 they are 0. The bits are those of
    /// [`gemm`](super::gemm()) where its kernels are this package's. `scratch` as
    /// [`scratch_len`](ByRows::scratch_len) says for so many rows.
    ///
    /// # Panics
    /// If there are no such rows, `c` has another length, rows * k * n is more than memory can hold, or
    /// `scratch` is short.
    pub fn rows(&self, rows: Range<usize>, c: &mut [f32], scratch: &mut [f32]) {
        let ByRows { isa, a, b } = *self;
        let (m, n, k) = (rows.len(), b.columns(), a.cols());
        assert!(rows.start <= rows.end && rows.end <= a.rows(), "gemm: rows {rows:?} of C");
        size::elements("gemm: a product of", &[m, k, n]);
        assert!(c.len() == m * n, "gemm: c has {} elements, not {m} x {n}", c.len());
        if k == 0 || c.is_empty() {
            c.fill(0.0);
            return;
        }
        let data = &a.data()[rows.start * a.row_stride()..];
        let a = MatRef::strided(data, [m, k], [a.row_stride(), a.col_stride()]);
        let dest = Dest { ptr: c.as_mut_ptr(), stride: [n, 1] };
        let product = Product { shape: [m, n, k], a: Lines::rows(a), b, epilogue: Epilogue::NONE };
        // SAFETY: C is m x n and borrowed for this call.
        unsafe { product.run(Exec::new(isa), dest, scratch) };
    }
}
