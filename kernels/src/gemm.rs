//! C = act(alpha A B + beta C + bias), with A: [m, k], B: [k, n], C: [m, n].
//!
//! In the words of BLIS (F. Van Zee, R. van de Geijn, "BLIS: A Framework for Rapidly Instantiating
//! BLAS Functionality", ACM TOMS 41(3), 2015): five loops (`product.rs`, `panel.rs`) around a
//! micro-kernel that keeps a tile of MR x NR in registers (`tile.rs`, `finish.rs`), on operands that were packed
//! into slivers (`pack.rs`) of blocks that fit the caches (`blocks.rs`). Operands are views, so
//! transposes are free. What a small product cannot win back it does not pack: operands that meet
//! few tiles are read in place, a few rows against contiguous columns are dot products (`dots.rs`),
//! and where a few columns would leave lanes idle, depths share a vector (`quads.rs`).

mod bias;
pub(crate) mod blocks;
mod by_rows;
mod dots;
mod finish;
pub(crate) mod pack;
mod packed;
pub(crate) mod panel;
pub(crate) mod product;
mod quads;
pub(crate) mod tile;
pub(crate) mod view;

pub use bias::Bias;
pub use by_rows::ByRows;
pub use packed::{PackedB, PackedGemm};

use crate::activation::Activation;
use crate::isa::Isa;
use crate::size;
use crate::threads::Exec;
use finish::without_product;
use pack::Lines;
use product::Product;
use tile::Epilogue;
use view::Dest;
pub use view::{MatMut, MatRef};

/// The right-hand side of C = act(alpha A B + beta C + bias).
#[derive(Clone, Copy, Debug)]
pub struct Gemm<'a> {
    /// The factor of the product.
    pub alpha: f32,
    /// A: [m, k].
    pub a: MatRef<'a>,
    /// B: [k, n].
    pub b: MatRef<'a>,
    /// The factor of what C holds. With 0 C is not read, so it may hold NaN.
    pub beta: f32,
    /// Added before the activation.
    pub bias: Bias<'a>,
    /// Applied last.
    pub activation: Activation,
}

impl<'a> Gemm<'a> {
    /// C = A B.
    pub fn new(a: MatRef<'a>, b: MatRef<'a>) -> Self {
        let (bias, activation) = (Bias::None, Activation::None);
        Gemm { alpha: 1.0, a, b, beta: 0.0, bias, activation }
    }

    fn epilogue(&self) -> Epilogue<'a> {
        let Gemm { alpha, beta, bias, activation, .. } = *self;
        Epilogue { alpha, beta, bias, activation }
    }

    /// The transposed problem: C^T = act(alpha B^T A^T + beta C^T + bias).
    fn t(self) -> Self {
        Gemm { a: self.b.t(), b: self.a.t(), bias: self.bias.t(), ..self }
    }
}

/// Scratch elements that [`gemm`] wants for C: [m, n] and a depth of k.
pub fn scratch_len(isa: Isa, [m, n, k]: [usize; 3]) -> usize {
    blocks::scratch_len(isa, [m, n, k])
}

/// C = act(alpha A B + beta C + bias); with k = 0 the product is 0.
///
/// The bits depend on the instruction set, the shapes and the strides, not on the number of threads.
///
/// ```
/// use proxtape_kernels::gemm::{Gemm, MatMut, MatRef, gemm, scratch_len};
/// use proxtape_kernels::{Exec, Isa};
/// let exec = Exec::new(Isa::detect());
/// let a = MatRef::row_major(&[1.0, 2.0, 3.0, 4.0], 2, 2);
/// let mut c = [f32::NAN; 4];
/// let mut scratch = vec![0.0; scratch_len(exec.isa(), [2, 2, 2])];
/// gemm(exec, &Gemm::new(a, a.t()), MatMut::row_major(&mut c, 2, 2), &mut scratch);
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// ```
///
/// # Panics
/// If the shapes do not fit together, m * k * n is more than memory can hold (the rows of a view may lie
/// on each other), or `scratch` is shorter than [`scratch_len`] says.
#[track_caller]
pub fn gemm(exec: Exec, op: &Gemm<'_>, mut c: MatMut<'_>, scratch: &mut [f32]) {
    let [m, n, k] = check(exec.isa(), op, &c, scratch.len());
    if m == 0 || n == 0 {
        return;
    }
    let dest = c.dest();
    if k == 0 {
        // SAFETY: C is borrowed for this call, and has m rows and n columns.
        return unsafe { without_product(&op.epilogue(), dest, [m, n]) };
    }
    if exec.isa().is_baseline() && !exec.isa().is_forced() && is_plain(op) {
        // SAFETY: as above.
        return unsafe { matrix_multiply(exec, op, dest, [m, n, k]) };
    }
    // Rows of C should be contiguous; a single column is better a row.
    let column = n == 1 && m > 1;
    let turned = dest.stride[1] == 1 && turns(op, [m, n, k], exec.isa().lanes());
    if column || turned || (dest.stride[1] != 1 && dest.stride[0] == 1) {
        let stride = [dest.stride[1], dest.stride[0]];
        // SAFETY: as above, for the transpose of C.
        unsafe { solve(exec, &op.t(), Dest { ptr: dest.ptr, stride }, scratch) };
    } else {
        // SAFETY: as above.
        unsafe { solve(exec, op, dest, scratch) };
    }
}

#[track_caller]
fn check(isa: Isa, op: &Gemm<'_>, c: &MatMut<'_>, scratch: usize) -> [usize; 3] {
    let [m, n, k] = [c.rows(), c.cols(), op.a.cols()];
    let shape = |x: &MatRef<'_>| (x.rows(), x.cols());
    assert!(shape(&op.a) == (m, k), "gemm: a is {:?}, c is {:?}", shape(&op.a), (m, n));
    assert!(shape(&op.b) == (k, n), "gemm: b is {:?}, not {:?}", shape(&op.b), (k, n));
    size::elements("gemm: a product of", &[m, k, n]);
    op.bias.check([m, n]);
    let wants = scratch_len(isa, [m, n, k]);
    assert!(scratch >= wants, "gemm: scratch has {scratch} elements, this shape needs {wants}");
    [m, n, k]
}

/// Whether rows of C are so short that vectors along its columns do less in vain: the columns of A
/// are contiguous, so the transposed problem reads them as vectors, and its tiles are turned on
/// their way to C, which little depth does not win back. (128 x 10 x 100: 1.3 to 1.6 times as fast.)
fn turns(op: &Gemm<'_>, [m, n, k]: [usize; 3], lanes: usize) -> bool {
    let (along_rows, along_columns) = (m * n.div_ceil(lanes), n * m.div_ceil(lanes));
    op.a.row_stride() == 1 && k >= 48 && n < 2 * lanes && 5 * along_columns <= 4 * along_rows
}

fn is_plain(op: &Gemm<'_>) -> bool {
    matches!(op.bias, Bias::None) && op.activation == Activation::None
}

/// The path for the shape.
///
/// # Safety
/// `c` must be writable (readable, if beta is not 0) at m rows and n columns, by this call alone.
unsafe fn solve(exec: Exec, op: &Gemm<'_>, c: Dest, scratch: &mut [f32]) {
    let shape = [op.a.rows(), op.b.cols(), op.a.cols()];
    let (a, b) = (Lines::rows(op.a), Lines::columns(op.b));
    let product = Product { shape, a, b, epilogue: op.epilogue() };
    // SAFETY: passed on from the caller.
    unsafe {
        if dots::suits(&product, exec.isa().lanes()) {
            dots::run(exec, &product, c);
        } else if quads::suits(shape, [a.depth_stride, c.stride[1]], exec.isa().lanes()) {
            quads::run(exec, &product, c, scratch);
        } else {
            product.run(exec, c, scratch);
        }
    }
}

/// A plain product on a CPU for which this package has no code of its own: that crate's kernels
/// are tuned on machines that we cannot measure. (It allocates its packing buffers.)
///
/// # Safety
/// `c` must be writable (readable, if beta is not 0) at m rows and n columns, by this call alone.
unsafe fn matrix_multiply(exec: Exec, op: &Gemm<'_>, c: Dest, [m, n, k]: [usize; 3]) {
    let parallel = blocks::Cut::of([m, n, k]) == blocks::Cut::Tasks;
    let exec = if parallel { exec } else { exec.sequential() };
    // Enough rows that packing B again for each task stays below 2 %.
    const ROWS: usize = 128;
    let (a, b) = (op.a, op.b);
    exec.each(m.div_ceil(ROWS), |task| {
        let i = task * ROWS;
        let rows = ROWS.min(m - i);
        // SAFETY: the views were checked when they were made, and each task has its own rows of C.
        unsafe {
            matrixmultiply::sgemm(
                rows,
                k,
                n,
                op.alpha,
                a.data().as_ptr().add(i * a.row_stride()),
                a.row_stride() as isize,
                a.col_stride() as isize,
                b.data().as_ptr(),
                b.row_stride() as isize,
                b.col_stride() as isize,
                op.beta,
                c.at(i, 0),
                c.stride[0] as isize,
                c.stride[1] as isize,
            );
        }
    });
}
