//! Without patches: planes with channels last, read in place by the products.
//!
//! ```text
//! x'[h, w, c]: the taps of a kernel's row, (kw, c), are one run of KW * C elements at any stride
//! y'[i, j, o] = bias[o] + sum over kh, (kw, c) of x'[i stride + kh, j stride + kw, c] * w'[kh, kw, c, o]
//! dw'[kh, kw, c, o] = sum over i, j of x'[i stride + kh, j stride + kw, c] * dy'[i, j, o]
//! ```
//!
//! Planes are turned by squares in registers, once for each element; a patch matrix would copy each
//! KH * KW / stride^2 times. The input gradient is a correlation with dY for each residue of the
//! input's coordinates mod stride; all residues of a block meet before they are turned back.

mod filters;
mod phases;
mod product;
mod stage;
mod tile;
mod weight;

use super::Conv2d;
use super::correlate::{SLOTS, balanced, split};
use super::lanes::{Rows as Turned, from_lanes};
use super::winograd::{Filters, Outputs};
use crate::activation::Activation;
use crate::gemm::blocks::{LINE, aligned};
use crate::isa::Isa;
use crate::simd::{Kernel, Simd};
use crate::threads::Exec;
use core::ops::Range;
use phases::Phases;
use product::Product;
use stage::{Layout, Part, Planes, Stage};
use tile::First;

/// Depth of a product: its filters, 2 vectors wide, take 128 KiB of L2 with 16 lanes, 64 with 8.
const DEPTH: usize = 1024;

/// Elements of a block, staged inputs and outputs together: 256 KiB, beside the filters in L2.
const BLOCK: usize = 64 << 10;

/// A layer that is computed so, forwards or for the gradient of its input.
#[derive(Clone, Copy)]
pub(super) struct Direct {
    shape: Conv2d,
    /// Outputs of the layer are inputs here.
    backward: bool,
    phases: Phases,
}

/// How it is cut, by the shape and the lanes alone.
struct Cuts {
    lanes: usize,
    /// Channels of the inputs that are staged at one time.
    channels: usize,
    /// Images and rows of the grid of a block.
    images: usize,
    rows: usize,
}

impl Direct {
    /// The layer, or the gradient of its input, if this serves the shape.
    pub(super) fn new(shape: &Conv2d, backward: bool) -> Option<Direct> {
        let Conv2d { kh, kw, groups, dilation, .. } = *shape;
        let suits = groups == 1 && dilation == [1, 1] && kh * kw <= filters::MOST_TAPS;
        let phases = if suits { Phases::new(shape, backward)? } else { return None };
        Some(Direct { shape: *shape, backward, phases })
    }

    /// Rows of the grid, of all residues.
    fn grid(&self) -> usize {
        self.sizes()[1][0].div_ceil(self.phases.spread[0])
    }

    /// Channels of the inputs and of the outputs.
    fn channels(&self) -> [usize; 2] {
        let Conv2d { c, oc, .. } = self.shape;
        if self.backward { [oc, c] } else { [c, oc] }
    }

    /// Heights and widths of the inputs and of the outputs.
    fn sizes(&self) -> [[usize; 2]; 2] {
        let (x, y) = ([self.shape.h, self.shape.w], [self.shape.oh(), self.shape.ow()]);
        if self.backward { [y, x] } else { [x, y] }
    }

    fn cuts(&self, isa: Isa) -> Cuts {
        let lanes = isa.lanes();
        let [inputs, outputs] = self.channels();
        let channels = balanced(inputs, DEPTH / (self.shape.kh * self.shape.kw));
        let cuts = |images, rows| Cuts { lanes, channels, images, rows };
        let [from, to] = self.layouts(&cuts(1, self.grid()), outputs);
        let image = from.image() + to.image();
        if image <= BLOCK {
            let most = (BLOCK / image).min(self.shape.n.div_ceil(SLOTS));
            cuts(balanced(self.shape.n, most), self.grid())
        } else {
            cuts(1, balanced(self.grid(), self.grid() * BLOCK / image))
        }
    }

    /// How a block's inputs and outputs lie.
    fn layouts(&self, cuts: &Cuts, outputs: usize) -> [Layout; 2] {
        let [down, across] = self.phases.reach;
        let (images, pitch) = (cuts.images, outputs.next_multiple_of(cuts.lanes));
        let from = Layout {
            images,
            rows: down.rows(cuts.rows),
            cols: across.columns(),
            pitch: cuts.channels,
        };
        let to = Layout {
            images,
            rows: cuts.rows * self.phases.spread[0],
            cols: self.sizes()[1][1],
            pitch,
        };
        [from, to]
    }

    fn filters_len(&self, lanes: usize) -> usize {
        let [inputs, outputs] = self.channels();
        let area = self.shape.kh * self.shape.kw;
        area * inputs * outputs.next_multiple_of(lanes)
    }

    /// Filters, and a bias of whole vectors.
    fn shared_len(&self, lanes: usize) -> usize {
        let bias = self.channels()[1].next_multiple_of(lanes);
        (self.filters_len(lanes) + bias).next_multiple_of(LINE)
    }

    fn slot_len(&self, cuts: &Cuts) -> usize {
        let [from, to] = self.layouts(cuts, self.channels()[1]);
        from.len().next_multiple_of(LINE) + to.len().next_multiple_of(LINE)
    }

    /// Scratch of [`run`](Self::run).
    pub(super) fn scratch_len(&self, isa: Isa) -> usize {
        let cuts = self.cuts(isa);
        LINE + self.shared_len(cuts.lanes) + SLOTS * self.slot_len(&cuts)
    }

    /// Y = act(x * w + bias), or Y += x * w.
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
    ) {
        let isa = exec.isa();
        let cuts = self.cuts(isa);
        let (shared, slots) = aligned(scratch).split_at_mut(self.shared_len(cuts.lanes));
        let (bias, packed) = shared.split_at_mut(self.channels()[1].next_multiple_of(cuts.lanes));
        bias.fill(0.0);
        if let Some(from) = outputs.bias {
            bias[..from.len()].copy_from_slice(from);
        }
        self.pack(exec, filters, &cuts, packed);
        let (bias, packed) = (&*bias, &*packed);
        let blocks = [self.grid().div_ceil(cuts.rows), self.shape.n.div_ceil(cuts.images)];
        let tasks: usize = blocks.iter().product();
        let slots_used = if exec.is_parallel() { SLOTS.min(tasks) } else { 1 };
        let len = self.slot_len(&cuts);
        exec.chunks(&mut slots[..slots_used * len], len, |slot, scratch| {
            for task in (slot..tasks).step_by(slots_used) {
                let [row, image] = split(task, blocks);
                let (row, image) = (row * cuts.rows, image * cuts.images);
                let rows = row..self.grid().min(row + cuts.rows);
                let images = image..self.shape.n.min(image + cuts.images);
                let operands = (x, packed, bias);
                // Each task has rows of its own of the outputs that the caller vouches for.
                isa.run(Block {
                    direct: self,
                    cuts: &cuts,
                    operands,
                    outputs,
                    images,
                    rows,
                    scratch: &mut *scratch,
                });
            }
        });
    }
}

/// Channels of a sliver: two vectors, or one if there is no more.
fn width<S: Simd>(channels: usize) -> usize {
    channels.min(2 * S::LANES)
}

/// A task: some rows of the grid of some images.
struct Block<'a> {
    direct: &'a Direct,
    cuts: &'a Cuts,
    /// Inputs, packed filters and bias.
    operands: (&'a [f32], &'a [f32], &'a [f32]),
    outputs: Outputs<'a>,
    images: Range<usize>,
    rows: Range<usize>,
    scratch: &'a mut [f32],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Block { direct, cuts, operands: (x, packed, bias), outputs, images, rows, scratch } =
            self;
        let ([inputs, channels], [size, _]) = (direct.channels(), direct.sizes());
        let [from, to] = direct.layouts(cuts, channels);
        let (staged, y) = scratch.split_at_mut(from.len().next_multiple_of(LINE));
        let area = size[0] * size[1];
        let [down, across] = direct.phases.reach;
        let part = Part {
            first: [down.first(rows.start), across.first(0)],
            step: down.step,
            each: down.each,
        };
        let taps = direct.shape.kh * direct.shape.kw;
        direct.phases.clear(y, to, rows.len());
        for c in (0..inputs).step_by(cuts.channels) {
            let count = cuts.channels.min(inputs - c);
            let planes = Planes {
                data: &x[(images.start * inputs + c) * area..],
                image: inputs * area,
                channels: count,
                size,
            };
            let layout =
                Layout { images: images.len(), rows: down.rows(rows.len()), pitch: count, ..from };
            Stage { planes, part, layout, dst: &mut *staged }.run(s);
            let mut filters = c * taps * to.pitch;
            for phase in direct.phases.iter() {
                let depth = count * phase.window.taps();
                let product = Product {
                    phase,
                    from: layout,
                    to,
                    images: images.len(),
                    rows: rows.len().min(phase.window.h.grid.saturating_sub(rows.start)),
                    first: if c == 0 { First::Bias(bias.as_ptr()) } else { First::Old },
                    floor: match outputs.activation {
                        Activation::Relu if c + count == inputs => 0.0,
                        _ => f32::NEG_INFINITY,
                    },
                };
                product.run(s, staged, &packed[filters..][..depth * to.pitch], y);
                filters += depth * to.pitch;
            }
        }
        direct.finish(s, (y, to), outputs, (images, rows));
    }
}

impl Direct {
    /// Channels of a block back to planes.
    #[inline(always)]
    fn finish<S: Simd>(
        &self,
        s: S,
        (y, layout): (&[f32], Layout),
        outputs: Outputs<'_>,
        (images, rows): (Range<usize>, Range<usize>),
    ) {
        let [h, w] = self.sizes()[1];
        let step = self.phases.spread[0];
        let (first, end) = (rows.start * step, h.min(rows.end * step));
        let count = (end - first) * w;
        assert!(layout.cols == w && y.len() >= images.len() * layout.image());
        for (i, image) in images.enumerate() {
            for n in (0..outputs.channels).step_by(S::LANES) {
                let mut at = y[i * layout.image() + n..].as_ptr();
                let next = || {
                    let this = at;
                    at = at.wrapping_add(layout.pitch);
                    this
                };
                let ptr =
                    outputs.ptr.wrapping_add((image * outputs.channels + n) * h * w + first * w);
                let live = S::LANES.min(outputs.channels - n);
                let rows = Turned { ptr, step: h * w, live, count, acc: outputs.acc };
                // SAFETY: the block has `count` positions, each of whole vectors; `run` vouches for
                // the outputs.
                unsafe { from_lanes(s, next, rows) };
            }
        }
    }
}
