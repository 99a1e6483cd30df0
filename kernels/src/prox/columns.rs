//! Groups side by side: the matrix [outer, groups * inner], one of its columns in each SIMD lane.
//!
//! ```text
//! for each block of columns, in row order:
//!   first     v = rule(w, g, m) into w, with the sums of each column at its last tau
//!   then, for the strips of 16 columns that are not done:
//!   cut       cuts off what the next probe asks, with the sums there (`newton`)
//!   again     the sums at the next probe, and at last `apply` (`search`)
//! ```
//!
//! The first sweep is compiled for each rule. What comes after it knows the metric alone.
//!
//! Where the rows of a block are few enough, the later sweeps find it in L2. Else they find it in L3 or
//! memory, and what comes next is prefetched: hardware follows no streams as short as a block's rows.

mod newton;
mod search;

use super::band::Band;
use super::flat::{Flat, visit_run};
use super::groups::Groups;
use super::newton::Equation;
use super::shrink::Done;
use super::source::Source;
use super::sums::Question;
use super::sweep::{Fresh, Made};
use crate::simd::{Kernel, Simd};
use crate::{Exec, size};
use core::ops::Range;

/// Columns that are done together: a cache line, and a vector of the widest instruction set.
const STRIP: usize = 16;
/// Vectors of a strip at most.
const VECTORS: usize = 4;
/// Columns of a block, at most: w of 512 rows stays in L2 from sweep to sweep, w of 4096, 4 MiB, in L3.
/// (4096 x 4096 from memory: 0.8 of the time of blocks of 2048.)
const COLUMNS: usize = 256;
/// Elements: 512 KiB of w, half of a 1 MiB L2.
const FITS: usize = 128 * 1024;
/// Rows that a strip is taken through at once, its sums in registers: many where they are in cache.
/// From memory four: rows a power of two apart share one set of L1, of 8 to 12 ways. (4096 x 4096: 6 or 8
/// rows take 1.05 times as long, 2 rows 1.6.)
const TILE_NEAR: usize = 32;
const TILE_FAR: usize = 4;
/// How far ahead a block is prefetched from memory, in elements of its rows' runs: 12 lines, for which
/// four rows of five streams take some 300 ns.
const AHEAD: usize = 192;
/// Fields of `Lanes`, in scratch.
const FIELDS: usize = 13;

/// Elements between the fields: five cache lines. Where two fields lie at the same offset in a page, a
/// load from one waits for a store to the other.
const STAGGER: usize = 80;

/// Whether the later sweeps of a block find it in L2.
fn fits(groups: Groups) -> bool {
    groups.outer * COLUMNS <= FITS
}

/// Whether the first sweep finds w, g and m in memory: more than 6 MiB of them.
fn is_large(groups: Groups) -> bool {
    groups.len() > 512 * 1024
}

/// Groups of a block, by shape only: blocks of nearly the same width.
pub(crate) fn block(groups: Groups) -> usize {
    let most = (COLUMNS / groups.inner).max(1);
    let strip = if groups.inner == 1 { STRIP } else { 1 };
    let blocks = groups.groups.div_ceil(most).max(1);
    groups.groups.div_ceil(blocks).next_multiple_of(strip).max(1)
}

/// Columns of a block, in whole strips.
fn width(groups: Groups) -> usize {
    (block(groups) * groups.inner).next_multiple_of(STRIP)
}

/// Scratch of one block.
pub(crate) fn block_scratch(groups: Groups) -> usize {
    FIELDS * (width(groups) + STAGGER)
}

/// Scratch in all. On one thread the blocks take turns with it.
pub(crate) fn scratch_len(exec: Exec, groups: Groups) -> usize {
    if !groups.is_columns() || groups.len() == 0 {
        return 0;
    }
    let tasks = if exec.is_parallel() { groups.groups.div_ceil(block(groups)) } else { 1 };
    size::elements("prox: scratch of", &[tasks, block_scratch(groups)])
}

/// Solves and applies a block of groups.
pub(crate) struct Columns<'a, Src> {
    pub(crate) question: Question<'a>,
    pub(crate) fresh: Fresh<'a, Src>,
    pub(crate) band: Band,
    pub(crate) range: Range<usize>,
    pub(crate) tau: Flat<'a>,
    pub(crate) scratch: &'a mut [f32],
}

/// A block whose v is made.
struct Block<'a, M> {
    question: Question<'a>,
    made: Made<'a, M>,
    band: Band,
    range: Range<usize>,
    tau: Flat<'a>,
}

/// What each column carries through a sweep.
struct Lanes<'a> {
    /// What is to be cut off at the probe, or at the end.
    cut: &'a mut [f32],
    /// Sums over the rows, each in two parts: a sum and what its rounding lost.
    high: [&'a mut [f32]; 3],
    low: [&'a mut [f32]; 3],
    /// What a way to solve needs beside.
    more: [&'a mut [f32]; 6],
}

impl<Src: Source> Kernel for Columns<'_, Src> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        const { assert!(STRIP.is_multiple_of(S::LANES) && STRIP / S::LANES <= VECTORS) };
        let Columns { question, mut fresh, band, range, tau, scratch } = self;
        let block = Block { question, made: fresh.made(), band, range, tau };
        let mut lanes = Lanes::new(scratch, width(band.groups));
        if let Some(equation) = Equation::of(&question, band.groups.group_size()) {
            block.start(s, &equation, &mut lanes);
            block.first(s, fresh, &mut lanes);
            return block.newton(s, &equation, &mut lanes);
        }
        if question.solver.needs_norm() {
            block.aim(&mut lanes);
            block.sum(s, fresh, &mut lanes);
            return block.search(s, &mut lanes);
        }
        for row in 0..band.groups.outer {
            let run = (block.at(row, 0), block.columns());
            // SAFETY: the columns are inside the matrix and this task's own.
            unsafe { visit_run(s, run, &mut fresh) };
        }
        block.irregular(s, &mut lanes)
    }
}

/// How a sweep goes through a block.
#[derive(Clone, Copy)]
struct Pace {
    /// Rows of a tile.
    rows: usize,
    /// How far ahead it asks for what lies in memory; 0 where all is in cache.
    ahead: usize,
}

impl Pace {
    fn new(streams: bool) -> Pace {
        if streams {
            Pace { rows: TILE_FAR, ahead: AHEAD }
        } else {
            Pace { rows: TILE_NEAR, ahead: 0 }
        }
    }

    /// Of a sweep that makes v.
    fn first(groups: Groups) -> Pace {
        Pace::new(is_large(groups))
    }

    /// Of a later sweep.
    fn later(groups: Groups) -> Pace {
        Pace::new(!fits(groups))
    }
}

/// Something done to a strip in a few rows.
trait Tile<S: Simd> {
    /// Whether it is there twice, once with the common width as a constant.
    const IS_HOT: bool;

    /// Each line of a row is finished before the next row: rows a power of two apart share one set of
    /// L1.
    fn tile(&mut self, s: S, spot: Spot);
}

/// Where a tile is.
#[derive(Clone)]
struct Spot {
    rows: Range<usize>,
    /// Its first column, of the block, and how many there are: at most 16.
    from: usize,
    live: usize,
    /// From an element to one that is prefetched, which may lie outside; 0 for nothing.
    ahead: usize,
}

impl<M> Block<'_, M> {
    /// Columns of this block.
    fn columns(&self) -> usize {
        self.range.len() * self.band.groups.inner
    }

    /// Elements from one row to the next.
    fn stride(&self) -> usize {
        self.band.stride
    }

    /// Where column `from` of the block is in a row.
    #[inline(always)]
    fn at(&self, row: usize, from: usize) -> usize {
        let Band { groups, start, stride } = self.band;
        start + row * stride + self.range.start * groups.inner + from
    }

    /// Visits all rows of the marked strips.
    #[inline(always)]
    fn tiles<S: Simd, T: Tile<S>>(&self, s: S, (strips, pace): (&[bool], Pace), op: &mut T) {
        let (count, outer) = (self.columns(), self.band.groups.outer);
        for row in (0..outer).step_by(pace.rows) {
            let rows = row..outer.min(row + pace.rows);
            for from in (0..count).step_by(STRIP).filter(|i| strips[i / STRIP]) {
                let ahead = match pace.ahead {
                    // Past the end of a row's run, the run of the rows after these.
                    ahead if ahead > 0 && from + ahead >= count => {
                        rows.len() * self.stride() + ahead - count
                    }
                    ahead => ahead,
                };
                let spot = Spot { rows: rows.clone(), from, live: STRIP, ahead };
                if T::IS_HOT && count - from >= STRIP {
                    op.tile(s, spot);
                } else {
                    op.tile(s, Spot { live: STRIP.min(count - from), ..spot });
                }
            }
        }
    }

    /// The last tau of group i of the block.
    fn warm(&self, i: usize) -> f32 {
        // SAFETY: tau has one element for each group, and this one is the task's own.
        unsafe { self.tau.get(self.range.start + i) }
    }

    fn set_tau(&self, i: usize, tau: f32) {
        // SAFETY: tau has one element for each group, and this one is the task's own.
        unsafe { self.tau.set(self.range.start + i, tau) }
    }
}

impl<'a> Lanes<'a> {
    /// Of so many columns.
    fn new(scratch: &'a mut [f32], width: usize) -> Lanes<'a> {
        let mut parts = scratch.chunks_exact_mut(width + STAGGER);
        let mut next = || &mut parts.next().expect("scratch holds FIELDS parts")[..width];
        Lanes {
            cut: next(),
            high: [next(), next(), next()],
            low: [next(), next(), next()],
            more: [next(), next(), next(), next(), next(), next()],
        }
    }

    /// Forgets the sums of the marked strips.
    fn clear(&mut self, strips: &[bool]) {
        for x in self.high.iter_mut().chain(&mut self.low) {
            for (x, _) in x.chunks_exact_mut(STRIP).zip(strips).filter(|(_, marked)| **marked) {
                x.fill(0.0);
            }
        }
    }

    /// Adds the sums of a tile: the error of each addition is kept (Knuth's two-sum), for millions of
    /// rows are summed in f32.
    #[inline(always)]
    fn add<S: Simd>(&mut self, s: S, i: usize, k: usize, x: S::F) {
        let high = s.load(&self.high[k][i..]);
        let sum = s.add(high, x);
        let part = s.sub(sum, high);
        let lost = s.add(s.sub(high, s.sub(sum, part)), s.sub(x, part));
        s.store(&mut self.high[k][i..], sum);
        let low = s.add(s.load(&self.low[k][i..]), lost);
        s.store(&mut self.low[k][i..], low);
    }

    /// A sum of column i.
    fn sum(&self, i: usize, k: usize) -> f64 {
        f64::from(self.high[k][i]) + f64::from(self.low[k][i])
    }
}
