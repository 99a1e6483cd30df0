//! C = act(A B + bias) with a B that was packed before, once for many products.

use super::bias::Bias;
use super::blocks::{Blocks, Cut, LINE};
use super::finish::without_product;
use super::pack::{Block, Lines, Slivers, Source};
use super::product::{Product, pack, steps};
use super::quads;
use super::tile::Epilogue;
use super::view::{Dest, MatMut, MatRef};
use crate::activation::Activation;
use crate::buffer::Buffer;
use crate::isa::Isa;
use crate::simd::Simd;
use crate::size;
use crate::threads::Exec;
use core::ops::Range;

/// How a packed B lies: for each panel of columns, its panels of depth. A does not matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// n and k.
    shape: [usize; 2],
    lanes: usize,
}

impl Layout {
    /// Of B: [k, n].
    pub(super) fn new(isa: Isa, shape: [usize; 2]) -> Layout {
        Layout { shape, lanes: isa.lanes() }
    }

    #[track_caller]
    pub(super) fn elements(&self) -> usize {
        let [n, k] = self.shape;
        size::elements("gemm: a packed B of", &[size::padded("gemm: n of", n, self.lanes), k])
    }

    /// Where a panel lies.
    fn range(&self, panel: &Block) -> Range<usize> {
        let width = panel.lines.len().next_multiple_of(self.lanes);
        let start = panel.lines.start * self.shape[1] + panel.depth.start * width;
        start..start + width * panel.depth.len()
    }
}

/// A packed B.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a> {
    data: &'a [f32],
    layout: Layout,
}

impl<'a> Packed<'a> {
    /// Packs B into `data`, which should start on a cache line.
    pub(super) fn new(exec: Exec, b: MatRef<'_>, data: &'a mut [f32]) -> Packed<'a> {
        let (isa, [n, k]) = (exec.isa(), [b.cols(), b.rows()]);
        let layout = Layout::new(isa, [n, k]);
        let blocks = Blocks::new(isa, [1, n, k]);
        let slivers = Slivers { width: blocks.nr, pad: isa.lanes() };
        // Any number of columns may hold nothing.
        let n = if k == 0 { 0 } else { n };
        for columns in steps(n, blocks.nc) {
            for depth in steps(k, blocks.kc) {
                let block = Block { lines: columns.clone(), depth };
                let range = layout.range(&block);
                pack(exec, &Lines::columns(b), block, slivers, &mut data[range]);
            }
        }
        Packed { data, layout }
    }

    /// n.
    pub(super) fn columns(&self) -> usize {
        self.layout.shape[0]
    }
}

impl Source for Packed<'_> {
    fn pack<S: Simd>(&self, _: S, _: &Block, _: Slivers, _: &mut [f32]) {
        unreachable!("gemm: B is packed")
    }

    fn packed(&self, panel: &Block) -> Option<&[f32]> {
        Some(&self.data[self.layout.range(panel)])
    }
}

/// Fewer rows are dot products with columns that lie anywhere, without a tile that is mostly empty.
const FEWEST_ROWS: usize = 3;

/// The right-hand side of C = act(A B + bias) beside B.
#[derive(Clone, Copy, Debug)]
pub struct PackedGemm<'a> {
    /// A: [m, k].
    pub a: MatRef<'a>,
    /// Added before the activation.
    pub bias: Bias<'a>,
    /// Applied last.
    pub activation: Activation,
}

/// B: [k, n], packed once for many products, as a layer's weights that change no more.
///
/// ```
/// use proxtape_kernels::gemm::{Bias, MatMut, MatRef, PackedB, PackedGemm};
/// use proxtape_kernels::{Activation, Exec, Isa};
/// let exec = Exec::new(Isa::detect());
/// let a = MatRef::row_major(&[1.0, 2.0, 3.0, 4.0], 2, 2);
/// let b = PackedB::new(exec, a.t());
/// let mut c = [f32::NAN; 4];
/// let mut scratch = vec![0.0; b.scratch_len(2)];
/// let op = PackedGemm { a, bias: Bias::Cols(&[-10.0, 0.0]), activation: Activation::Relu };
/// b.product(exec, &op, MatMut::row_major(&mut c, 2, 2), &mut scratch);
/// assert_eq!(c, [0.0, 11.0, 1.0, 25.0]);
/// ```
#[derive(Clone, Debug)]
pub struct PackedB {
    isa: Isa,
    layout: Layout,
    data: Buffer,
}

impl PackedB {
    /// Whether [`product`](PackedB::product) is faster than [`gemm`](super::gemm()), for C: [m, n],
    /// an A whose rows are contiguous, and a B whose columns are, as the transpose of a layer's
    /// weights. (Weights of 300 x 784 and 84 x 120: 0.3 to 0.7 of the time of 3 to 14 rows with 16
    /// lanes, 0.87 and 0.89 of 128; 0.45 to 0.95 and 0.92 with 8. One or two rows read B as it lies.)
    pub fn pays(isa: Isa, [m, n, k]: [usize; 3]) -> bool {
        m >= FEWEST_ROWS && n > 1 && k > 0 && !quads::suits([m, n, k], [1, 1], isa.lanes())
    }

    /// Packs B.
    ///
    /// # Panics
    /// If memory cannot hold the packed B: the columns of a view may lie on each other.
    #[track_caller]
    pub fn new(exec: Exec, b: MatRef<'_>) -> PackedB {
        let layout = Layout::new(exec.isa(), [b.cols(), b.rows()]);
        let mut data = Buffer::zeroed(layout.elements());
        Packed::new(exec, b, &mut data);
        PackedB { isa: exec.isa(), layout, data }
    }

    /// Scratch of [`product`](PackedB::product) for m rows.
    pub fn scratch_len(&self, m: usize) -> usize {
        let [n, k] = self.layout.shape;
        let blocks = Blocks::new(self.isa, [m, n, k]);
        LINE + blocks.a_len(blocks.rows_at_once(m, Cut::Tasks))
    }

    /// C = act(A B + bias); with k = 0 the product is 0. The bits depend on the instruction set, the
    /// shapes and the strides of A, not on the number of threads.
    ///
    /// # Panics
    /// If the shapes do not fit together, m * k * n is more than memory can hold, `scratch` is shorter than
    /// [`scratch_len`](PackedB::scratch_len) says, or the instruction set is not the one of `new`.
    #[track_caller]
    pub fn product(&self, exec: Exec, op: &PackedGemm<'_>, mut c: MatMut<'_>, scratch: &mut [f32]) {
        let PackedGemm { a, bias, activation } = *op;
        let ([n, k], m) = (self.layout.shape, c.rows());
        assert!(exec.isa().name() == self.isa.name(), "gemm: B was packed for {:?}", self.isa);
        let (found, fits) = ((a.rows(), a.cols(), c.cols()), (m, k, n));
        assert!(found == fits, "gemm: [m, k, n] of a and c are {found:?}, not {fits:?}");
        size::elements("gemm: a product of", &[m, k, n]);
        bias.check([m, n]);
        let wants = self.scratch_len(m);
        assert!(scratch.len() >= wants, "gemm: scratch is {}, wanted {wants}", scratch.len());
        if m == 0 || n == 0 {
            return;
        }
        let epilogue = Epilogue { bias, activation, ..Epilogue::NONE };
        let dest: Dest = c.dest();
        if k == 0 {
            // SAFETY: C is borrowed for this call, and has m rows and n columns.
            return unsafe { without_product(&epilogue, dest, [m, n]) };
        }
        let a = Lines::rows(a);
        let b = Packed { data: &self.data, layout: self.layout };
        // SAFETY: as above.
        unsafe { Product { shape: [m, n, k], a, b, epilogue }.run(exec, dest, scratch) };
    }
}
