//! Packing: a block of an operand is copied into slivers, in the order the micro-kernel reads.
//!
//! An operand is a set of *lines* (rows of A, columns of B), each `depth` long. A sliver holds
//! `width` lines: line l at depth p lies at `p * width + l`. The last sliver may have fewer lines;
//! its width is rounded up to `pad`, and the lines that are not there hold anything.

use super::blocks::LINE;
use super::view::MatRef;
use crate::simd::{Simd, prefetch};
use core::ops::Range;

/// How far ahead a packing asks for memory: 4 lines of each line of the operand, of which a sliver
/// has 6 to 32, or so many steps of depth, each a run of a few hundred bytes. Hardware does not
/// foresee either, a new page every few lines, and an L3 is some 200 cycles away. (1024^3 with 16
/// lanes: packing took 8 to 14 % of the time.)
const AHEAD: usize = 4 * LINE;
const AHEAD_DEPTHS: usize = 16;

/// How lines are cut into slivers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slivers {
    /// Lines of a sliver.
    pub(crate) width: usize,
    /// What the width of the last sliver is rounded up to: 1 for A, the lanes for B.
    pub(crate) pad: usize,
}

/// A block of an operand.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) lines: Range<usize>,
    pub(crate) depth: Range<usize>,
}

/// What can pack itself: a matrix, or one that is never built, as the patches of a convolution.
pub(crate) trait Source: Copy + Send + Sync {
    /// Packs `block` into `dst`, one sliver after the other.
    ///
    /// Every line is written; what pads the last sliver may hold anything, since no tile stores it.
    /// `dst` may be longer, and what is there may be overwritten.
    fn pack<S: Simd>(&self, s: S, block: &Block, slivers: Slivers, dst: &mut [f32]);

    /// What [`pack`](Source::pack) would write for a panel, if it was packed before.
    fn packed(&self, panel: &Block) -> Option<&[f32]> {
        let _ = panel;
        None
    }

    /// The matrix itself, if there is one, so that a small product can read it in place.
    fn in_place(&self) -> Option<Lines<'_>> {
        None
    }
}

/// A matrix as lines: line l at depth p is `data[l * line_stride + p * depth_stride]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) line_stride: usize,
    pub(crate) depth_stride: usize,
}

impl<'a> Lines<'a> {
    /// The rows of A.
    pub(super) fn rows(a: MatRef<'a>) -> Lines<'a> {
        Lines { data: a.data(), line_stride: a.row_stride(), depth_stride: a.col_stride() }
    }

    /// The columns of B.
    pub(super) fn columns(b: MatRef<'a>) -> Lines<'a> {
        Lines::rows(b.t())
    }
}

impl Source for Lines<'_> {
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, block: &Block, slivers: Slivers, dst: &mut [f32]) {
        if self.line_stride == 1 {
            return self.copy(s, block, slivers, dst);
        }
        let depth = block.depth.clone();
        let mut dst = dst;
        for line in block.lines.clone().step_by(slivers.width) {
            let lines = slivers.width.min(block.lines.end - line);
            let stride = lines.next_multiple_of(slivers.pad);
            let first = line * self.line_stride + depth.start * self.depth_stride;
            let sliver = Sliver { first, lines, depth: depth.len(), stride };
            if self.depth_stride == 1 {
                self.transpose(s, sliver, dst);
            } else {
                self.gather(sliver, 0..depth.len(), dst);
            }
            dst = &mut dst[stride * depth.len()..];
        }
    }

    #[inline(always)]
    fn in_place(&self) -> Option<Lines<'_>> {
        Some(*self)
    }
}

/// One sliver: `lines` lines from the element `first` of the data, packed `stride` apart.
#[derive(Clone, Copy)]
struct Sliver {
    first: usize,
    lines: usize,
    depth: usize,
    stride: usize,
}

impl Lines<'_> {
    /// Element by element, for general strides and for what is left over.
    #[inline(always)]
    fn gather(&self, at: Sliver, depth: Range<usize>, dst: &mut [f32]) {
        for p in depth {
            let out = &mut dst[p * at.stride..][..at.stride];
            for (l, y) in out.iter_mut().enumerate() {
                let i = at.first + l * self.line_stride + p * self.depth_stride;
                *y = if l < at.lines { self.data[i] } else { 0.0 };
            }
        }
    }

    /// Lines are neighbours in memory: each step of depth is one short copy to each sliver. Depth is
    /// the outer loop: memory is then read in long runs, and each run is prefetched in time.
    #[inline(always)]
    fn copy<S: Simd>(&self, s: S, block: &Block, slivers: Slivers, dst: &mut [f32]) {
        let (lines, depth, width) = (block.lines.len(), block.depth.len(), slivers.width);
        for p in 0..depth {
            let first = block.lines.start + (block.depth.start + p) * self.depth_stride;
            let next = first.wrapping_add(AHEAD_DEPTHS.wrapping_mul(self.depth_stride));
            for l in (0..lines).step_by(LINE) {
                prefetch(self.data.as_ptr().wrapping_add(next.wrapping_add(l)));
            }
            let mut sliver = 0;
            for x in self.data[first..][..lines].chunks(width) {
                let stride = x.len().next_multiple_of(slivers.pad);
                let y = &mut dst[sliver..][..stride * depth][p * stride..];
                if x.len() == 2 * S::LANES {
                    s.store(y, s.load(x));
                    s.store(&mut y[S::LANES..], s.load(&x[S::LANES..]));
                } else {
                    copy_line(s, x, x.len(), y);
                }
                sliver += width * depth;
            }
        }
    }

    /// Depths are neighbours in memory: squares of LANES x LANES are turned in registers.
    #[inline(always)]
    fn transpose<S: Simd>(&self, s: S, at: Sliver, dst: &mut [f32]) {
        let squares = at.depth / S::LANES * S::LANES;
        let line = |l: usize| &self.data[at.first + l * self.line_stride..][..at.depth];
        let mut rest = 0;
        for p in (0..squares).step_by(S::LANES) {
            if p.is_multiple_of(LINE) {
                // Past the end of its lines a sliver asks for the beginning of the next one's.
                let next = p + AHEAD;
                let (l, p) = if next < at.depth { (0, next) } else { (at.lines, next - at.depth) };
                for l in l..l + at.lines {
                    let i = l.wrapping_mul(self.line_stride).wrapping_add(at.first + p);
                    prefetch(self.data.as_ptr().wrapping_add(i));
                }
            }
            if !transpose_lines(
                s,
                at.lines,
                at.stride,
                |l| &line(l)[p..],
                &mut dst[p * at.stride..],
            ) {
                break;
            }
            rest = p + S::LANES;
        }
        self.gather(at, rest..at.depth, dst);
    }
}

/// Copies `x[..lines]` to `y[..lines]`, and zeros up to the next multiple of LANES if `y` is padded.
///
/// Where memory allows, the tail is a whole vector whose lanes past `lines` are rubbish: slivers are
/// written in the order of their addresses, so the next copy covers them.
#[inline(always)]
pub(crate) fn copy_line<S: Simd>(s: S, x: &[f32], lines: usize, y: &mut [f32]) {
    let whole = lines / S::LANES * S::LANES;
    for l in (0..whole).step_by(S::LANES) {
        s.store(&mut y[l..], s.load(&x[l..]));
    }
    if whole < lines {
        let (x, y) = (&x[whole..], &mut y[whole..]);
        let tail = lines - whole;
        let v = s.load_tail(&x[..tail]);
        if y.len() >= S::LANES {
            s.store(y, v);
        } else {
            s.store_tail(&mut y[..tail], v);
        }
    }
}

/// Turns LANES steps of depth of `lines` lines: `y[p * stride + l] = line(l)[p]`.
///
/// Lines come in groups of LANES. A group that is not full writes zeros past its lines; it goes
/// first, so that where `stride` is not a multiple of LANES the full groups, and then the next steps
/// of depth, cover what it wrote too much. Does nothing and returns false if `y` ends too soon.
#[inline(always)]
pub(crate) fn transpose_lines<'a, S: Simd>(
    s: S,
    lines: usize,
    stride: usize,
    line: impl Fn(usize) -> &'a [f32],
    y: &mut [f32],
) -> bool {
    const ZEROS: [f32; 16] = [0.0; 16];
    let groups = lines.div_ceil(S::LANES);
    if y.len() < (S::LANES - 1) * stride + groups * S::LANES {
        return false;
    }
    for group in (0..groups).rev() {
        let first = group * S::LANES;
        let mut x = [ZEROS.as_ptr(); 16];
        for (l, x) in x[..S::LANES].iter_mut().enumerate() {
            if first + l < lines {
                let line = line(first + l);
                assert!(line.len() >= S::LANES, "a line is shorter than a square");
                *x = line.as_ptr();
            }
        }
        // SAFETY: the first LANES pointers lead to LANES readable f32 each, checked above, and the
        // last vector ends at first + (LANES - 1) * stride + LANES, inside y as checked on entry.
        unsafe { s.transpose_ptr(&x, y.as_mut_ptr().add(first), stride) };
    }
    true
}
