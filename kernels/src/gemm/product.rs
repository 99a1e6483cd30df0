//! The loops around the macro-kernel, in the words of BLIS, and how tasks share them.
//!
//! for jc in 0..n by NC             columns of B
//!   for pc in 0..k by KC           depth: always in this order, so the bits never change
//!     for ic in 0..m by MC         rows of A; tasks take up to eight blocks at one time
//!       pack B[pc, jc] (once), pack A[ic, pc]       each sliver by one task; neither where it is
//!                                                   read in place, nor B where tiles pack it
//!       macro-kernel on C[ic, jc]                   a grid of tasks, each its own part of C

use super::bias::Bias;
use super::blocks::{Blocks, Cut, aligned};
use super::pack::{Block, Lines, Slivers, Source};
use super::panel::{IN_PLACE_ROWS, Lhs, Panel, Rhs, RunPanel, Strided};
use super::tile::Epilogue;
use super::view::Dest;
use crate::activation::Activation;
use crate::isa::Isa;
use crate::simd::{Kernel, Simd};
use crate::threads::Exec;
use crate::tuning::Tuning;
use core::ops::Range;

/// act(alpha A B + beta C + bias), with operands that pack themselves: A as rows, B as columns.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a, A, B> {
    /// m, n, k.
    pub(crate) shape: [usize; 3],
    pub(crate) a: A,
    pub(crate) b: B,
    pub(crate) epilogue: Epilogue<'a>,
}

/// An operand that one sliver of the other meets in at most so many slivers is read in place:
/// packing it would cost more than what the reads gain.
const IN_PLACE_SLIVERS: usize = 2;

/// So are the rows of A, if they are contiguous and meet at most so many slivers of B: a tile reads
/// a few long runs. (512^3: 2 to 3 % faster than packed, 128 x 100 x 300 9 %; with 64 slivers of
/// 8 lanes 64 x 1024 x 576 loses 7 %.)
const IN_PLACE_RUNS: usize = 32;

/// Unless rows are a multiple of 4 KiB apart, where all of them share one set of L1.
const ROWS_APART: usize = 1 << 10;

/// So are the columns of A, if a panel of them spans at most so many elements, 256 KiB: every sliver
/// of B meets all of it, so it must stay in L2. (256^3: 5 % faster than packed.)
const IN_PLACE_SPAN: usize = 1 << 16;

/// So are the columns of B, for at most so many rows of A: each sliver is met by all of A before
/// the next is. (128 x 300 x 784: 4 to 6 % faster than packed.)
const IN_PLACE_ROWS_MET: usize = 512;

/// Slivers of A that a task packs: the packed bytes of one are small.
const PACK_SLIVERS: usize = 4;

/// So few lines stay in L2 even if they share its sets.
const SHALLOW: usize = 32;

/// The ranges that `len` is cut into.
pub(crate) fn steps(len: usize, by: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(by).map(move |i| i..len.min(i + by))
}

/// Packs a block on one instruction set.
pub(crate) struct Pack<'a, X> {
    pub(crate) source: &'a X,
    pub(crate) block: Block,
    pub(crate) slivers: Slivers,
    pub(crate) dst: &'a mut [f32],
}

impl<X: Source> Kernel for Pack<'_, X> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.source.pack(s, &self.block, self.slivers, self.dst);
    }
}

/// Packs a block, a few slivers a task.
pub(crate) fn pack<X: Source>(
    exec: Exec,
    source: &X,
    block: Block,
    slivers: Slivers,
    dst: &mut [f32],
) {
    let lines = PACK_SLIVERS * slivers.width;
    let len = lines * block.depth.len();
    let dst = &mut dst[..block.lines.len().next_multiple_of(slivers.pad) * block.depth.len()];
    exec.chunks(dst, len, |i, dst| {
        let first = block.lines.start + i * lines;
        let block =
            Block { lines: first..block.lines.end.min(first + lines), depth: block.depth.clone() };
        exec.isa().run(Pack { source, block, slivers, dst });
    });
}

impl<A: Source, B: Source> Product<'_, A, B> {
    /// The view of A, if it should be read in place.
    fn a_in_place(&self, blocks: &Blocks, tuning: &Tuning) -> Option<Lines<'_>> {
        let slivers = self.shape[1].div_ceil(blocks.nr);
        let few = slivers <= IN_PLACE_SLIVERS;
        let fits = |a: &Lines<'_>| match (a.line_stride, a.depth_stride) {
            (1, step) => {
                let little = blocks.kc.saturating_mul(step) <= IN_PLACE_SPAN;
                few || (little && !step.is_multiple_of(tuning.same_sets))
            }
            (step, 1) => few || (slivers <= IN_PLACE_RUNS && !step.is_multiple_of(ROWS_APART)),
            _ => false,
        };
        self.a.in_place().filter(fits)
    }

    /// The view of B, if it should be read in place.
    fn b_in_place(&self, blocks: &Blocks, tuning: &Tuning) -> Option<Lines<'_>> {
        let m = self.shape[0];
        let few = m <= IN_PLACE_SLIVERS * tuning.rows;
        let fits = |b: &Lines<'_>| {
            let stays = blocks.kc <= SHALLOW || !b.depth_stride.is_multiple_of(tuning.same_sets);
            b.line_stride == 1 && (few || (m <= IN_PLACE_ROWS_MET && stays))
        };
        self.b.in_place().filter(fits)
    }

    /// The view of B, if the first tile of each sliver should pack it by the way: where there is one
    /// block of rows, so that the copy is used up at once and stays in cache. (64 x 1024 x 576: 0.87
    /// of the time; with several blocks, and room for all slivers, 1.01 to 1.06.)
    fn b_copied(&self, blocks: &Blocks) -> Option<Lines<'_>> {
        self.b.in_place().filter(|b| self.shape[0] <= blocks.mc && b.line_stride == 1)
    }

    /// Computes C.
    ///
    /// # Safety
    /// `c` must be writable (readable, if beta is not 0) at m rows and n columns, by this call
    /// alone.
    pub(crate) unsafe fn run(&self, exec: Exec, c: Dest, scratch: &mut [f32]) {
        let [m, n, k] = self.shape;
        let (isa, tuning) = (exec.isa(), exec.isa().tuning());
        let blocks = Blocks::new(isa, self.shape);
        let (a_in_place, b_in_place) =
            (self.a_in_place(&blocks, tuning), self.b_in_place(&blocks, tuning));
        let blocks = match a_in_place {
            Some(a) if a.line_stride != 1 => {
                let most = tuning.rows.min(IN_PLACE_ROWS);
                Blocks::with_rows(isa, self.shape, most)
            }
            _ => blocks,
        };
        let cut = if exec.is_parallel() { Cut::of(self.shape) } else { Cut::Whole };
        let exec = if cut == Cut::Whole { exec.sequential() } else { exec };
        let b_copied = if b_in_place.is_none() { self.b_copied(&blocks) } else { None };
        let at_once = blocks.rows_at_once(m, cut);
        let a_len = if a_in_place.is_some() { 0 } else { blocks.a_len(at_once) };
        let (a_scratch, b_scratch) = aligned(scratch).split_at_mut(a_len);
        let a_slivers = Slivers { width: blocks.mr, pad: 1 };
        let b_slivers = Slivers { width: blocks.nr, pad: isa.lanes() };
        for jc in steps(n, blocks.nc) {
            for pc in steps(k, blocks.kc) {
                let depth = pc.len();
                // What B takes of scratch: whole slivers, unless they are read in place, and a tail.
                let whole = jc.len() / blocks.nr * blocks.nr;
                let tail_at = if b_in_place.is_some() { 0 } else { whole * depth };
                let b_as_it_lies = b_in_place.or(b_copied);
                let b_panel = Block { lines: jc.clone(), depth: pc.clone() };
                let b_packed = self.b.packed(&b_panel);
                for ic in steps(m, at_once) {
                    exec.join(
                        || {
                            let (first, at) = match b_as_it_lies {
                                Some(_) => (jc.start + whole, tail_at),
                                None => (jc.start, 0),
                            };
                            let block = Block { lines: first..jc.end, depth: pc.clone() };
                            if b_packed.is_none() && ic.start == 0 && first < jc.end {
                                pack(exec, &self.b, block, b_slivers, &mut b_scratch[at..]);
                            }
                        },
                        || {
                            if a_in_place.is_none() {
                                let block = Block { lines: ic.clone(), depth: pc.clone() };
                                pack(exec, &self.a, block, a_slivers, a_scratch);
                            }
                        },
                    );
                    let lhs = match a_in_place {
                        None => Lhs { ptr: a_scratch.as_ptr(), width: blocks.mr, in_place: None },
                        Some(a) => {
                            let first = ic.start * a.line_stride + pc.start * a.depth_stride;
                            Lhs {
                                ptr: a.data[first..].as_ptr(),
                                width: blocks.mr,
                                in_place: Some(Strided {
                                    row: a.line_stride,
                                    depth: a.depth_stride,
                                }),
                            }
                        }
                    };
                    let packed = b_scratch.as_mut_ptr();
                    let rhs = match b_as_it_lies {
                        None => {
                            let b = b_packed.unwrap_or(b_scratch);
                            Rhs::packed(b, &blocks, jc.len(), depth)
                        }
                        Some(b) => Rhs {
                            ptr: b.data[jc.start + pc.start * b.depth_stride..].as_ptr(),
                            width: blocks.nr,
                            sliver_step: blocks.nr,
                            depth_step: b.depth_stride,
                            tail: packed.wrapping_add(tail_at),
                            copy: b_copied.map_or(core::ptr::null_mut(), |_| packed),
                        },
                    };
                    let (first, last) = (pc.start == 0, pc.end == k);
                    let epilogue = self.epilogue.for_panel(first, last);
                    let rows = (ic.start, ic.len());
                    let cols = (jc.start, jc.len());
                    let panel = Panel { lhs, rhs, c, rows, cols, depth, epilogue };
                    // SAFETY: the panels were packed above or lie in views that were checked when
                    // they were made; C is the caller's promise.
                    unsafe { run_panel(exec, &panel, &blocks) };
                }
            }
        }
    }
}

impl Rhs {
    /// Slivers that were packed into `b`.
    pub(crate) fn packed(b: &[f32], blocks: &Blocks, cols: usize, depth: usize) -> Rhs {
        Rhs {
            ptr: b.as_ptr(),
            width: blocks.nr,
            sliver_step: blocks.nr * depth,
            depth_step: blocks.nr,
            tail: b[cols / blocks.nr * blocks.nr * depth..].as_ptr(),
            copy: core::ptr::null_mut(),
        }
    }
}

impl<'a> Epilogue<'a> {
    /// The first panel of depth meets bias and the caller's C, later ones a sum that has begun; only
    /// the last sees the activation.
    pub(crate) fn for_panel(self, first: bool, last: bool) -> Epilogue<'a> {
        Epilogue {
            alpha: self.alpha,
            beta: if first { self.beta } else { 1.0 },
            bias: if first { self.bias } else { Bias::None },
            activation: if last { self.activation } else { Activation::None },
        }
    }
}

/// Runs a panel as a grid of tasks: blocks of MC rows, and columns in equal parts.
///
/// # Safety
/// As `RunPanel::new`.
unsafe fn run_panel(exec: Exec, panel: &Panel<'_>, blocks: &Blocks) {
    let isa: Isa = exec.isa();
    if !exec.is_parallel() {
        for rows in steps(panel.rows.1, blocks.mc) {
            // SAFETY: a part of what the caller vouches for.
            isa.run(unsafe { RunPanel::new(panel.part(rows, 0..panel.cols.1)) });
        }
        return;
    }
    let columns = blocks.task_columns([panel.rows.1, panel.cols.1, panel.depth]);
    let across = panel.cols.1.div_ceil(columns);
    let down = panel.rows.1.div_ceil(blocks.mc);
    exec.each(across * down, |task| {
        let (i, j) = (task % down * blocks.mc, task / down * columns);
        let rows = i..panel.rows.1.min(i + blocks.mc);
        let cols = j..panel.cols.1.min(j + columns);
        // SAFETY: a part of what the caller vouches for, and no other task has it.
        isa.run(unsafe { RunPanel::new(panel.part(rows, cols)) });
    });
}

impl<'a> Panel<'a> {
    /// The part with these rows and columns, which begin at whole slivers.
    pub(crate) fn part(&self, rows: Range<usize>, cols: Range<usize>) -> Panel<'a> {
        let (mut lhs, mut rhs) = (self.lhs, self.rhs);
        let row_step = lhs.in_place.map_or(self.depth, |a| a.row);
        lhs.ptr = lhs.ptr.wrapping_add(rows.start * row_step);
        rhs.ptr = rhs.ptr.wrapping_add(cols.start / rhs.width * rhs.sliver_step);
        if !rhs.copy.is_null() {
            rhs.copy = rhs.copy.wrapping_add(cols.start * self.depth);
        }
        Panel {
            lhs,
            rhs,
            rows: (self.rows.0 + rows.start, rows.len()),
            cols: (self.cols.0 + cols.start, cols.len()),
            ..*self
        }
    }
}
