//! How a product is cut: MR, NR, KC, MC and NC, from the instruction set and the shape alone.

use crate::isa::Isa;
use crate::tuning::VECTORS;

/// Where depth is small a panel has more columns, so that its tasks are worth a barrier: 2^17 elements
/// are 512 KiB, which stay in the L2 of two cores. (32 x 25088 x 16 is 4 panels and not 13.)
const PANEL: usize = 1 << 17;

/// Blocks of A that tasks share at one time: 8 * 300 KiB is about what the panel of B takes.
const SHARED_BLOCKS: usize = 8;

/// Work below this many multiplications stays on one thread: 2^20 take about 9 us with 16 lanes
/// and 18 us with 8, and handing a task over takes 2 to 5 us.
const PARALLEL_MACS: usize = 1 << 20;

/// How many multiplications a task should have at least.
const TASK_MACS: usize = 1 << 19;

/// At most so many tasks for one panel.
const TASKS: usize = 64;

/// The sizes for one product, balanced: 784 deep is cut as 4 x 196, not 3 x 256 + 16, and 64 rows
/// are 5 slivers of 13, not 4 of 14 and one of 8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    /// Rows of a sliver of A (the last may have fewer).
    pub(crate) mr: usize,
    /// Columns of a sliver of B (the last may have fewer).
    pub(crate) nr: usize,
    /// Depth of a panel.
    pub(crate) kc: usize,
    /// Rows of a block of A: a multiple of mr.
    pub(crate) mc: usize,
    /// Columns of a panel of B: a multiple of nr.
    pub(crate) nc: usize,
    lanes: usize,
}

/// Cuts `len` into the least number of parts of at most `most`, as equal as multiples of `unit` allow.
fn balanced(len: usize, most: usize, unit: usize) -> usize {
    let parts = len.div_ceil(most).max(1);
    len.div_ceil(parts).next_multiple_of(unit).max(unit)
}

impl Blocks {
    pub(crate) fn new(isa: Isa, [m, n, k]: [usize; 3]) -> Blocks {
        Blocks::with_rows(isa, [m, n, k], isa.tuning().rows)
    }

    /// As `new`, with slivers of A of at most `rows`.
    pub(crate) fn with_rows(isa: Isa, [m, n, k]: [usize; 3], rows: usize) -> Blocks {
        let (lanes, tuning) = (isa.lanes(), isa.tuning());
        let mr = balanced(m, rows, 1);
        let nr = VECTORS * lanes;
        let kc = balanced(k, tuning.kc, 1);
        Blocks {
            mr,
            nr,
            kc,
            mc: balanced(m, tuning.mc.next_multiple_of(mr), mr),
            nc: balanced(n, tuning.nc.max(PANEL / kc), nr),
            lanes,
        }
    }

    /// Rows of A that are packed at one time.
    pub(crate) fn rows_at_once(&self, m: usize, parallel: Cut) -> usize {
        match parallel {
            Cut::Whole => self.mc,
            // The least of both, without the overflow of rounding any m up: mc is a multiple of mr.
            Cut::Tasks => m.min(SHARED_BLOCKS * self.mc).next_multiple_of(self.mr),
        }
    }

    /// Columns of one task when `rows` x `cols` x `depth` is cut into blocks of mc rows.
    pub(crate) fn task_columns(&self, [rows, cols, depth]: [usize; 3]) -> usize {
        let tasks = (rows * cols * depth / TASK_MACS).clamp(1, TASKS);
        let across = tasks.div_ceil(rows.div_ceil(self.mc));
        cols.div_ceil(across).next_multiple_of(self.nr)
    }

    /// Elements that a packed block of A takes, aligned so that what follows is.
    pub(crate) fn a_len(&self, rows: usize) -> usize {
        (rows * self.kc).next_multiple_of(LINE)
    }

    /// Elements that a packed panel of B takes.
    pub(crate) fn b_len(&self, cols: usize) -> usize {
        cols.next_multiple_of(self.lanes) * self.kc
    }
}

/// Whether one thread does a product, or tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// One thread.
    Whole,
    /// Tasks.
    Tasks,
}

impl Cut {
    /// By the shape alone.
    pub(crate) fn of([m, n, k]: [usize; 3]) -> Cut {
        if m.saturating_mul(n).saturating_mul(k) < PARALLEL_MACS { Cut::Whole } else { Cut::Tasks }
    }
}

/// f32 in a cache line: packed panels start on one, since a vector that straddles two lines costs
/// two loads.
pub(crate) const LINE: usize = 16;

/// The part of `scratch` that starts on a cache line; up to LINE - 1 elements are left out.
pub(crate) fn aligned(scratch: &mut [f32]) -> &mut [f32] {
    let skip = (scratch.as_ptr() as usize).wrapping_neg() / size_of::<f32>() % LINE;
    let skip = skip.min(scratch.len());
    &mut scratch[skip..]
}

/// Scratch for a product, and for its transpose.
pub(crate) fn scratch_len(isa: Isa, [m, n, k]: [usize; 3]) -> usize {
    let one = |m: usize, n: usize| {
        let b = Blocks::new(isa, [m, n, k]);
        b.a_len(b.rows_at_once(m, Cut::Tasks)) + b.b_len(b.nc)
    };
    LINE + one(m, n).max(one(n, m))
}
