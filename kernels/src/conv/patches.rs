//! The virtual patch matrix, packed from staged planes, in both of its roles.
//!
//! Element (output, tap) lies at `run(output) + depth_offset(tap)` of the staged planes, a sum of
//! two parts, so the matrix is never built: forward and input gradient pack outputs as lines and taps as
//! depth, the weight gradient packs taps as lines and outputs as depth.

use super::window::Stage;
use crate::gemm::pack::{Block, Lines, Slivers, Source, copy_line, transpose_lines};
use crate::simd::Simd;
use core::ops::Range;

/// Columns of the largest sliver, so the most runs that one can have.
const MOST_RUNS: usize = 32;

/// Lines are outputs, depth is taps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outputs<'a> {
    pub(super) stage: Stage,
    pub(super) staged: &'a [f32],
}

/// Depths whose offsets are computed at one time.
const DEPTHS: usize = 256;

impl Source for Outputs<'_> {
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, block: &Block, slivers: Slivers, dst: &mut [f32]) {
        let mut offsets = [0; DEPTHS];
        for start in block.depth.clone().step_by(DEPTHS) {
            let depth = start..block.depth.end.min(start + DEPTHS);
            let offsets = &mut offsets[..depth.len()];
            self.stage.depth_offsets(depth, offsets);
            let mut dst = &mut *dst;
            for first in block.lines.clone().step_by(slivers.width) {
                let lines = slivers.width.min(block.lines.end - first);
                let stride = lines.next_multiple_of(slivers.pad);
                let (sliver, rest) = dst.split_at_mut(stride * block.depth.len());
                let sliver = &mut sliver[(start - block.depth.start) * stride..];
                self.sliver(s, (first..first + lines, stride), offsets, sliver);
                dst = rest;
            }
        }
    }
}

impl Outputs<'_> {
    /// Copies the runs of `lines` at each offset, in whole vectors: what the last vector of a run
    /// writes too much is covered by the next run or the next depth. The last depth has no next, and
    /// goes by exact lengths.
    #[inline(always)]
    fn sliver<S: Simd>(
        &self,
        s: S,
        (lines, stride): (Range<usize>, usize),
        offsets: &[usize],
        dst: &mut [f32],
    ) {
        let mut vectors = [(0, 0); MOST_RUNS];
        let (mut count, mut reach) = (0, 0);
        for run in self.stage.runs(lines.clone()) {
            for i in (0..run.len).step_by(S::LANES) {
                vectors[count] = (run.src + i, run.dst + i);
                count += 1;
                reach = reach.max(run.src + i + S::LANES);
            }
        }
        let vectors = &vectors[..count];
        let most = offsets.iter().fold(0, |most, &o| most.max(o));
        let whole = offsets.len().min(dst.len() / stride - 1);
        assert!(most + reach <= self.staged.len(), "staged planes have slack for whole vectors");
        assert!(stride >= S::LANES, "slivers of patches are padded to whole vectors");
        // SAFETY: every offset + src + LANES ends in the planes, checked above. Every dst is below
        // stride, so p * stride + dst + LANES is at most (p + 2) * stride, and p + 1 is a depth.
        unsafe {
            match *vectors {
                [a] => copy_vectors(s, [a], (self.staged, &offsets[..whole]), (dst, stride)),
                [a, b] => copy_vectors(s, [a, b], (self.staged, &offsets[..whole]), (dst, stride)),
                [a, b, c, d] => {
                    copy_vectors(s, [a, b, c, d], (self.staged, &offsets[..whole]), (dst, stride));
                }
                _ => {
                    for (p, &offset) in offsets[..whole].iter().enumerate() {
                        let x = self.staged.as_ptr().add(offset);
                        let y = dst.as_mut_ptr().add(p * stride);
                        for &(src, dst) in vectors {
                            s.store_ptr(y.add(dst), s.load_ptr(x.add(src)));
                        }
                    }
                }
            }
        }
        for (y, &offset) in dst.chunks_mut(stride).zip(offsets).skip(whole) {
            for run in self.stage.runs(lines.clone()) {
                let x = &self.staged[offset + run.src..][..run.len];
                copy_line(s, x, run.len, &mut y[run.dst..]);
            }
        }
    }
}

/// At each offset, the vectors from src to dst, for a number of vectors that the compiler knows.
///
/// # Safety
/// All vectors must lie inside `x` and `y`.
#[inline(always)]
unsafe fn copy_vectors<S: Simd, const N: usize>(
    s: S,
    vectors: [(usize, usize); N],
    (x, offsets): (&[f32], &[usize]),
    (y, stride): (&mut [f32], usize),
) {
    let mut y = y.as_mut_ptr();
    for &offset in offsets {
        // SAFETY: passed on from the caller.
        unsafe {
            let x = x.as_ptr().add(offset);
            for (src, dst) in vectors {
                s.store_ptr(y.add(dst), s.load_ptr(x.add(src)));
            }
            y = y.add(stride);
        }
    }
}

/// Lines are taps, depth is outputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taps<'a> {
    pub(super) stage: Stage,
    pub(super) staged: &'a [f32],
}

impl Source for Taps<'_> {
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, block: &Block, slivers: Slivers, dst: &mut [f32]) {
        let mut dst = dst;
        for first in block.lines.clone().step_by(slivers.width) {
            let lines = slivers.width.min(block.lines.end - first);
            let stride = lines.next_multiple_of(slivers.pad);
            let mut offsets = [0; MOST_RUNS];
            self.stage.depth_offsets(first..first + lines, &mut offsets[..lines]);
            self.sliver(s, (&offsets[..lines], stride), block.depth.clone(), dst);
            dst = &mut dst[stride * block.depth.len()..];
        }
    }
}

impl Taps<'_> {
    /// Squares of LANES taps x LANES outputs are turned in registers: in place where LANES outputs
    /// are one run, and otherwise from a small copy.
    #[inline(always)]
    fn sliver<S: Simd>(
        &self,
        s: S,
        (offsets, stride): (&[usize], usize),
        depth: Range<usize>,
        dst: &mut [f32],
    ) {
        let mut copy = [[0.0f32; 16]; MOST_RUNS];
        for p in depth.clone().step_by(S::LANES) {
            let count = S::LANES.min(depth.end - p);
            let y = &mut dst[(p - depth.start) * stride..];
            let run = self.stage.runs(p..p + count).next().unwrap_or_default();
            let turned = if run.len == S::LANES {
                let line = |l: usize| &self.staged[offsets[l] + run.src..];
                transpose_lines(s, offsets.len(), stride, line, y)
            } else {
                for run in self.stage.runs(p..p + count) {
                    for (copy, offset) in copy.iter_mut().zip(offsets) {
                        let x = &self.staged[offset + run.src..][..run.len];
                        copy_short(x, &mut copy[run.dst..]);
                    }
                }
                count == S::LANES && transpose_lines(s, offsets.len(), stride, |l| &copy[l], y)
            };
            if !turned {
                for q in self.stage.runs(p..p + count) {
                    for i in 0..q.len {
                        let y = &mut y[(q.dst + i) * stride..][..stride];
                        for (l, y) in y.iter_mut().enumerate() {
                            let offset = offsets.get(l);
                            *y = offset.map_or(0.0, |o| self.staged[o + q.src + i]);
                        }
                    }
                }
            }
        }
    }
}

/// A copy too short for a call of memcpy.
#[inline(always)]
fn copy_short(x: &[f32], y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = x;
    }
}

/// The gradient of the outputs for the weight gradient: lines are channels, depth is (image, position).
#[derive(Clone, Copy, Debug)]
pub(super) struct Gradient<'a> {
    /// From the block's first image, first channel and first position on.
    pub(super) data: &'a [f32],
    pub(super) image_stride: usize,
    /// Elements of a plane.
    pub(super) area: usize,
    /// Positions of the block in one image.
    pub(super) positions: usize,
}

impl Source for Gradient<'_> {
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, block: &Block, slivers: Slivers, dst: &mut [f32]) {
        let mut dst = dst;
        for first in block.lines.clone().step_by(slivers.width) {
            let lines = slivers.width.min(block.lines.end - first);
            let stride = lines.next_multiple_of(slivers.pad);
            if self.positions < S::LANES {
                self.gather(s, (first..first + lines, stride), block.depth.clone(), dst);
            } else {
                self.by_image(s, first..first + lines, (block, slivers), dst);
            }
            dst = &mut dst[stride * block.depth.len()..];
        }
    }
}

impl Gradient<'_> {
    /// A sliver, image by image: each is a matrix.
    #[inline(always)]
    fn by_image<S: Simd>(
        &self,
        s: S,
        lines: Range<usize>,
        (block, slivers): (&Block, Slivers),
        dst: &mut [f32],
    ) {
        let stride = lines.len().next_multiple_of(slivers.pad);
        let mut p = block.depth.start;
        while p < block.depth.end {
            let (image, position) = (p / self.positions, p % self.positions);
            let len = (self.positions - position).min(block.depth.end - p);
            let data = &self.data[image * self.image_stride..];
            let matrix = Lines { data, line_stride: self.area, depth_stride: 1 };
            let part = Block { lines: lines.clone(), depth: position..position + len };
            matrix.pack(s, &part, slivers, &mut dst[(p - block.depth.start) * stride..]);
            p += len;
        }
    }

    /// A sliver of images that have fewer positions than a vector has lanes: squares of small copies
    /// from several images are turned in registers.
    #[inline(always)]
    fn gather<S: Simd>(
        &self,
        s: S,
        (lines, stride): (Range<usize>, usize),
        depth: Range<usize>,
        dst: &mut [f32],
    ) {
        let mut copy = [[0.0f32; 16]; MOST_RUNS];
        for p in depth.clone().step_by(S::LANES) {
            let count = S::LANES.min(depth.end - p);
            let y = &mut dst[(p - depth.start) * stride..];
            let mut q = 0;
            while q < count {
                let (image, position) = ((p + q) / self.positions, (p + q) % self.positions);
                let len = (self.positions - position).min(count - q);
                for (copy, line) in copy.iter_mut().zip(lines.clone()) {
                    let start = image * self.image_stride + line * self.area + position;
                    copy_short(&self.data[start..start + len], &mut copy[q..]);
                }
                q += len;
            }
            let turned =
                count == S::LANES && transpose_lines(s, lines.len(), stride, |l| &copy[l], y);
            if !turned {
                for (i, y) in y.chunks_mut(stride).take(count).enumerate() {
                    for (y, copy) in y.iter_mut().zip(&copy[..lines.len()]) {
                        *y = copy[i];
                    }
                }
            }
        }
    }
}

/// The weights that lead from outputs back to inputs: lines are input channels, depth is (output
/// channel, tap of a phase).
#[derive(Clone, Copy, Debug)]
pub(super) struct Turned<'a> {
    /// [output channels, input channels, KH, KW] of one group.
    pub(super) w: &'a [f32],
    pub(super) channels: usize,
    pub(super) kernel: [usize; 2],
    /// The first tap of the phase, from one to the next, and how many, for each axis.
    pub(super) taps: [(usize, usize, usize); 2],
}

impl Source for Turned<'_> {
    #[inline(always)]
    fn pack<S: Simd>(&self, _: S, block: &Block, slivers: Slivers, dst: &mut [f32]) {
        let [(h0, dh, th), (w0, dw, tw)] = self.taps;
        let area = self.kernel[0] * self.kernel[1];
        let mut dst = dst;
        for first in block.lines.clone().step_by(slivers.width) {
            let lines = slivers.width.min(block.lines.end - first);
            let stride = lines.next_multiple_of(slivers.pad);
            let (this, rest) = dst.split_at_mut(stride * block.depth.len());
            for (y, p) in this.chunks_exact_mut(stride).zip(block.depth.clone()) {
                let (oc, tap) = (p / (th * tw), p % (th * tw));
                let kh = h0 + tap / tw * dh;
                let kw = w0 + tap % tw * dw;
                let w = &self.w[(oc * self.channels + first) * area + kh * self.kernel[1] + kw..];
                for (l, y) in y.iter_mut().enumerate() {
                    *y = if l < lines { w[l * area] } else { 0.0 };
                }
            }
            dst = rest;
        }
    }
}
