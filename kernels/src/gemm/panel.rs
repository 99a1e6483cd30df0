//! The macro-kernel: loops JR and IR over the slivers of one panel of depth.

use super::finish::{Dense, Finish, NR};
use super::tile::{DepthsAdjoin, Epilogue, First, RowsAdjoin, Run, Steps, Tile};
use super::view::Dest;
use crate::Accumulate;
use crate::activation::Activation;
use crate::simd::{Kernel, Simd};
use crate::tuning::MOST_ROWS;

/// The steps of a matrix that is read in place, of which one is 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strided {
    pub(crate) row: usize,
    pub(crate) depth: usize,
}

/// The slivers of A: packed, or a matrix in place.
#[derive(Clone, Copy)]
pub(crate) struct Lhs {
    /// Element (0, 0) of the panel.
    pub(crate) ptr: *const f32,
    /// Rows of a sliver; the last may have fewer.
    pub(crate) width: usize,
    /// The steps of a matrix in place; None for packed slivers.
    pub(crate) in_place: Option<Strided>,
}

/// The slivers of B: packed, or a matrix in place with unit column stride.
#[derive(Clone, Copy)]
pub(crate) struct Rhs {
    /// Element (0, 0) of the panel.
    pub(crate) ptr: *const f32,
    /// Columns of a sliver.
    pub(crate) width: usize,
    /// From one sliver to the next.
    pub(crate) sliver_step: usize,
    /// From one depth to the next.
    pub(crate) depth_step: usize,
    /// The last sliver where it has fewer columns: always packed, each depth padded to whole
    /// vectors.
    pub(crate) tail: *const f32,
    /// Where the first tile of a whole sliver leaves it packed, for the tiles below it; null where all
    /// read it as it lies. The next sliver takes the same place.
    pub(crate) copy: *mut f32,
}

// SAFETY: both are addresses of memory that no task writes while the panel is computed.
unsafe impl Send for Lhs {}
// SAFETY: as above.
unsafe impl Sync for Lhs {}
// SAFETY: as above, but for the copy, which one task has to itself.
unsafe impl Send for Rhs {}
// SAFETY: as above.
unsafe impl Sync for Rhs {}

/// C[rows, cols] = act(alpha A[rows, depth] B[depth, cols] + beta C[rows, cols] + bias).
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) lhs: Lhs,
    pub(crate) rhs: Rhs,
    pub(crate) c: Dest,
    /// The row of C where the slivers of A begin, and how many there are.
    pub(crate) rows: (usize, usize),
    /// The same for columns and B.
    pub(crate) cols: (usize, usize),
    pub(crate) depth: usize,
    pub(crate) epilogue: Epilogue<'a>,
}

/// A panel whose memory its maker vouches for.
pub(crate) struct RunPanel<'a>(Panel<'a>);

impl<'a> RunPanel<'a> {
    /// A panel that may be run.
    ///
    /// # Safety
    /// `lhs` must be readable for `rows.1` rows and `rhs` for `cols.1` columns at `depth` depths,
    /// in the layouts that their fields tell; the copy of B, of `width` columns at `depth` depths, must
    /// be this task's own; `c` must be writable (readable, if beta is not 0) at those rows and columns,
    /// by this task alone.
    pub(crate) unsafe fn new(panel: Panel<'a>) -> Self {
        RunPanel(panel)
    }
}

impl Kernel for RunPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Panel { lhs, rhs, c, rows, cols, depth, ref epilogue } = self.0;
        let mut dense = Dense([0.0; MOST_ROWS * NR]);
        for j in (0..cols.1).step_by(rhs.width) {
            let width = rhs.width.min(cols.1 - j);
            let (b, b_step) = if width == rhs.width {
                (rhs.ptr.wrapping_add(j / rhs.width * rhs.sliver_step), rhs.depth_step)
            } else {
                (rhs.tail, width.next_multiple_of(S::LANES))
            };
            let copy = if width == rhs.width { rhs.copy } else { core::ptr::null_mut() };
            for i in (0..rows.1).step_by(lhs.width) {
                let (b, b_step, copy) = match i {
                    1.. if !copy.is_null() => (copy.cast_const(), width, core::ptr::null_mut()),
                    _ => (b, b_step, copy),
                };
                let size = [lhs.width.min(rows.1 - i), width];
                let at = [rows.0 + i, cols.0 + j];
                let a = lhs.ptr.wrapping_add(i * lhs.in_place.map_or(depth, |steps| steps.row));
                let in_tile = epilogue.in_tile(at).filter(|_| c.stride[1] == 1);
                // SAFETY: the maker of the panel vouches for every tile of it, and the dense tile
                // is as large as any.
                unsafe {
                    let mut t = Tile {
                        a,
                        a_steps: RowsAdjoin { depth: size[0] },
                        b,
                        b_step,
                        copy,
                        depth,
                        out: dense.0.as_mut_ptr(),
                        out_step: NR,
                        cols: width.next_multiple_of(S::LANES),
                        first: First::Zero,
                        store: Accumulate::Store,
                        activation: Activation::None,
                    };
                    if let Some((first, store)) = in_tile {
                        let activation = epilogue.activation;
                        let (out, out_step, cols) = (c.at(at[0], at[1]), c.stride[0], width);
                        t = Tile { out, out_step, cols, first, store, activation, ..t };
                    }
                    match lhs.in_place {
                        Some(Strided { row, depth: 1 }) if row != 1 => {
                            let steps = DepthsAdjoin { row };
                            dispatch::<S, _, IN_PLACE_ROWS>(s, size[0], t.with_steps(steps));
                        }
                        Some(Strided { depth, .. }) => {
                            let steps = RowsAdjoin { depth };
                            dispatch::<S, _, MOST_ROWS>(s, size[0], t.with_steps(steps));
                        }
                        None => dispatch::<S, _, MOST_ROWS>(s, size[0], t),
                    }
                    if in_tile.is_none() {
                        s.vectorize(Finish::new(&dense, (c, at), size, epilogue));
                    }
                }
            }
        }
    }
}

/// Rows of a sliver whose rows do not adjoin: each wants an address register, of sixteen.
pub(super) const IN_PLACE_ROWS: usize = 8;

/// From a number of rows and columns to the tile that has them as literals.
///
/// # Safety
/// As `Run::new`, for `rows` rows, at most MOST.
#[inline(always)]
unsafe fn dispatch<S: Simd, A: Steps, const MOST: usize>(s: S, rows: usize, t: Tile<'_, A>) {
    // SAFETY: passed on from the caller.
    unsafe {
        if t.cols > S::LANES {
            with_rows::<S, A, MOST, 2>(s, rows, t);
        } else {
            with_rows::<S, A, MOST, 1>(s, rows, t);
        }
    }
}

/// # Safety
/// As `Run::new`, for `rows` rows, at most MOST.
#[inline(always)]
unsafe fn with_rows<S: Simd, A: Steps, const MOST: usize, const V: usize>(
    s: S,
    rows: usize,
    t: Tile<'_, A>,
) {
    macro_rules! tiles {
        ($($r:literal)*) => {
            match rows {
                $($r if const { $r <= S::TUNING.rows && $r <= MOST } => {
                    // SAFETY: passed on from the caller.
                    s.vectorize(unsafe { Run::<A, $r, V>::new(t) })
                })*
                _ => unreachable!("a sliver has 1 to MOST_ROWS rows"),
            }
        };
    }
    tiles!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
}
