//! Y[n, rows, outputs] = weights [rows, channels * taps] x patches [channels * taps, outputs], by image.
//!
//! Forward and input gradient are both this. The weights are packed once. A task takes a block of
//! outputs (some rows of one image, or several small images) and some rows of Y; for each panel of
//! channels it stages the planes, packs the patches, and runs the macro-kernel:
//!
//! for c in channels by KC / taps
//!   stage planes c; pack patches [c * taps, outputs]; Y += weights[rows, c * taps] x patches

use super::patches::Outputs;
use super::window::{Fill, Planes, Stage, Window};
use crate::gemm::Bias;
use crate::gemm::blocks::{Blocks, Cut, LINE, aligned};
use crate::gemm::pack::{Block, Lines, Slivers, Source};
use crate::gemm::panel::{Lhs, Panel, Rhs, RunPanel};
use crate::gemm::product::{Pack, pack};
use crate::gemm::tile::Epilogue;
use crate::gemm::view::Dest;
use crate::isa::Isa;
use crate::threads::Exec;
use core::ops::Range;

/// Tasks that run at one time, each with scratch of its own.
pub(super) const SLOTS: usize = 16;

/// Outputs of a block: as many as keep the packed panel (512 * 256 * 4 B = 512 KiB) about in L2.
const OUTPUTS: usize = 512;

/// Images are taken together until they have so many outputs: enough columns that a panel of
/// weights, which comes from L3, is used for several slivers.
const FEW_OUTPUTS: usize = 256;

/// Rows of Y below which a task is not cut: packing its patches costs about 8 / rows of the work.
const FEW_ROWS: usize = 96;

/// Depth of a panel; see `gemm/blocks.rs`.
const KC: usize = 256;

/// One correlation.
#[derive(Clone, Copy)]
pub(super) struct Correlation<'a> {
    pub(super) window: Window,
    pub(super) images: usize,
    pub(super) groups: usize,
    /// Channels of the input and of the output, of one group.
    pub(super) channels: usize,
    pub(super) rows: usize,
    /// [images, groups * channels, H, W].
    pub(super) x: &'a [f32],
    /// With a bias for all groups * rows channels of Y.
    pub(super) epilogue: Epilogue<'a>,
}

/// Where Y goes: element (n, row, gh, gw) lies at
/// n * image + row * plane + gh * steps[0] + gw * steps[1].
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) y: Dest,
    pub(super) image: usize,
    pub(super) plane: usize,
    pub(super) steps: [usize; 2],
}

/// How a correlation is cut, by its shape alone.
struct Cuts {
    blocks: Blocks,
    /// Channels of a panel of depth.
    channels: usize,
    /// Images and rows of the grid of a block of outputs.
    images: usize,
    grid_rows: usize,
    /// Rows of Y of a task.
    rows: usize,
    lanes: usize,
}

/// Cuts `len` into the least number of parts of at most `most`, as equal as can be.
pub(super) fn balanced(len: usize, most: usize) -> usize {
    len.div_ceil(len.div_ceil(most.max(1)).max(1)).max(1)
}

/// Images and rows of the grid of a block with about `outputs` outputs, images taken together if they
/// have fewer than `few`.
pub(super) fn output_block(
    window: &Window,
    images: usize,
    few: usize,
    outputs: usize,
) -> (usize, usize) {
    let (area, height) = (window.grid(), window.h.grid);
    if 2 * area >= few {
        (1, balanced(height, outputs / window.w.grid))
    } else {
        (balanced(images, few.div_ceil(area)), height)
    }
}

impl Correlation<'_> {
    fn depth(&self) -> usize {
        self.channels * self.window.taps()
    }

    fn cuts(&self, isa: Isa, cut: Cut) -> Cuts {
        let taps = self.window.taps();
        let blocks = Blocks::new(isa, [self.rows, OUTPUTS, KC]);
        let (images, grid_rows) = output_block(&self.window, self.images, FEW_OUTPUTS, OUTPUTS);
        let tasks =
            self.images.div_ceil(images) * self.window.h.grid.div_ceil(grid_rows) * self.groups;
        let parts = match cut {
            Cut::Whole => 1,
            Cut::Tasks => SLOTS.div_ceil(tasks.max(1)).min(self.rows.div_ceil(FEW_ROWS)),
        };
        Cuts {
            blocks,
            channels: balanced(self.channels, KC / taps),
            images,
            grid_rows,
            rows: self.rows.div_ceil(parts).next_multiple_of(blocks.mr),
            lanes: isa.lanes(),
        }
    }

    /// Elements of the packed weights of all groups.
    fn weights_len(&self) -> usize {
        (self.groups * self.rows * self.depth()).next_multiple_of(LINE)
    }

    pub(super) fn scratch_len(&self, isa: Isa) -> usize {
        let slot = |cut| self.cuts(isa, cut).slot_len(self);
        LINE + self.weights_len() + SLOTS * slot(Cut::Tasks).max(slot(Cut::Whole))
    }

    /// Computes Y; `weights(group)` packs itself as rows [rows, channels * taps].
    ///
    /// # Safety
    /// `target` must be writable (readable, if beta is not 0) at every output, by this call alone.
    pub(super) unsafe fn run<A: Source>(
        &self,
        exec: Exec,
        weights: impl Fn(usize) -> A + Sync,
        target: Target,
        scratch: &mut [f32],
    ) {
        let shape = [self.groups * self.rows, self.images * self.window.grid(), self.depth()];
        let cut = if exec.is_parallel() { Cut::of(shape) } else { Cut::Whole };
        let exec = if cut == Cut::Whole { exec.sequential() } else { exec };
        let cuts = self.cuts(exec.isa(), cut);
        let scratch = aligned(scratch);
        let (packed, slots) = scratch.split_at_mut(self.weights_len());
        self.pack_weights(exec, &cuts, weights, packed);
        let packed = &*packed;
        let blocks = [
            self.rows.div_ceil(cuts.rows),
            self.window.h.grid.div_ceil(cuts.grid_rows),
            self.images.div_ceil(cuts.images),
            self.groups,
        ];
        let tasks: usize = blocks.iter().product();
        let slots_used = if exec.is_parallel() { SLOTS.min(tasks) } else { 1 };
        let len = cuts.slot_len(self);
        exec.chunks(&mut slots[..slots_used * len], len, |slot, scratch| {
            for task in (slot..tasks).step_by(slots_used) {
                let [rows, grid, images, group] = split(task, blocks);
                let part = |i: usize, by: usize, len: usize| i * by..len.min((i + 1) * by);
                let at = Part {
                    cuts: &cuts,
                    group,
                    rows: part(rows, cuts.rows, self.rows),
                    grid: part(grid, cuts.grid_rows, self.window.h.grid),
                    images: part(images, cuts.images, self.images),
                };
                // SAFETY: tasks have disjoint parts of the outputs that the caller vouches for.
                unsafe { self.part(exec.isa(), &at, packed, target, scratch) };
            }
        });
    }

    /// Panel after panel of each group, in the order of depth.
    fn pack_weights<A: Source>(
        &self,
        exec: Exec,
        cuts: &Cuts,
        weights: impl Fn(usize) -> A + Sync,
        packed: &mut [f32],
    ) {
        let (one, taps) = (self.rows * self.depth(), self.window.taps());
        let slivers = Slivers { width: cuts.blocks.mr, pad: 1 };
        let packed = &mut packed[..self.groups * one];
        // Small groups are packed by one task each; a large one by many.
        exec.chunks(packed, one, |group, mut packed| {
            let source = weights(group);
            for c in (0..self.channels).step_by(cuts.channels) {
                let end = self.channels.min(c + cuts.channels);
                let (panel, rest) = packed.split_at_mut(self.rows * (end - c) * taps);
                let block = Block { lines: 0..self.rows, depth: c * taps..end * taps };
                pack(exec, &source, block, slivers, panel);
                packed = rest;
            }
        });
    }

    /// One task.
    ///
    /// # Safety
    /// As `run`, for this part.
    unsafe fn part(
        &self,
        isa: Isa,
        at: &Part<'_>,
        packed: &[f32],
        target: Target,
        scratch: &mut [f32],
    ) {
        let cuts = at.cuts;
        let taps = self.window.taps();
        let stage = |channels| self.window.stage(channels, at.images.len(), at.grid.len());
        let cols = stage(1).outputs();
        let (b, rest) = scratch.split_at_mut(cuts.b_len(self));
        let (staged, dense) = rest.split_at_mut(cuts.stage_len(self));
        let direct = at.images.len() == 1 && target.steps == [self.window.w.grid, 1];
        let first_row = at.group * self.rows + at.rows.start;
        let c = if direct {
            let offset = at.images.start * target.image
                + first_row * target.plane
                + at.grid.start * target.steps[0];
            // SAFETY: the offset of the part's first output.
            Dest { ptr: unsafe { target.y.ptr.add(offset) }, stride: [target.plane, 1] }
        } else {
            Dest { ptr: dense.as_mut_ptr(), stride: [cols, 1] }
        };
        let epilogue = self.epilogue_of(first_row..first_row + at.rows.len(), direct);
        let weights = at.group * self.rows * self.depth();
        for channel in (0..self.channels).step_by(cuts.channels) {
            let end = self.channels.min(channel + cuts.channels);
            let depth = (end - channel) * taps;
            self.pack_patches(isa, at, channel..end, staged, b);
            let panel = Panel {
                lhs: Lhs {
                    ptr: packed[weights + self.rows * channel * taps + at.rows.start * depth..]
                        .as_ptr(),
                    width: cuts.blocks.mr,
                    in_place: None,
                },
                rhs: Rhs::packed(b, &cuts.blocks, cols, depth),
                c,
                rows: (0, at.rows.len()),
                cols: (0, cols),
                depth,
                epilogue: epilogue.for_panel(channel == 0, end == self.channels),
            };
            for i in (0..at.rows.len()).step_by(cuts.blocks.mc) {
                let rows = i..at.rows.len().min(i + cuts.blocks.mc);
                // SAFETY: both operands are packed; C is the caller's promise, or has a row of
                // `cols` elements for each row of the part.
                isa.run(unsafe { RunPanel::new(panel.part(rows, 0..cols)) });
            }
        }
        if !direct {
            // SAFETY: passed on from the caller.
            unsafe { self.scatter(at, &dense[..at.rows.len() * cols], target) };
        }
    }

    /// The epilogue for some rows. What goes through a dense block meets the old C when it is copied.
    fn epilogue_of(&self, rows: Range<usize>, direct: bool) -> Epilogue<'_> {
        let bias = match self.epilogue.bias {
            Bias::Rows(bias) => Bias::Rows(&bias[rows]),
            other => other,
        };
        let beta = if direct { self.epilogue.beta } else { 0.0 };
        Epilogue { bias, beta, ..self.epilogue }
    }

    /// Packs the patches of some channels.
    fn pack_patches(
        &self,
        isa: Isa,
        at: &Part<'_>,
        channels: Range<usize>,
        staged: &mut [f32],
        b: &mut [f32],
    ) {
        let Window { h, w } = self.window;
        let area = h.size * w.size;
        let image_stride = self.groups * self.channels * area;
        let first =
            at.images.start * image_stride + (at.group * self.channels + channels.start) * area;
        let data = &self.x[first..];
        let slivers = Slivers { width: at.cuts.blocks.nr, pad: at.cuts.lanes };
        let plain = self.window.taps() == 1
            && at.images.len() == 1
            && [(h, 0), (w, 0)]
                .iter()
                .all(|(a, s)| a.step == 1 && a.start == *s && a.grid == a.size);
        if plain {
            // The patches are the planes themselves.
            let source =
                Lines { data: &data[at.grid.start * w.size..], line_stride: 1, depth_stride: area };
            let block = Block { lines: 0..at.grid.len() * w.grid, depth: 0..channels.len() };
            isa.run(Pack { source: &source, block, slivers, dst: b });
        } else {
            let stage = self.window.stage(channels.len(), at.images.len(), at.grid.len());
            let planes = Planes { data, image_stride };
            let first = at.grid.start;
            isa.run(Fill { stage, planes, first, staged: &mut *staged });
            let source = Outputs { stage, staged };
            let block = Block { lines: 0..stage.outputs(), depth: 0..stage.depth() };
            isa.run(Pack { source: &source, block, slivers, dst: b });
        }
    }

    /// Copies a dense block [rows, images * grid] to its places in Y, or adds it.
    ///
    /// # Safety
    /// As `run`, for this part.
    unsafe fn scatter(&self, at: &Part<'_>, dense: &[f32], target: Target) {
        let width = self.window.w.grid;
        let lines = dense.chunks_exact(width);
        let places = at.rows.clone().flat_map(|row| {
            at.images.clone().flat_map(move |n| at.grid.clone().map(move |gh| (row, n, gh)))
        });
        for (line, (row, n, gh)) in lines.zip(places) {
            let row = at.group * self.rows + row;
            let offset = n * target.image + row * target.plane + gh * target.steps[0];
            for (gw, &x) in line.iter().enumerate() {
                // SAFETY: the place of an output of this part.
                unsafe {
                    let y = target.y.ptr.add(offset + gw * target.steps[1]);
                    *y = if self.epilogue.beta == 0.0 { x } else { *y + x };
                }
            }
        }
    }
}

/// A task's part of the work.
struct Part<'a> {
    cuts: &'a Cuts,
    group: usize,
    rows: Range<usize>,
    grid: Range<usize>,
    images: Range<usize>,
}

/// The digits of `i`, the first running fastest.
pub(super) fn split<const N: usize>(mut i: usize, sizes: [usize; N]) -> [usize; N] {
    sizes.map(|size| {
        let digit = i % size;
        i /= size;
        digit
    })
}

impl Cuts {
    fn stage(&self, c: &Correlation<'_>) -> Stage {
        c.window.stage(self.channels, self.images, self.grid_rows)
    }

    fn stage_len(&self, c: &Correlation<'_>) -> usize {
        self.stage(c).len().next_multiple_of(LINE)
    }

    fn b_len(&self, c: &Correlation<'_>) -> usize {
        let stage = self.stage(c);
        stage.outputs().next_multiple_of(LINE) * stage.depth()
    }

    /// Packed patches, staged planes and a dense block of Y.
    fn slot_len(&self, c: &Correlation<'_>) -> usize {
        let dense = self.rows.min(c.rows) * self.stage(c).outputs();
        self.b_len(c) + self.stage_len(c) + dense.next_multiple_of(LINE)
    }
}
