//! Groups side by side: the matrix [outer, groups * inner], one of its columns in each SIMD lane.
//!
//! ```text
//! for each block of columns, in row order:
//!   first     v = rule(w, g, m) into w, with the sums of each column at its last tau, and a list of
//!             the few elements near it
//!   near      the next probes, from the list (`newton`)
//!   shrink    cuts off what the last probe asks, with the sums there: again where a probe left the
//!             neighbourhood
//!   again     or for other penalties the sums at each probe, and at last `apply` (`search`)
//! ```
//!
//! Where a matrix is small, blocks are narrow enough that the later sweeps find them in L2. Else they
//! are as wide as it goes: memory gives whole rows at once at the speed of a plain pass, 16 KiB of
//! them at 1.1 of its time, 8 KiB at 1.3 (256 MiB, Zen 5).

mod near;
mod newton;
mod search;

use super::contiguous::Done;
use super::flat::Flat;
use super::groups::Groups;
use super::newton::Equation;
use super::source::Source;
use super::sums::Question;
use super::sweep::{AGAIN, Elements, FIRST};
use crate::Exec;
use crate::simd::{Kernel, Simd};
use core::ops::Range;
use near::Near;

/// Columns that are done together: a cache line, and a vector of the widest instruction set.
const STRIP: usize = 16;
/// Vectors of a strip at most.
const VECTORS: usize = 4;
/// Columns of a block, about, where its w fits `FITS`.
const NARROW: usize = 256;
/// Elements: 512 KiB of w, half of a 1 MiB L2.
const FITS: usize = 128 * 1024;
/// Columns of a chunk, about, where the later sweeps miss L2 anyway. A block is a chunk where blocks
/// are tasks, and else `CHUNKS` of them. No number depends on it: what a block shares, the lists of
/// elements near a cut, is by chunk.
const CHUNK: usize = 2048;
const CHUNKS: usize = 4;
/// Columns of a block at most: the runs of a group have up to 256 elements, and groups come by 16
/// where their runs are odd.
const WIDEST: usize = CHUNKS * (CHUNK + 16 * 256);
/// Columns of a search in f64, about: its state is 100 bytes a group.
const SEARCHED: usize = 1024;
/// Rows that a strip is taken through at once, its sums in registers: many where they are in cache.
/// From memory two: rows a power of two apart share one set of L1, and each is one more stream.
const TILE_NARROW: usize = 32;
const TILE_WIDE: usize = 2;
/// Fields of `Lanes`, in scratch.
const FIELDS: usize = 21;

/// Elements between the fields: five cache lines. Where two fields lie at the same offset in a page, a
/// load from one waits for a store to the other.
const STAGGER: usize = 80;

/// Whether the sweeps find w, g and m in memory: more than 6 MiB of them, or blocks that do not fit.
fn streams(groups: Groups) -> bool {
    groups.len() > 512 * 1024 || groups.outer * NARROW > FITS
}

/// How a matrix is cut.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    /// Groups of a chunk, and of a block.
    chunk: usize,
    pub(crate) per: usize,
    inner: usize,
    outer: usize,
}

impl Blocks {
    /// Chunks by shape only, of nearly the same width and whole strips.
    pub(crate) fn new(exec: Exec, groups: Groups) -> Blocks {
        let Groups { outer, groups: count, inner } = groups;
        let streams = streams(groups);
        let most = (if streams { CHUNK } else { NARROW } / inner).max(1);
        let strip = match inner {
            // Blocks that are one chunk need no whole strips, but where a strip is 16 groups.
            2.. if !streams => 1,
            _ => (1..STRIP).find(|n| (n * inner).is_multiple_of(STRIP)).unwrap_or(STRIP),
        };
        let chunks = count.div_ceil(most).max(1);
        let chunk = count.div_ceil(chunks).next_multiple_of(strip).max(1);
        let chunks = if streams && !exec.is_parallel() { CHUNKS } else { 1 };
        let per = (chunk * chunks).min(count.next_multiple_of(chunk)).max(1);
        Blocks { chunk, per, inner, outer }
    }

    /// Columns of a block, in whole strips.
    fn width(&self) -> usize {
        (self.per * self.inner).next_multiple_of(STRIP)
    }

    fn chunk_columns(&self) -> usize {
        self.chunk * self.inner
    }

    /// Elements that a list of a chunk takes, and at the end of it some that are written in vain.
    fn near(&self) -> usize {
        near::capacity(self.outer * self.chunk_columns())
    }

    /// Scratch of one block.
    pub(crate) fn scratch(&self) -> usize {
        FIELDS * (self.width() + STAGGER) + self.per.div_ceil(self.chunk) * 3 * self.near()
    }
}

/// Scratch in all. On one thread the blocks take turns with it.
pub(crate) fn scratch_len(exec: Exec, groups: Groups) -> usize {
    if !groups.is_columns() || groups.len() == 0 {
        return 0;
    }
    let blocks = Blocks::new(exec, groups);
    let tasks = if exec.is_parallel() { groups.groups.div_ceil(blocks.per) } else { 1 };
    tasks * blocks.scratch()
}

/// Solves and applies a block of groups.
pub(crate) struct Columns<'a, Src> {
    pub(crate) question: Question<'a>,
    pub(crate) elements: Elements<'a, Src>,
    pub(crate) groups: Groups,
    pub(crate) blocks: Blocks,
    pub(crate) range: Range<usize>,
    pub(crate) tau: Flat<'a>,
    pub(crate) scratch: &'a mut [f32],
}

/// What each column carries through a sweep.
struct Lanes<'a> {
    /// What is to be cut off at the probe, or at the end.
    cut: &'a mut [f32],
    /// The first cut.
    first: &'a mut [f32],
    /// Sums over a few rows.
    short: [&'a mut [f32]; 3],
    /// Sums over the rows, each in two parts: a sum and what its rounding lost.
    high: [&'a mut [f32]; 3],
    low: [&'a mut [f32]; 3],
    /// What a way to solve needs beside.
    more: [&'a mut [f32]; 10],
    /// Elements near the first cut, by chunk.
    near: [Near<'a>; CHUNKS],
}

impl<Src: Source> Kernel for Columns<'_, Src> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) -> Done {
        const { assert!(STRIP.is_multiple_of(S::LANES) && STRIP / S::LANES <= VECTORS) };
        let (width, near) = (self.blocks.width(), self.blocks.near());
        let scratch = core::mem::take(&mut self.scratch);
        let (fields, lists) = scratch.split_at_mut(FIELDS * (width + STAGGER));
        let mut fields = fields.chunks_exact_mut(width + STAGGER);
        let mut next = || &mut fields.next().expect("scratch holds FIELDS parts")[..width];
        let mut lists = lists.chunks_exact_mut(3 * near);
        let mut lanes = Lanes {
            cut: next(),
            first: next(),
            short: core::array::from_fn(|_| next()),
            high: core::array::from_fn(|_| next()),
            low: core::array::from_fn(|_| next()),
            more: core::array::from_fn(|_| next()),
            near: core::array::from_fn(|_| Near::new(lists.next().unwrap_or_default())),
        };
        if let Some(equation) = Equation::of(s, &self.question, self.groups.group_size()) {
            let done = self.newton(s, &equation, &mut lanes);
            return done.unwrap_or_else(|| self.irregular(s, &mut lanes));
        }
        if self.question.solver.needs_norm() {
            self.pieces::<S, true, FIRST>(s, &mut lanes)
        } else {
            self.pieces::<S, false, FIRST>(s, &mut lanes)
        }
    }
}

/// Something done to a strip in a few rows.
trait Tile<S: Simd> {
    /// `live` <= 16 columns from column `from` of the block. Each line of a row is finished before
    /// the next row: rows a power of two apart share one set of L1.
    fn tile(&mut self, s: S, rows: Range<usize>, from: usize, live: usize);
}

impl<Src: Source> Columns<'_, Src> {
    /// Columns of this block.
    fn columns(&self) -> usize {
        self.range.len() * self.groups.inner
    }

    /// Elements from one row to the next.
    fn stride(&self) -> usize {
        self.groups.groups * self.groups.inner
    }

    /// Where column `from` of the block is in a row.
    #[inline(always)]
    fn at(&self, row: usize, from: usize) -> usize {
        (row * self.groups.groups + self.range.start) * self.groups.inner + from
    }

    /// Visits rows of the marked strips, `step` at a time.
    #[inline(always)]
    fn tiles<S: Simd>(
        &self,
        s: S,
        (strips, step): (&[bool], usize),
        all: Range<usize>,
        op: &mut impl Tile<S>,
    ) {
        let count = self.columns();
        for row in all.clone().step_by(step) {
            let rows = row..all.end.min(row + step);
            for from in (0..count).step_by(STRIP).filter(|i| strips[i / STRIP]) {
                // Twice, for the common width to be a constant.
                if count - from >= STRIP {
                    op.tile(s, rows.clone(), from, STRIP);
                } else {
                    op.tile(s, rows.clone(), from, count - from);
                }
            }
        }
    }

    /// Searches for the groups, some at a time.
    #[inline(always)]
    fn pieces<S: Simd, const NORM: bool, const MODE: u8>(
        &self,
        s: S,
        lanes: &mut Lanes<'_>,
    ) -> Done {
        let &Columns { question, elements, groups, blocks, tau, .. } = self;
        let mut done = Done::default();
        for start in self.range.clone().step_by((SEARCHED / groups.inner).max(1)) {
            let range = start..self.range.end.min(start + (SEARCHED / groups.inner).max(1));
            let scratch = &mut [];
            let piece = Columns { question, elements, groups, blocks, range, tau, scratch };
            done.add(piece.search::<S, NORM, MODE>(s, lanes));
        }
        done
    }

    /// Off the fast path: v is made already, and nothing is cut off.
    #[cold]
    #[inline(never)]
    fn irregular<S: Simd>(&self, s: S, lanes: &mut Lanes<'_>) -> Done {
        s.vectorize(Irregular { task: self, lanes })
    }
}

struct Irregular<'a, 'l, 'm, Src> {
    task: &'a Columns<'a, Src>,
    lanes: &'l mut Lanes<'m>,
}

impl<Src: Source> Kernel for Irregular<'_, '_, '_, Src> {
    type Output = Done;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Done {
        self.task.pieces::<S, false, AGAIN>(s, self.lanes)
    }
}

impl Lanes<'_> {
    /// Forgets the sums of the marked strips.
    fn clear(&mut self, strips: &[bool]) {
        for x in self.high.iter_mut().chain(&mut self.low).chain(&mut self.short) {
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

    /// Adds the sums over a few rows to those over all.
    #[inline(always)]
    fn fold<S: Simd>(&mut self, s: S, i: usize) {
        for k in 0..3 {
            self.add(s, i, k, s.load(&self.short[k][i..]));
            s.store(&mut self.short[k][i..], s.zero());
        }
    }

    /// A sum of column i.
    fn sum(&self, i: usize, k: usize) -> f64 {
        f64::from(self.high[k][i]) + f64::from(self.low[k][i])
    }
}
