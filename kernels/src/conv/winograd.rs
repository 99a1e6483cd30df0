//! Winograd's algorithm F(M x M, R x R) for stride 1: fewer multiplications than taps.
//!
//! ```text
//! Y = C^T [ sum over c of (G w G^T) * (B^T d B) ] C        d: a window of 6 x 6, Y: M x M, R = 7 - M
//! ```
//!
//! A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. The sum over
//! channels of 36 values, each tile by tile, is 36 matrix products [tiles, C] x [C, OC]: for 3 x 3 taps
//! 36 multiplications make 16 outputs, a quarter of 9 * 16; for 5 x 5 they make 4, of 100. The lanes of
//! the transforms are channels. The input gradient is the same with the filters turned around, the
//! weight gradient a transpose; so is another form of the input gradient, for which few padded outputs
//! are computed in vain:
//!
//! ```text
//! dw = G^T [ sum over tiles of (B^T d B) * (C dY C^T) ] G
//! dX = sum over tiles of B [ sum over outputs of (G w G^T) * (C dY C^T) ] B^T
//! ```
//!
//! A task takes some rows of tiles of some images; its values stay about in L2.

mod axis;
mod filter;
mod planes;
mod weight;

use super::correlate::{SLOTS, balanced, split};
use crate::activation::Activation;
use crate::gemm::Bias;
use crate::gemm::blocks::{LINE, aligned};
use crate::gemm::panel::{Lhs, Panel, Rhs, RunPanel, Strided};
use crate::gemm::tile::Epilogue;
use crate::gemm::view::Dest;
use crate::isa::Isa;
use crate::threads::Exec;
use crate::tuning::VECTORS;
use axis::{Collect, Evaluate, Input, InputGradient, POINTS};
use core::marker::PhantomData;
pub(super) use filter::Filters;
use filter::{FilterValues, Packed};
use planes::{FromValues, Source, Tiles, ToValues, Values, staged_len};
pub(super) use planes::{Outputs, Spoilt};

/// Values of a task, in elements: 768 KiB for those of the inputs and of the outputs together.
const BLOCK: usize = 192 << 10;

/// At most so many tiles: beyond, the products gain nothing and L1 loses.
const MOST_TILES: usize = 128;

/// At least so many: the filters' values, which come from L3, are used for several slivers.
const FEW_TILES: usize = 32;

/// Channels, of inputs and of outputs, below which the transforms cost more than they save.
const CHANNELS: usize = 12;

/// Rows of a product's tile, which reads the values in place: each wants an address register.
const ROWS: usize = 8;

/// A correlation of stride 1 that this algorithm serves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Winograd {
    pub(super) images: usize,
    /// Channels of the inputs and of the outputs.
    pub(super) channels: [usize; 2],
    /// H, W and OH, OW.
    pub(super) size: [[usize; 2]; 2],
    pub(super) pad: [usize; 2],
    /// R: 3 or 5.
    pub(super) taps: usize,
    /// The transpose: inputs are gradients of outputs, whose windows of results overlap. The padding
    /// is still that of the forward pass.
    pub(super) transposed: bool,
}

/// How it is cut, by the shape and the lanes alone.
struct Cuts {
    /// Rows and columns of tiles of a plane.
    tiles: [usize; 2],
    /// Images and rows of tiles of a task.
    images: usize,
    rows: usize,
    lanes: usize,
}

impl Winograd {
    /// M.
    fn outputs(&self) -> usize {
        POINTS + 1 - self.taps
    }

    /// Whether it is faster than the product with patches: the transforms want channels to share them,
    /// most outputs of a tile must exist, and the filters' values must serve many tiles.
    pub(super) fn pays(&self) -> bool {
        let m = self.outputs();
        let outputs: usize = self.size[1].iter().product();
        let tiles: usize = self.size[1].iter().map(|n| n.div_ceil(m)).product();
        let full = 5 * outputs >= 3 * tiles * m * m;
        self.channels.iter().all(|&c| c >= CHANNELS) && full && self.images * tiles >= FEW_TILES
    }

    /// The transpose, if a task can hold the tiles of a plane and it saves work: windows without their
    /// border are M x M for each tile, where the filters turned around make M x M for all H x W.
    pub(super) fn transpose(self) -> Option<Winograd> {
        let ([c, oc], [x, y], m) = (self.channels, self.size, self.outputs());
        let tiles = |size: [usize; 2]| size.iter().map(|n| n.div_ceil(m)).product::<usize>();
        let wins = tiles(y) <= MOST_TILES && 4 * tiles(y) < 3 * tiles(x);
        let transposed = Winograd { channels: [oc, c], size: [y, x], transposed: true, ..self };
        wins.then_some(transposed)
    }

    fn cuts(&self, isa: Isa) -> Cuts {
        let lanes = isa.lanes();
        let tiled = if self.transposed { self.size[0] } else { self.size[1] };
        let tiles = tiled.map(|n| n.div_ceil(self.outputs()));
        let channels: usize = self.channels.map(|c| c.next_multiple_of(lanes)).iter().sum();
        let most = (BLOCK / (POINTS * POINTS * channels)).clamp(FEW_TILES, MOST_TILES);
        let plane = tiles[0] * tiles[1];
        let (images, rows) = if 2 * plane <= most || self.transposed {
            (balanced(self.images, most / plane), tiles[0])
        } else {
            (1, balanced(tiles[0], most / tiles[1]))
        };
        Cuts { tiles, images, rows, lanes }
    }

    fn packed(&self, lanes: usize) -> Packed {
        Packed::new(self.channels, VECTORS * lanes, lanes)
    }

    /// Scratch of [`run`](Self::run).
    pub(super) fn scratch_len(&self, isa: Isa) -> usize {
        let cuts = self.cuts(isa);
        LINE + self.packed(cuts.lanes).len() + LINE + SLOTS * cuts.slot_len(self)
    }

    /// Y = act(x * w + bias), or Y += x * w. Returns which images came out wrong: not finite where
    /// perhaps only other outputs of a tile should be. (The transpose does not tell.)
    ///
    /// # Safety
    /// `outputs` must be writable (readable, to add to it) everywhere, by this call alone.
    pub(super) unsafe fn run(
        &self,
        exec: Exec,
        x: &[f32],
        filters: Filters<'_>,
        outputs: Outputs<'_>,
        scratch: &mut [f32],
    ) -> Spoilt {
        let spoilt = Spoilt::default();
        let cuts = self.cuts(exec.isa());
        let packed = self.packed(cuts.lanes);
        let (weights, slots) = aligned(scratch).split_at_mut(packed.len().next_multiple_of(LINE));
        self.pack(exec, filters, packed, weights);
        let operands = Operands { x, weights, outputs, spoilt: &spoilt };
        let blocks = cuts.blocks(self);
        let tasks: usize = blocks.iter().product();
        let slots_used = if exec.is_parallel() { SLOTS.min(tasks) } else { 1 };
        let len = cuts.slot_len(self);
        exec.chunks(&mut slots[..slots_used * len], len, |slot, scratch| {
            for task in (slot..tasks).step_by(slots_used) {
                let tiles = cuts.tiles(self, split(task, blocks));
                // SAFETY: each task has its own tiles of the outputs that the caller vouches for.
                unsafe {
                    match self.taps {
                        3 => self.part::<4>(exec.isa(), &cuts, &operands, &tiles, scratch),
                        _ => self.part::<2>(exec.isa(), &cuts, &operands, &tiles, scratch),
                    }
                }
            }
        });
        spoilt
    }

    /// The filters' values, some inputs a task.
    fn pack(&self, exec: Exec, filters: Filters<'_>, packed: Packed, dst: &mut [f32]) {
        const INPUTS: usize = 4;
        assert!(dst.len() >= packed.len());
        let dst = Dest { ptr: dst.as_mut_ptr(), stride: [0, 0] };
        exec.each(self.channels[0].div_ceil(INPUTS), |task| {
            let first = task * INPUTS;
            let inputs = (first, INPUTS.min(self.channels[0] - first));
            // SAFETY: the destination is long enough, and each task has its own inputs.
            unsafe {
                match self.taps {
                    3 => exec.isa().run(FilterValues::<3>::new(filters, inputs, packed, dst)),
                    _ => exec.isa().run(FilterValues::<5>::new(filters, inputs, packed, dst)),
                }
            }
        });
    }

    /// One task.
    ///
    /// # Safety
    /// As `run`, for the outputs of these tiles.
    unsafe fn part<const M: usize>(
        &self,
        isa: Isa,
        cuts: &Cuts,
        operands: &Operands<'_>,
        tiles: &Tiles,
        scratch: &mut [f32],
    ) {
        let Operands { x, weights, outputs, spoilt } = *operands;
        let [from, to] = cuts.values(self);
        let (v, rest) = scratch.split_at_mut(from.len());
        let (m, staged) = rest.split_at_mut(to.len());
        let [channels, _] = self.channels;
        let source = Source { data: x, channels, size: self.size[0], pad: self.pad };
        let values = (&mut *v, from);
        if self.transposed {
            let source = Source { pad: [0, 0], ..source };
            let transform = PhantomData::<Evaluate>;
            isa.run(ToValues::<_, M, M> { source, tiles, staged: &mut *staged, values, transform });
        } else {
            let transform = PhantomData::<Input>;
            isa.run(ToValues::<_, M, 6> { source, tiles, staged: &mut *staged, values, transform });
        }
        let packed = self.packed(cuts.lanes);
        let sliver = rows(tiles.len(), isa.tuning().rows);
        let tail = to.channels / packed.width * packed.width * channels;
        for f in 0..POINTS * POINTS {
            let weights = &weights[f * packed.step..][..packed.step];
            let panel = Panel {
                lhs: Lhs {
                    ptr: v[f * from.step..].as_ptr(),
                    width: sliver,
                    in_place: Some(Strided { row: from.channels, depth: 1 }),
                },
                rhs: Rhs {
                    ptr: weights.as_ptr(),
                    width: packed.width,
                    sliver_step: packed.width * channels,
                    depth_step: packed.width,
                    tail: weights[tail..].as_ptr(),
                    copy: core::ptr::null_mut(),
                },
                c: Dest { ptr: m[f * to.step..].as_mut_ptr(), stride: [to.channels, 1] },
                rows: (0, tiles.len()),
                cols: (0, to.channels),
                depth: channels,
                epilogue: plain(0.0),
            };
            // SAFETY: the values of these tiles and of the filters were computed above; `m` has room
            // for the values of the outputs.
            isa.run(unsafe { RunPanel::new(panel) });
        }
        // SAFETY: passed on from the caller.
        unsafe {
            if self.transposed {
                let pad = self.pad;
                isa.run(FromValues::<InputGradient, M, 6>::new(
                    outputs,
                    pad,
                    tiles,
                    staged,
                    (m, to),
                    spoilt,
                ));
            } else {
                isa.run(FromValues::<Collect, M, M>::new(
                    outputs,
                    [0, 0],
                    tiles,
                    staged,
                    (m, to),
                    spoilt,
                ));
            }
        }
    }
}

/// What all tasks of a pass share.
#[derive(Clone, Copy)]
struct Operands<'a> {
    /// `[N, C, H, W]`.
    x: &'a [f32],
    /// The filters' values, packed.
    weights: &'a [f32],
    outputs: Outputs<'a>,
    spoilt: &'a Spoilt,
}

/// Rows of a sliver that is read in place, as equal as can be.
fn rows(len: usize, rows: usize) -> usize {
    balanced(len, ROWS.min(rows))
}

fn plain(beta: f32) -> Epilogue<'static> {
    Epilogue { alpha: 1.0, beta, bias: Bias::None, activation: Activation::None }
}

impl Cuts {
    /// How many blocks of rows of tiles, and of images.
    fn blocks(&self, w: &Winograd) -> [usize; 2] {
        [self.tiles[0].div_ceil(self.rows), w.images.div_ceil(self.images)]
    }

    fn tiles(&self, w: &Winograd, [row, image]: [usize; 2]) -> Tiles {
        let (row, image) = (row * self.rows, image * self.images);
        Tiles {
            images: image..w.images.min(image + self.images),
            rows: row..self.tiles[0].min(row + self.rows),
            across: self.tiles[1],
        }
    }

    /// The values of inputs and of outputs of a task.
    fn values(&self, w: &Winograd) -> [Values; 2] {
        let tiles = self.images * self.rows * self.tiles[1];
        w.channels.map(|channels| Values::new(tiles, channels, self.lanes))
    }

    fn slot_len(&self, w: &Winograd) -> usize {
        let [from, to] = self.values(w);
        let staged = staged_len(self.rows, self.tiles[1], self.lanes);
        (from.len() + to.len() + staged).next_multiple_of(LINE)
    }
}
