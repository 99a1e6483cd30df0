//! The weight gradient: a product of the planes of x and of dY, both with channels last.
//!
//! Depth is all positions of all images, cut into blocks and these into a fixed number of chunks.
//! Each chunk sums into [kh, kw, c, o] of its own; they are added in order when they are turned back.

use super::stage::{Layout, Part, Planes, Stage};
use super::tile::{self, Adjoin, First, Loop, ROWS, Rows, Tile};
use super::{BLOCK, Direct, width};
use crate::Accumulate;
use crate::conv::correlate::{SLOTS, balanced, split};
use crate::conv::lanes::{Rows as Turned, from_lanes};
use crate::conv::operands::ConvWeightGradient;
use crate::gemm::blocks::{Cut, LINE, aligned};
use crate::gemm::view::Dest;
use crate::isa::Isa;
use crate::simd::{Kernel, Simd};
use crate::threads::Exec;
use core::ops::Range;

/// Rows of dW', taps of input channels, that a task takes: staging dY for it costs little beside.
const TAPS: usize = 576;

/// Elements that the chunks may take together, 4 MiB; a large dW has tasks enough without chunks.
const CHUNKED: usize = 1 << 20;

/// How it is cut, by the shape and the lanes alone.
struct Cuts {
    lanes: usize,
    /// Channels of x that a task takes.
    channels: usize,
    /// Images and rows of dY of a block.
    images: usize,
    rows: usize,
    /// Blocks of a chunk, and how many chunks.
    blocks: usize,
    chunks: usize,
}

impl Direct {
    fn taps(&self) -> usize {
        self.shape.kh * self.shape.kw
    }

    /// Elements of dW' in whole vectors.
    fn sums_len(&self, lanes: usize) -> usize {
        self.taps() * self.shape.c * self.shape.oc.next_multiple_of(lanes)
    }

    fn gradient_cuts(&self, isa: Isa) -> Cuts {
        let (lanes, n, oh) = (isa.lanes(), self.shape.n, self.shape.oh());
        let channels = balanced(self.shape.c, TAPS / self.taps());
        let one = Cuts { lanes, channels, images: 1, rows: oh, blocks: 1, chunks: 1 };
        let image: usize = self.gradient_layouts(&one).map(|l| l.image()).iter().sum();
        let (images, rows) = if image <= BLOCK {
            (balanced(n, (BLOCK / image).min(n.div_ceil(SLOTS))), oh)
        } else {
            (1, balanced(oh, oh * BLOCK / image))
        };
        let total = n.div_ceil(images) * oh.div_ceil(rows);
        let blocks = total.div_ceil((CHUNKED / self.sums_len(lanes)).clamp(1, SLOTS)).max(1);
        Cuts { images, rows, blocks, chunks: total.div_ceil(blocks).max(1), ..one }
    }

    /// How the planes of x and of dY lie.
    fn gradient_layouts(&self, cuts: &Cuts) -> [Layout; 2] {
        let [down, across] = self.phases.reach;
        let (images, pitch) = (cuts.images, self.shape.oc.next_multiple_of(cuts.lanes));
        let (rows, cols) = (down.rows(cuts.rows), across.columns());
        let x = Layout { images, rows, cols, pitch: cuts.channels };
        // One run, since there is no border.
        [x, Layout { images, rows: 1, cols: cuts.rows * self.shape.ow(), pitch }]
    }

    fn gradient_slot(&self, cuts: &Cuts) -> usize {
        self.gradient_layouts(cuts).map(|l| l.len().next_multiple_of(LINE)).iter().sum()
    }

    /// Scratch of [`weight_gradient`](Self::weight_gradient).
    pub(in crate::conv) fn gradient_scratch_len(&self, isa: Isa) -> usize {
        let cuts = self.gradient_cuts(isa);
        let sums = cuts.chunks * self.sums_len(cuts.lanes);
        LINE + sums.next_multiple_of(LINE) + SLOTS * self.gradient_slot(&cuts)
    }

    /// dw = or += the gradient.
    pub(in crate::conv) fn weight_gradient(
        &self,
        exec: Exec,
        op: &ConvWeightGradient<'_>,
        dw: &mut [f32],
        acc: Accumulate,
        scratch: &mut [f32],
    ) {
        let depth = self.shape.n * self.shape.oh() * self.shape.ow();
        let whole = Cut::of([self.taps() * self.shape.c, self.shape.oc, depth]) == Cut::Whole;
        let exec = if whole { exec.sequential() } else { exec };
        let isa = exec.isa();
        let cuts = self.gradient_cuts(isa);
        let len = self.sums_len(cuts.lanes);
        let total = (cuts.chunks * len).next_multiple_of(LINE);
        let (sums, slots) = aligned(scratch).split_at_mut(total);
        let tasks = [self.shape.c.div_ceil(cuts.channels), cuts.chunks];
        let count: usize = tasks.iter().product();
        let slots_used = if exec.is_parallel() { SLOTS.min(count) } else { 1 };
        let slot = self.gradient_slot(&cuts);
        let sums_at = Dest { ptr: sums.as_mut_ptr(), stride: [len, 0] };
        exec.chunks(&mut slots[..slots_used * slot], slot, |first, scratch| {
            for task in (first..count).step_by(slots_used) {
                let [block, chunk] = split(task, tasks);
                let c = block * cuts.channels;
                let channels = c..self.shape.c.min(c + cuts.channels);
                let from = c * self.taps() * self.shape.oc.next_multiple_of(cuts.lanes);
                let len = channels.len() * (len / self.shape.c);
                // SAFETY: the sums of these channels in this chunk, which no other task has.
                let sums = unsafe {
                    core::slice::from_raw_parts_mut({ sums_at }.at(chunk, 0).add(from), len)
                };
                let scratch = &mut *scratch;
                isa.run(Sum { direct: self, cuts: &cuts, op, channels, chunk, sums, scratch });
            }
        });
        let sums = &sums[..cuts.chunks * len];
        let dw = Dest { ptr: dw.as_mut_ptr(), stride: [0, 0] };
        exec.each(self.shape.oc.div_ceil(cuts.lanes), |group| {
            // dW is borrowed for this call, and each task has its own outputs.
            isa.run(Fold { direct: self, cuts: &cuts, sums, group, dw, acc });
        });
    }
}

/// A task: the sums of some channels over the blocks of a chunk.
struct Sum<'a> {
    direct: &'a Direct,
    cuts: &'a Cuts,
    op: &'a ConvWeightGradient<'a>,
    channels: Range<usize>,
    chunk: usize,
    sums: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Sum { direct, cuts, op, channels, chunk, sums, scratch } = self;
        let ConvWeightGradient { x, dy } = *op;
        let shape = &direct.shape;
        let [from, to] = direct.gradient_layouts(cuts);
        let (staged, turned) = scratch.split_at_mut(from.len().next_multiple_of(LINE));
        let [down, across] = direct.phases.reach;
        let (size, count) = ([shape.h, shape.w], channels.len());
        let (area, out_area) = (shape.h * shape.w, shape.oh() * shape.ow());
        let blocks = [shape.oh().div_ceil(cuts.rows), shape.n.div_ceil(cuts.images)];
        let first = chunk * cuts.blocks;
        for block in first..(first + cuts.blocks).min(blocks[0] * blocks[1]) {
            let [row, image] = split(block, blocks);
            let (row, image) = (row * cuts.rows, image * cuts.images);
            let rows = cuts.rows.min(shape.oh() - row);
            let images = cuts.images.min(shape.n - image);
            let data = &x[(image * shape.c + channels.start) * area..];
            let planes = Planes { data, image: shape.c * area, channels: count, size };
            let part = Part {
                first: [down.first(row), across.first(0)],
                step: down.step,
                each: down.each,
            };
            let x_layout = Layout { images, rows: down.rows(rows), pitch: count, ..from };
            Stage { planes, part, layout: x_layout, dst: &mut *staged }.run(s);
            let data = &dy[image * shape.oc * out_area..];
            let size = [1, out_area];
            let planes = Planes { data, image: shape.oc * out_area, channels: shape.oc, size };
            let part = Part { first: [0, (row * shape.ow()) as isize], step: 1, each: 1 };
            let y_layout = Layout { images, cols: rows * shape.ow(), ..to };
            Stage { planes, part, layout: y_layout, dst: &mut *turned }.run(s);
            let depth = [
                Loop { count: shape.ow(), a: across.step * count, b: to.pitch },
                Loop { count: rows, a: down.each * x_layout.row(), b: shape.ow() * to.pitch },
                Loop { count: images, a: x_layout.image(), b: y_layout.image() },
            ];
            let product = Product {
                depth,
                kernel: [shape.kh, shape.kw * count],
                row: x_layout.row(),
                first: if block == first { First::Zero } else { First::Old },
            };
            product.run(s, staged, turned, &mut *sums, to.pitch);
        }
    }
}

/// The product of a block: dW'[kh, (kw, c), o] (+)= sum over positions of x' dy'.
struct Product {
    depth: [Loop; 3],
    /// Rows of the kernel, and taps of all channels in each.
    kernel: [usize; 2],
    /// From one row of x' to the next.
    row: usize,
    first: First,
}

impl Product {
    #[inline(always)]
    fn run<S: Simd>(&self, s: S, x: &[f32], dy: &[f32], sums: &mut [f32], pitch: usize) {
        let [down, taps] = self.kernel;
        let last = |step: fn(&Loop) -> usize| -> usize {
            self.depth.iter().map(|l| (l.count - 1) * step(l)).sum()
        };
        assert!((down - 1) * self.row + last(|l| l.a) + taps <= x.len());
        assert!(last(|l| l.b) + pitch <= dy.len() && down * taps * pitch <= sums.len());
        let most = width::<S>(pitch);
        let rows = balanced(taps, Adjoin::most(&S::TUNING));
        for n in (0..pitch).step_by(most) {
            let vectors = most.min(pitch - n) / S::LANES;
            for (kh, i) in (0..down).flat_map(|kh| (0..taps).step_by(rows).map(move |i| (kh, i))) {
                let live = rows.min(taps - i);
                let mut c = [sums.as_mut_ptr(); ROWS];
                for (l, c) in c.iter_mut().take(live).enumerate() {
                    *c = c.wrapping_add((kh * taps + i + l) * pitch + n);
                }
                let tile = Tile {
                    a: Adjoin(x.as_ptr().wrapping_add(kh * self.row + i)),
                    b: dy.as_ptr().wrapping_add(n),
                    depth: self.depth,
                    c,
                    first: self.first,
                    floor: f32::NEG_INFINITY,
                };
                // SAFETY: the last position's taps and channels end in x' and dy', checked above, and
                // there are sums for all of them.
                unsafe { tile::run(s, live, vectors, tile) };
            }
        }
    }
}

/// Some outputs of dW from the sums of all chunks.
struct Fold<'a> {
    direct: &'a Direct,
    cuts: &'a Cuts,
    sums: &'a [f32],
    /// Which vector of outputs.
    group: usize,
    dw: Dest,
    acc: Accumulate,
}

impl Kernel for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Fold { direct, cuts, sums, group, dw, acc } = self;
        let (inputs, area) = (direct.shape.c, direct.taps());
        let pitch = direct.shape.oc.next_multiple_of(S::LANES);
        let len = direct.sums_len(S::LANES);
        let n = group * S::LANES;
        let mut totals = [0.0f32; 16 * 16];
        let (mut c, mut tap, mut i) = (0, 0, 0);
        let next = || {
            let block = c / cuts.channels * cuts.channels;
            let count = cuts.channels.min(inputs - block);
            let at = (block * area + tap * count + c - block) * pitch + n;
            let mut total = s.load(&sums[at..]);
            for chunk in 1..cuts.chunks {
                total = s.add(total, s.load(&sums[chunk * len + at..]));
            }
            let place = &mut totals[i % S::LANES * S::LANES..];
            s.store(place, total);
            (tap, i) = (tap + 1, i + 1);
            if tap == area {
                (c, tap) = (c + 1, 0);
            }
            place.as_ptr()
        };
        let row = inputs * area;
        let live = S::LANES.min(direct.shape.oc - n);
        let ptr = dw.ptr.wrapping_add(n * row);
        let to = Turned { ptr, step: row, live, count: row, acc };
        // SAFETY: `next` goes through a square of whole vectors, which is turned before it is filled
        // again; dW is borrowed by who makes this kernel, with a row for each output.
        unsafe { from_lanes(s, next, to) };
    }
}
