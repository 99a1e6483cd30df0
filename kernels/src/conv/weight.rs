//! dW[oc, channels * taps] = dY [oc, positions] x patches^T [positions, channels * taps], the depth
//! being all positions of all images.
//!
//! Depth is cut into panels (some rows of one image, or several small images) and the panels into
//! a fixed number of chunks. Each chunk sums into a dW of its own; the chunks are added in order.

use super::correlate::{SLOTS, balanced, output_block, split};
use super::patches::{Gradient, Taps};
use super::window::{Fill, Planes, Stage, Window};
use crate::activation::Activation;
use crate::gemm::Bias;
use crate::gemm::blocks::{Blocks, Cut, LINE, aligned};
use crate::gemm::pack::{Block, Slivers};
use crate::gemm::panel::{Lhs, Panel, Rhs, RunPanel};
use crate::gemm::product::Pack;
use crate::gemm::tile::Epilogue;
use crate::gemm::view::Dest;
use crate::isa::Isa;
use crate::simd::{Kernel, Simd};
use crate::threads::Exec;
use core::ops::Range;

/// Depth of a panel; see `gemm/blocks.rs`.
const KC: usize = 256;

/// Columns of dW that a task takes: packing dY for it costs about 8 / 512 of its work.
const COLUMNS: usize = 512;

/// Elements that the chunks may take together, 4 MiB; a large dW has tasks enough without chunks.
const CHUNKED: usize = 1 << 20;

/// Elements that a task adds.
const FOLD: usize = 1 << 14;

/// One weight gradient.
#[derive(Clone, Copy)]
pub(super) struct WeightGradient<'a> {
    pub(super) window: Window,
    pub(super) images: usize,
    pub(super) groups: usize,
    /// Channels of the input and of the output, of one group.
    pub(super) channels: usize,
    pub(super) rows: usize,
    /// [images, groups * channels, H, W].
    pub(super) x: &'a [f32],
    /// [images, groups * rows, OH, OW].
    pub(super) dy: &'a [f32],
    /// 0 to store dW, 1 to add to it.
    pub(super) beta: f32,
}

/// How the work is cut, by its shape alone.
struct Cuts {
    blocks: Blocks,
    /// Images and rows of the grid of a panel.
    images: usize,
    grid_rows: usize,
    /// Panels of a chunk, and how many chunks.
    panels: usize,
    chunks: usize,
    /// Channels and rows of a task.
    channels: usize,
    rows: usize,
    lanes: usize,
}

impl WeightGradient<'_> {
    fn columns(&self) -> usize {
        self.channels * self.window.taps()
    }

    /// Elements of dW.
    fn len(&self) -> usize {
        self.groups * self.rows * self.columns()
    }

    fn cuts(&self, isa: Isa) -> Cuts {
        let blocks = Blocks::new(isa, [self.rows, COLUMNS, KC]);
        let (images, grid_rows) = output_block(&self.window, self.images, KC, KC);
        let panels = self.images.div_ceil(images) * self.window.h.grid.div_ceil(grid_rows);
        let chunks = (CHUNKED / self.len()).clamp(1, SLOTS);
        let per_chunk = panels.div_ceil(chunks).max(1);
        Cuts {
            blocks,
            images,
            grid_rows,
            panels: per_chunk,
            chunks: panels.div_ceil(per_chunk).max(1),
            channels: balanced(self.channels, COLUMNS / self.window.taps()),
            rows: blocks.mc,
            lanes: isa.lanes(),
        }
    }

    pub(super) fn scratch_len(&self, isa: Isa) -> usize {
        let cuts = self.cuts(isa);
        LINE + cuts.partial_len(self) + SLOTS * cuts.slot_len(self)
    }

    /// Computes dW, or adds to it.
    pub(super) fn run(&self, exec: Exec, dw: &mut [f32], scratch: &mut [f32]) {
        let shape = [self.groups * self.rows, self.columns(), self.images * self.window.grid()];
        let exec = if Cut::of(shape) == Cut::Whole { exec.sequential() } else { exec };
        let cuts = self.cuts(exec.isa());
        let (partial, slots) = aligned(scratch).split_at_mut(cuts.partial_len(self));
        let chunked = cuts.chunks > 1;
        let out = if chunked { partial.as_mut_ptr() } else { dw.as_mut_ptr() };
        let c = Dest { ptr: out, stride: [self.columns(), 1] };
        let blocks = [
            self.rows.div_ceil(cuts.rows),
            self.channels.div_ceil(cuts.channels),
            cuts.chunks,
            self.groups,
        ];
        let tasks: usize = blocks.iter().product();
        let slots_used = if exec.is_parallel() { SLOTS.min(tasks) } else { 1 };
        let len = cuts.slot_len(self);
        exec.chunks(&mut slots[..slots_used * len], len, |slot, scratch| {
            for task in (slot..tasks).step_by(slots_used) {
                let [rows, channels, chunk, group] = split(task, blocks);
                let part = |i: usize, by: usize, len: usize| i * by..len.min((i + 1) * by);
                let at = Part {
                    cuts: &cuts,
                    group,
                    rows: part(rows, cuts.rows, self.rows),
                    channels: part(channels, cuts.channels, self.channels),
                    panels: part(chunk, cuts.panels, cuts.total_panels(self)),
                };
                let offset = chunk * self.len() + group * self.rows * self.columns();
                // SAFETY: the start of a chunk's part for this group, inside `partial` or dW.
                let c = Dest { ptr: unsafe { { c }.ptr.add(offset) }, ..c };
                let beta = if chunked { 0.0 } else { self.beta };
                // SAFETY: each task has its own block of its own chunk.
                unsafe { self.part(exec.isa(), &at, c, beta, scratch) };
            }
        });
        if chunked {
            let partial = &*partial;
            exec.chunks(dw, FOLD, |i, dw| {
                let parts = Fold { partial, stride: self.len(), first: i * FOLD, beta: self.beta };
                exec.isa().run(FoldInto { parts, chunks: cuts.chunks, dw });
            });
        }
    }

    /// One task: its panels one after the other.
    ///
    /// # Safety
    /// C must be writable (readable, if beta is not 0) at the rows and columns of `at`, by this
    /// task alone.
    unsafe fn part(&self, isa: Isa, at: &Part<'_>, c: Dest, beta: f32, scratch: &mut [f32]) {
        let cuts = at.cuts;
        let taps = self.window.taps();
        let (b, rest) = scratch.split_at_mut(cuts.b_len(self));
        let (a, staged) = rest.split_at_mut(cuts.a_len(self));
        let cols = at.channels.len() * taps;
        let down = self.window.h.grid.div_ceil(cuts.grid_rows);
        for panel in at.panels.clone() {
            let (image, row) = (panel / down * cuts.images, panel % down * cuts.grid_rows);
            let images = image..self.images.min(image + cuts.images);
            let grid = row..self.window.h.grid.min(row + cuts.grid_rows);
            let depth = images.len() * grid.len() * self.window.w.grid;
            self.pack_panel(isa, at, images, grid, [&mut *a, &mut *b, &mut *staged]);
            let first = panel == at.panels.start;
            let epilogue = Epilogue {
                alpha: 1.0,
                beta: if first { beta } else { 1.0 },
                bias: Bias::None,
                activation: Activation::None,
            };
            let panel = Panel {
                lhs: Lhs { ptr: a.as_ptr(), width: cuts.blocks.mr, in_place: None },
                rhs: Rhs::packed(b, &cuts.blocks, cols, depth),
                c,
                rows: (at.rows.start, at.rows.len()),
                cols: (at.channels.start * taps, cols),
                depth,
                epilogue,
            };
            // SAFETY: both operands are packed; C is the caller's promise.
            isa.run(unsafe { RunPanel::new(panel) });
        }
    }

    /// Packs dY as rows and the patches as columns.
    fn pack_panel(
        &self,
        isa: Isa,
        at: &Part<'_>,
        images: Range<usize>,
        grid: Range<usize>,
        [a, b, staged]: [&mut [f32]; 3],
    ) {
        let cuts = at.cuts;
        let Window { h, w } = self.window;
        let stage = self.window.stage(at.channels.len(), images.len(), grid.len());
        let area = h.size * w.size;
        let image_stride = self.groups * self.channels * area;
        let first =
            images.start * image_stride + (at.group * self.channels + at.channels.start) * area;
        let planes = Planes { data: &self.x[first..], image_stride };
        isa.run(Fill { stage, planes, first: grid.start, staged: &mut *staged });
        let depth = 0..stage.outputs();
        let block = Block { lines: 0..stage.depth(), depth: depth.clone() };
        let slivers = Slivers { width: cuts.blocks.nr, pad: cuts.lanes };
        isa.run(Pack { source: &Taps { stage, staged }, block, slivers, dst: b });
        let area = self.window.grid();
        let image_stride = self.groups * self.rows * area;
        let first = images.start * image_stride
            + (at.group * self.rows + at.rows.start) * area
            + grid.start * w.grid;
        let positions = grid.len() * w.grid;
        let source = Gradient { data: &self.dy[first..], image_stride, area, positions };
        let block = Block { lines: 0..at.rows.len(), depth };
        let slivers = Slivers { width: cuts.blocks.mr, pad: 1 };
        isa.run(Pack { source: &source, block, slivers, dst: a });
    }
}

/// A task's part of the work.
struct Part<'a> {
    cuts: &'a Cuts,
    group: usize,
    rows: Range<usize>,
    channels: Range<usize>,
    panels: Range<usize>,
}

impl Cuts {
    fn total_panels(&self, g: &WeightGradient<'_>) -> usize {
        g.images.div_ceil(self.images) * g.window.h.grid.div_ceil(self.grid_rows)
    }

    fn stage(&self, g: &WeightGradient<'_>) -> Stage {
        g.window.stage(self.channels, self.images, self.grid_rows)
    }

    fn partial_len(&self, g: &WeightGradient<'_>) -> usize {
        if self.chunks > 1 { (self.chunks * g.len()).next_multiple_of(LINE) } else { 0 }
    }

    fn a_len(&self, g: &WeightGradient<'_>) -> usize {
        (self.rows.min(g.rows) * self.stage(g).outputs()).next_multiple_of(LINE)
    }

    fn b_len(&self, g: &WeightGradient<'_>) -> usize {
        let stage = self.stage(g);
        stage.depth().next_multiple_of(LINE) * stage.outputs()
    }

    fn slot_len(&self, g: &WeightGradient<'_>) -> usize {
        self.a_len(g) + self.b_len(g) + self.stage(g).len().next_multiple_of(LINE)
    }
}

/// Chunks of dW, `stride` apart, from the element `first` on.
struct Fold<'a> {
    partial: &'a [f32],
    stride: usize,
    first: usize,
    beta: f32,
}

/// dw = beta dw + chunk 0 + chunk 1 + ...
struct FoldInto<'a> {
    parts: Fold<'a>,
    chunks: usize,
    dw: &'a mut [f32],
}

impl Kernel for FoldInto<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Fold { partial, stride, first, beta } = self.parts;
        for chunk in 0..self.chunks {
            let part = &partial[chunk * stride + first..][..self.dw.len()];
            if chunk == 0 && beta == 0.0 {
                self.dw.copy_from_slice(part);
            } else {
                self.dw.iter_mut().zip(part).for_each(|(y, x)| *y += x);
            }
        }
    }
}
