//! The micro-kernel: a tile of R rows x V vectors stays in registers over a panel of depth.
//!
//! tile[i, j] = bias
//! for p in 0..kc: tile[i, j] += A[i, p] * B[p, j]     one broadcast of A for V FMAs
//! C[i, j] = act(tile[i, j]), or act(tile[i, j] + C[i, j]) where an earlier panel began the sum
//!
//! Every instance is unrolled, so it holds only what most products need, with bias as the start of
//! the sum; other epilogues are left to `finish.rs`.

use super::bias::Bias;
use crate::Accumulate;
use crate::activation::Activation;
use crate::simd::{Kernel, Simd, prefetch};

/// How many depths ahead a tile asks for B while it copies it: each lies in a page of its own, which
/// hardware does not foresee.
const COPY_AHEAD: usize = 8;

/// What happens to a tile when its panel is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epilogue<'a> {
    pub(crate) alpha: f32,
    /// The factor of what C holds; 0 means that C is not read.
    pub(crate) beta: f32,
    pub(crate) bias: Bias<'a>,
    pub(crate) activation: Activation,
}

impl Epilogue<'_> {
    /// C = A B.
    pub(crate) const NONE: Epilogue<'static> =
        Epilogue { alpha: 1.0, beta: 0.0, bias: Bias::None, activation: Activation::None };
}

/// How far apart the rows and the depths of a sliver of A lie.
pub(crate) trait Steps: Copy {
    fn row(self) -> usize;
    fn depth(self) -> usize;
}

/// Rows are neighbours: a packed sliver, or columns that are contiguous.
#[derive(Clone, Copy)]
pub(crate) struct RowsAdjoin {
    pub(crate) depth: usize,
}

impl Steps for RowsAdjoin {
    #[inline(always)]
    fn row(self) -> usize {
        1
    }
    #[inline(always)]
    fn depth(self) -> usize {
        self.depth
    }
}

/// Depths are neighbours: rows that are contiguous, read in place.
#[derive(Clone, Copy)]
pub(crate) struct DepthsAdjoin {
    pub(crate) row: usize,
}

impl Steps for DepthsAdjoin {
    #[inline(always)]
    fn row(self) -> usize {
        self.row
    }
    #[inline(always)]
    fn depth(self) -> usize {
        1
    }
}

/// The operands of one tile.
#[derive(Clone, Copy)]
pub(crate) struct Tile<'a, A> {
    pub(crate) a: *const f32,
    pub(crate) a_steps: A,
    pub(crate) b: *const f32,
    pub(crate) b_step: usize,
    /// Where a sliver of B that is read in place is left packed, V vectors for each depth; null for
    /// nowhere.
    pub(crate) copy: *mut f32,
    pub(crate) depth: usize,
    /// Where the first element goes; columns are neighbours.
    pub(crate) out: *mut f32,
    pub(crate) out_step: usize,
    /// Columns to store, at most V vectors and more than V - 1.
    pub(crate) cols: usize,
    pub(crate) first: First<'a>,
    /// Whether the sum is added to what the output holds.
    pub(crate) store: Accumulate,
    pub(crate) activation: Activation,
}

/// What the sum of a tile begins with.
#[derive(Clone, Copy)]
pub(crate) enum First<'a> {
    /// 0.
    Zero,
    /// One number for each row.
    Rows(&'a [f32]),
    /// One number for each column.
    Cols(&'a [f32]),
}

impl<'a, A> Tile<'a, A> {
    /// The same tile over another layout of A.
    #[inline(always)]
    pub(crate) fn with_steps<B>(self, a_steps: B) -> Tile<'a, B> {
        let Tile {
            a, b, b_step, copy, depth, out, out_step, cols, first, store, activation, ..
        } = self;
        Tile { a, a_steps, b, b_step, copy, depth, out, out_step, cols, first, store, activation }
    }
}

impl<A: Steps> Tile<'_, A> {
    /// acc[i] += A[i, p] * B[p] for all depths p, and a copy of B.
    ///
    /// # Safety
    /// As `Run::new`; to copy, `copy` must not be null.
    #[inline(always)]
    unsafe fn sum<S: Simd, const R: usize, const V: usize, const COPY: bool>(
        &self,
        s: S,
        acc: &mut [[S::F; V]; R],
    ) {
        let (mut a, mut b, mut copy) = (self.a, self.b, self.copy);
        for _ in 0..self.depth {
            // SAFETY: A and B are readable at every depth, and the copy is writable.
            unsafe {
                let mut row = [s.zero(); V];
                for (v, row) in row.iter_mut().enumerate() {
                    *row = s.load_ptr(b.add(v * S::LANES));
                }
                if COPY {
                    let ahead = b.wrapping_add(COPY_AHEAD.wrapping_mul(self.b_step));
                    for (v, &row) in row.iter().enumerate() {
                        prefetch(ahead.wrapping_add(v * S::LANES));
                        s.store_ptr(copy.add(v * S::LANES), row);
                    }
                    copy = copy.wrapping_add(V * S::LANES);
                }
                for (i, acc) in acc.iter_mut().enumerate() {
                    let x = s.splat(*a.add(i * self.a_steps.row()));
                    for (acc, &row) in acc.iter_mut().zip(&row) {
                        *acc = s.mul_add(x, row, *acc);
                    }
                }
            }
            a = a.wrapping_add(self.a_steps.depth());
            b = b.wrapping_add(self.b_step);
        }
    }
}

/// A tile of R rows and V vectors.
pub(crate) struct Run<'a, A, const R: usize, const V: usize>(Tile<'a, A>);

impl<'a, A: Steps, const R: usize, const V: usize> Run<'a, A, R, V> {
    /// A tile that may be run.
    ///
    /// # Safety
    /// `a` must be readable at i * row + p * depth for i < R, p < depth; `b` at p * b_step and V
    /// vectors from there; `copy`, if it is not null, writable at V vectors for each p; and `out`
    /// writable (readable, to add to it) at R rows, out_step apart, and `cols` columns, both by this
    /// task alone.
    #[inline(always)]
    pub(crate) unsafe fn new(tile: Tile<'a, A>) -> Self {
        Run(tile)
    }
}

impl<A: Steps, const R: usize, const V: usize> Kernel for Run<'_, A, R, V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let t = self.0;
        let tail = t.cols - (V - 1) * S::LANES;
        let mut acc = [[s.zero(); V]; R];
        match t.first {
            First::Zero => {}
            First::Rows(bias) => {
                for (acc, &bias) in acc.iter_mut().zip(&bias[..R]) {
                    *acc = [s.splat(bias); V];
                }
            }
            First::Cols(bias) => {
                let mut row = [s.zero(); V];
                for (v, row) in row.iter_mut().enumerate() {
                    let part = &bias[v * S::LANES..t.cols];
                    *row = if v + 1 < V { s.load(part) } else { s.load_tail(part) };
                }
                acc = [row; R];
            }
        }
        let address = |i: usize, v: usize| t.out.wrapping_add(i * t.out_step + v * S::LANES);
        if S::TUNING.prefetch_c && matches!(t.store, Accumulate::Add) {
            // What is added at the end comes from L2 or L3 while the tile is computed (1024^3: 5 %
            // faster).
            for i in 0..R {
                prefetch(address(i, 0));
                prefetch(t.out.wrapping_add(i * t.out_step + t.cols - 1));
            }
        }
        // SAFETY: `Run::new` asks for what each of them reads and writes.
        unsafe {
            if t.copy.is_null() {
                t.sum::<S, R, V, false>(s, &mut acc);
            } else {
                t.sum::<S, R, V, true>(s, &mut acc);
            }
        }
        if let Accumulate::Add = t.store {
            for (i, row) in acc.iter_mut().enumerate() {
                for (v, x) in row.iter_mut().enumerate() {
                    let p = address(i, v);
                    // SAFETY: `Run::new` asks for R rows and `cols` columns; vectors before the
                    // last are whole, and the last has `tail` of them.
                    let old = unsafe {
                        if v + 1 < V || tail == S::LANES {
                            s.load_ptr(p)
                        } else {
                            s.load_first_ptr(p, tail)
                        }
                    };
                    *x = s.add(*x, old);
                }
            }
        }
        if let Activation::Relu = t.activation {
            for row in &mut acc {
                for x in row {
                    // This order keeps NaN.
                    *x = s.max(s.zero(), *x);
                }
            }
        }
        for (i, row) in acc.iter().enumerate() {
            for (v, &x) in row.iter().enumerate() {
                let p = address(i, v);
                // SAFETY: as for the loads.
                unsafe {
                    if v + 1 < V || tail == S::LANES {
                        s.store_ptr(p, x);
                    } else {
                        s.store_first_ptr(p, tail, x);
                    }
                }
            }
        }
    }
}
