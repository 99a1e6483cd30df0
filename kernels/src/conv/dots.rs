//! The weight gradient of first layers: dot products of dY's planes with those of x, tap by tap.
//!
//! dW[o, tap] = sum over positions of dY[o, position] * staged x[position + offset(tap)]
//!
//! Both run along rows of positions, so nothing is packed and nothing is turned: with 27 taps the form
//! with channels last, which turns dY, takes 1.3 to 1.4 times as long. Lanes are neighbouring positions,
//! and each dot product stays a vector until the end. A chunk is some blocks of images and sums for
//! itself; the chunks are added in order.

mod tile;

use super::correlate::{SLOTS, balanced};
use super::operands::ConvWeightGradient;
use super::window::{Fill, Planes, Stage, Window};
use crate::Accumulate;
use crate::gemm::blocks::{Cut, LINE, aligned};
use crate::isa::Isa;
use crate::simd::{Kernel, Simd};
use crate::threads::{Exec, Parts};
use tile::{Loops, TAPS, Tile};

/// Elements of x and dY of a block: 256 KiB, which stay in L2 while each is read once for every tile.
const BLOCK: usize = 1 << 16;

/// Taps of all channels, at most: with 144 turning dY once costs no more than the sums, which are
/// read and written once a block.
const DEPTH: usize = 80;

/// One weight gradient of one group.
#[derive(Clone, Copy)]
pub(super) struct Dots {
    pub(super) window: Window,
    pub(super) images: usize,
    /// Channels of the input and of the output.
    pub(super) channels: usize,
    pub(super) outputs: usize,
}

/// How it is cut, by the shape and the lanes alone.
struct Cuts {
    /// Images and rows of dY of a block.
    images: usize,
    rows: usize,
    /// Blocks of a chunk, and how many chunks.
    blocks: usize,
    chunks: usize,
}

impl Dots {
    fn depth(&self) -> usize {
        self.channels * self.window.taps()
    }

    /// Whether there are few taps, on more than one pixel, the lanes are well used (with 24 of 32 it
    /// takes 1.1 times as long as channels last), and the sums of a chunk take no more than a block.
    pub(super) fn pays(&self, isa: Isa) -> bool {
        let w = self.window.w.grid;
        let wide = 8 * w >= 7 * w.next_multiple_of(isa.lanes());
        let few =
            self.depth() <= DEPTH && self.sums_len(isa.lanes(), isa.tuning().dot_rows) <= BLOCK;
        few && self.window.taps() > 1 && wide
    }

    /// Elements of the sums: tiles of (outputs, taps) of so many vectors each.
    fn sums_len(&self, lanes: usize, rows: usize) -> usize {
        let outputs = self.outputs.next_multiple_of(rows);
        self.depth().next_multiple_of(TAPS) * outputs * lanes
    }

    fn cuts(&self) -> Cuts {
        let (n, height) = (self.images, self.window.h.grid);
        let image = self.stage(1, height).len() + self.outputs * self.window.grid();
        let (images, rows) = if image <= BLOCK {
            (balanced(n, (BLOCK / image).min(n.div_ceil(SLOTS))), height)
        } else {
            (1, balanced(height, height * BLOCK / image))
        };
        let total = n.div_ceil(images) * height.div_ceil(rows);
        let blocks = total.div_ceil(SLOTS).max(1);
        Cuts { images, rows, blocks, chunks: total.div_ceil(blocks).max(1) }
    }

    fn stage(&self, images: usize, rows: usize) -> Stage {
        self.window.stage(self.channels, images, rows)
    }

    fn staged_len(&self, cuts: &Cuts) -> usize {
        self.stage(cuts.images, cuts.rows).len().next_multiple_of(LINE)
    }

    pub(super) fn scratch_len(&self, isa: Isa) -> usize {
        let cuts = self.cuts();
        LINE + cuts.chunks
            * (self.sums_len(isa.lanes(), isa.tuning().dot_rows) + self.staged_len(&cuts))
    }

    /// dw = or += the gradient.
    pub(super) fn run(
        &self,
        exec: Exec,
        op: &ConvWeightGradient<'_>,
        dw: &mut [f32],
        acc: Accumulate,
        scratch: &mut [f32],
    ) {
        let shape = [self.outputs, self.depth(), self.images * self.window.grid()];
        let exec = if Cut::of(shape) == Cut::Whole { exec.sequential() } else { exec };
        let isa = exec.isa();
        let cuts = self.cuts();
        let (len, staged_len) =
            (self.sums_len(isa.lanes(), isa.tuning().dot_rows), self.staged_len(&cuts));
        let (sums, rest) = aligned(scratch).split_at_mut(cuts.chunks * len);
        let staged = &mut rest[..cuts.chunks * staged_len];
        let (parts, stages) = (Parts::new(&mut *sums, len), Parts::new(staged, staged_len));
        exec.chunks2(parts, stages, |chunk, sums, staged| {
            isa.run(Sum { dots: self, cuts: &cuts, op, chunk, sums, staged });
        });
        let (rows, sums) = (isa.tuning().dot_rows, &*sums);
        exec.chunks(dw, rows * self.depth(), |group, dw| {
            isa.run(Fold { dots: self, sums, first: group * rows, dw, acc });
        });
    }
}

/// A task: the sums over the blocks of a chunk.
struct Sum<'a> {
    dots: &'a Dots,
    cuts: &'a Cuts,
    op: &'a ConvWeightGradient<'a>,
    chunk: usize,
    sums: &'a mut [f32],
    staged: &'a mut [f32],
}

impl Kernel for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Sum { dots, cuts, op: &ConvWeightGradient { x, dy }, chunk, sums, staged } = self;
        let Window { h, w } = dots.window;
        let (image_stride, area) = (dots.channels * h.size * w.size, h.grid * w.grid);
        let down = h.grid.div_ceil(cuts.rows);
        let all = down * dots.images.div_ceil(cuts.images);
        let first = chunk * cuts.blocks;
        for block in first..all.min(first + cuts.blocks) {
            let (image, row) = (block / down * cuts.images, block % down * cuts.rows);
            let images = cuts.images.min(dots.images - image);
            let rows = cuts.rows.min(h.grid - row);
            let stage = dots.stage(images, rows);
            let planes = Planes { data: &x[image * image_stride..], image_stride };
            Fill { stage, planes, first: row, staged: &mut *staged }.run(s);
            let dy = &dy[image * dots.outputs * area + row * w.grid..];
            let old = block > first;
            Block { dots, stage, staged, dy, images, rows, old }.run(s, sums);
        }
    }
}

/// Some rows of some images.
struct Block<'a> {
    dots: &'a Dots,
    stage: Stage,
    staged: &'a [f32],
    dy: &'a [f32],
    images: usize,
    rows: usize,
    /// Whether the sums hold those of earlier blocks.
    old: bool,
}

impl Block<'_> {
    #[inline(always)]
    fn run<S: Simd>(&self, s: S, sums: &mut [f32]) {
        match const { S::TUNING.dot_rows } {
            8 => self.tiles::<S, 8>(s, sums),
            _ => self.tiles::<S, 3>(s, sums),
        }
    }

    /// Adds every output and tap. The last tile of either counts its last one again: nobody reads
    /// those sums.
    #[inline(always)]
    fn tiles<S: Simd, const R: usize>(&self, s: S, sums: &mut [f32]) {
        let Dots { window, outputs, .. } = *self.dots;
        let (area, depth, run) = (window.grid(), self.dots.depth(), self.stage.run());
        let loops = Loops {
            images: self.images,
            runs: self.rows * window.w.grid / run,
            run,
            dy: outputs * area,
            x: [self.stage.image(), self.stage.pitch()],
        };
        let mut offsets = [0; DEPTH];
        self.stage.depth_offsets(0..depth, &mut offsets[..depth]);
        let most = offsets.iter().fold(0, |most, &offset| most.max(offset));
        assert!(most + loops.reach(loops.x) <= self.staged.len());
        assert!((outputs - 1) * area + loops.reach([loops.dy, run]) <= self.dy.len());
        let mut sums = sums.chunks_exact_mut(R * TAPS * S::LANES);
        for output in (0..outputs).step_by(R) {
            let plane = |r: usize| (output + r).min(outputs - 1) * area;
            let dy = core::array::from_fn(|r| self.dy.as_ptr().wrapping_add(plane(r)));
            for (i, (tap, sums)) in (0..depth).step_by(TAPS).zip(&mut sums).enumerate() {
                let x = core::array::from_fn(|t| {
                    self.staged.as_ptr().wrapping_add(offsets[(tap + t).min(depth - 1)])
                });
                let next = self.dy.as_ptr().wrapping_add(plane(R + i % R));
                let tile = Tile::<R> { loops, dy, x, next, sums, old: self.old };
                // SAFETY: every output's plane and every tap reaches over the positions, checked above.
                unsafe { tile::run(s, tile) };
            }
        }
    }
}

/// Rows of dW from the sums of all chunks.
struct Fold<'a> {
    dots: &'a Dots,
    sums: &'a [f32],
    /// The output of the first row.
    first: usize,
    dw: &'a mut [f32],
    acc: Accumulate,
}

impl Kernel for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Fold { dots, sums, first, dw, acc } = self;
        let r = S::TUNING.dot_rows;
        let len = dots.sums_len(S::LANES, r);
        let tiles = dots.depth().div_ceil(TAPS);
        for (output, row) in (first..).zip(dw.chunks_exact_mut(dots.depth())) {
            for (tap, dw) in row.iter_mut().enumerate() {
                let tile = output / r * tiles + tap / TAPS;
                let at = ((tile * r + output % r) * TAPS + tap % TAPS) * S::LANES;
                let chunks = sums.chunks_exact(len).map(|sums| s.load(&sums[at..]));
                let total = s.sum(chunks.fold(s.zero(), |total, sum| s.add(total, sum)));
                *dw = if acc == Accumulate::Store { total } else { *dw + total };
            }
        }
    }
}
