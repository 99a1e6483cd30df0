//! The weight gradient: values of inputs times values of the gradient of outputs, summed over tiles.
//!
//! The blocks of tiles are dealt to a fixed number of chunks. Each chunk sums into values of its own,
//! and the chunks are added in order when the values become taps.

use super::axis::{Evaluate, Input, POINTS};
use super::filter::{FilterGradient, taps_len};
use super::planes::{Source, Tiles, ToValues, Values};
use super::{Cuts, Winograd, plain, rows};
use crate::Accumulate;
use crate::conv::correlate::split;
use crate::conv::operands::ConvWeightGradient;
use crate::gemm::blocks::{LINE, aligned};
use crate::gemm::panel::{Lhs, Panel, Rhs, RunPanel, Strided};
use crate::gemm::view::Dest;
use crate::isa::Isa;
use crate::threads::{Exec, Parts};
use crate::tuning::VECTORS;
use core::marker::PhantomData;

/// Elements that the sums of all chunks may take together: 16 MiB.
const SUMS: usize = 4 << 20;

/// At most so many chunks.
const CHUNKS: usize = 8;

impl Winograd {
    /// The sums of one chunk, as values of so many tiles as there are inputs.
    fn sums(&self, lanes: usize) -> Values {
        Values::new(self.channels[0], self.channels[1], lanes)
    }

    fn chunks(&self, cuts: &Cuts) -> usize {
        let tasks: usize = cuts.blocks(self).iter().product();
        let most = (SUMS / self.sums(cuts.lanes).len()).clamp(1, CHUNKS);
        // None of them empty: its sums would be added too.
        tasks.div_ceil(tasks.div_ceil(most).max(1)).max(1)
    }

    fn gradient_slot(&self, cuts: &Cuts) -> usize {
        let taps = taps_len(self.channels[0], self.taps * self.taps, cuts.lanes);
        cuts.slot_len(self).max(taps.next_multiple_of(LINE))
    }

    /// Scratch of [`weight_gradient`](Self::weight_gradient).
    pub(in super::super) fn gradient_scratch_len(&self, isa: Isa) -> usize {
        let cuts = self.cuts(isa);
        let one = self.sums(cuts.lanes).len() + self.gradient_slot(&cuts);
        LINE + self.chunks(&cuts) * (one + LINE)
    }

    /// dw = or += the gradient.
    pub(in super::super) fn weight_gradient(
        &self,
        exec: Exec,
        op: &ConvWeightGradient<'_>,
        dw: &mut [f32],
        acc: Accumulate,
        scratch: &mut [f32],
    ) {
        let cuts = self.cuts(exec.isa());
        let values = self.sums(cuts.lanes);
        let chunks = self.chunks(&cuts);
        let slot = self.gradient_slot(&cuts);
        let (sums, slots) = aligned(scratch).split_at_mut(chunks * values.len());
        let skip = sums.len().next_multiple_of(LINE) - sums.len();
        let slots = &mut slots[skip..][..chunks * slot];
        let blocks = cuts.blocks(self);
        let tasks: usize = blocks.iter().product();
        let per_chunk = tasks.div_ceil(chunks);
        let (parts, scratch) = (Parts::new(sums, values.len()), Parts::new(&mut *slots, slot));
        exec.chunks2(parts, scratch, |chunk, sums, scratch| {
            let range = chunk * per_chunk..tasks.min((chunk + 1) * per_chunk);
            if range.is_empty() {
                sums.fill(0.0);
            }
            for task in range.clone() {
                let tiles = cuts.tiles(self, split(task, blocks));
                let beta = if task == range.start { 0.0 } else { 1.0 };
                match self.taps {
                    3 => self.sum::<4>(exec.isa(), &cuts, op, &tiles, (sums, beta), scratch),
                    _ => self.sum::<2>(exec.isa(), &cuts, op, &tiles, (sums, beta), scratch),
                }
            }
        });
        let (sums, [inputs, outputs]) = (&*sums, self.channels);
        let dw = Dest { ptr: dw.as_mut_ptr(), stride: [0, 0] };
        let groups = outputs.div_ceil(cuts.lanes);
        exec.chunks(slots, slot, |first, taps| {
            for group in (first..groups).step_by(chunks) {
                let outputs = (group * cuts.lanes, outputs);
                // SAFETY: dW is borrowed for this call, and each task has its own outputs.
                unsafe {
                    if self.taps == 3 {
                        exec.isa().run(FilterGradient::<3>::new(
                            sums, chunks, values, inputs, outputs, taps, dw, acc,
                        ));
                    } else {
                        exec.isa().run(FilterGradient::<5>::new(
                            sums, chunks, values, inputs, outputs, taps, dw, acc,
                        ));
                    }
                }
            }
        });
    }

    /// Adds the products of a block of tiles to the sums, or begins them with beta = 0.
    fn sum<const M: usize>(
        &self,
        isa: Isa,
        cuts: &Cuts,
        op: &ConvWeightGradient<'_>,
        tiles: &Tiles,
        (sums, beta): (&mut [f32], f32),
        scratch: &mut [f32],
    ) {
        let [from, to] = cuts.values(self);
        let (v, rest) = scratch.split_at_mut(from.len());
        let (g, staged) = rest.split_at_mut(to.len());
        let [inputs, outputs] = self.channels;
        let source = Source { data: op.x, channels: inputs, size: self.size[0], pad: self.pad };
        isa.run(ToValues::<Input, M, 6> {
            source,
            tiles,
            staged: &mut *staged,
            values: (&mut *v, from),
            transform: PhantomData,
        });
        let source = Source { data: op.dy, channels: outputs, size: self.size[1], pad: [0, 0] };
        isa.run(ToValues::<Evaluate, M, M> {
            source,
            tiles,
            staged,
            values: (&mut *g, to),
            transform: PhantomData,
        });
        let values = self.sums(cuts.lanes);
        let width = VECTORS * cuts.lanes;
        let sliver = rows(inputs, isa.tuning().rows);
        let whole = to.channels / width * width;
        for f in 0..POINTS * POINTS {
            // Whole slivers, and then what is left, a sliver of its own.
            for (first, cols) in [(0, whole), (whole, to.channels - whole)] {
                if cols == 0 {
                    continue;
                }
                let b = g[f * to.step + first..].as_ptr();
                let width = width.min(cols);
                let sums = &mut sums[f * values.step + first..];
                let panel = Panel {
                    lhs: Lhs {
                        ptr: v[f * from.step..].as_ptr(),
                        width: sliver,
                        in_place: Some(Strided { row: 1, depth: from.channels }),
                    },
                    rhs: Rhs {
                        ptr: b,
                        width,
                        sliver_step: width,
                        depth_step: to.channels,
                        tail: b,
                        copy: core::ptr::null_mut(),
                    },
                    c: Dest { ptr: sums.as_mut_ptr(), stride: [values.channels, 1] },
                    rows: (0, inputs),
                    cols: (0, cols),
                    depth: tiles.len(),
                    epilogue: plain(beta),
                };
                // SAFETY: the values of these tiles were computed above, and there are sums for all
                // inputs and outputs. `cols` is a multiple of `width`.
                isa.run(unsafe { RunPanel::new(panel) });
            }
        }
    }
}
