//! How an output position reads its input: the geometry of both axes, and staged planes.
//!
//! Output g of an axis reads input coordinate g * step + start + t * tap for each tap t. A plane is
//! *staged* before it is packed: copied with its zero border, one image for each residue of the
//! coordinate mod `step`. Then every tap of every output row is one contiguous run, whatever the
//! stride, the padding and the dilation; the copy costs one pass where packing costs KH * KW.

use crate::gemm::pack::copy_line;
use crate::simd::{Kernel, Simd};
use core::ops::Range;

/// One axis of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Elements of the plane that is read.
    pub(super) size: usize,
    /// Outputs.
    pub(super) grid: usize,
    /// From one output to the next, in the input.
    pub(super) step: usize,
    /// How many taps, and where the first reads for output 0.
    pub(super) taps: usize,
    pub(super) start: isize,
    /// From one tap to the next; may be negative.
    pub(super) tap: isize,
}

impl Axis {
    /// The least offset of any tap.
    pub(super) fn least(&self) -> isize {
        self.start.min(self.start + (self.taps as isize - 1) * self.tap)
    }

    pub(super) fn span(&self) -> usize {
        (self.taps - 1) * self.tap.unsigned_abs()
    }

    /// Residues mod `step` that some tap reads; the taps' offsets count from the least.
    fn phases(&self) -> usize {
        self.step.min(self.span() + 1)
    }

    /// Staged positions of a phase that serve `grid` outputs.
    fn extent(&self, grid: usize) -> usize {
        grid + self.span() / self.step
    }

    /// The phase of a tap, and its shift there.
    fn place(&self, t: usize) -> (usize, usize) {
        let offset = (self.start + t as isize * self.tap - self.least()) as usize;
        (offset % self.step, offset / self.step)
    }

    /// The input coordinate of position `at` of a phase.
    fn coordinate(&self, at: usize, phase: usize) -> isize {
        (at * self.step + phase) as isize + self.least()
    }
}

/// Both axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) h: Axis,
    pub(super) w: Axis,
}

impl Window {
    pub(super) fn taps(&self) -> usize {
        self.h.taps * self.w.taps
    }

    pub(super) fn grid(&self) -> usize {
        self.h.grid * self.w.grid
    }

    /// The layout of so many channels staged for a block of outputs.
    pub(super) fn stage(&self, channels: usize, images: usize, rows: usize) -> Stage {
        let pitch = self.w.extent(self.w.grid);
        let plane = self.h.extent(rows) * pitch;
        let channel = self.h.phases() * self.w.phases() * plane;
        Stage { window: *self, images, rows, channels, pitch, plane, channel }
    }
}

/// The planes that are read, and those of them that a block wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes<'a> {
    /// From the first image's first channel on.
    pub(super) data: &'a [f32],
    /// From one image to the next.
    pub(super) image_stride: usize,
}

/// Staged planes: [image, channel, phase of h, phase of w, row, column].
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    window: Window,
    images: usize,
    rows: usize,
    channels: usize,
    pitch: usize,
    plane: usize,
    channel: usize,
}

/// Elements past the staged planes that whole vectors may read.
const SLACK: usize = 16;

impl Stage {
    pub(super) fn len(&self) -> usize {
        self.images * self.channels * self.channel + SLACK
    }

    /// From one image to the next, and from one row of outputs to the next.
    pub(super) fn image(&self) -> usize {
        self.channels * self.channel
    }

    pub(super) fn pitch(&self) -> usize {
        self.pitch
    }

    /// Outputs of the block.
    pub(super) fn outputs(&self) -> usize {
        self.images * self.rows * self.window.w.grid
    }

    /// Taps of all channels.
    pub(super) fn depth(&self) -> usize {
        self.channels * self.window.taps()
    }

    /// Where the taps `depth` = (channel, th, tw) of output 0 lie.
    pub(super) fn depth_offsets(&self, depth: Range<usize>, offsets: &mut [usize]) {
        let Window { h, w } = self.window;
        let (mut channel, tap) =
            (depth.start / self.window.taps(), depth.start % self.window.taps());
        let (mut th, mut tw) = (tap / w.taps, tap % w.taps);
        for offset in offsets {
            let ((ph, down), (pw, right)) = (h.place(th), w.place(tw));
            let phase = ph * w.phases() + pw;
            *offset = channel * self.channel + phase * self.plane + down * self.pitch + right;
            tw += 1;
            if tw == w.taps {
                (th, tw) = (th + 1, 0);
            }
            if th == h.taps {
                (channel, th) = (channel + 1, 0);
            }
        }
    }

    /// How many outputs, one after the other, are neighbours in the staged planes, too.
    pub(super) fn run(&self) -> usize {
        let w = self.window.w;
        if self.pitch == w.grid { self.rows * w.grid } else { w.grid }
    }

    /// The runs that make up the outputs of a range.
    pub(super) fn runs(&self, outputs: Range<usize>) -> impl Iterator<Item = Run> + use<> {
        let (this, run) = (*self, self.run());
        let (start, end, mut at) = (outputs.start, outputs.end, outputs.start);
        core::iter::from_fn(move || {
            let (begin, len) = (at, (run - at % run).min(end - at));
            at += len;
            let w = this.window.w.grid;
            let (image, rest) = (begin / (this.rows * w), begin % (this.rows * w));
            let row = image * this.channels * this.channel + rest / w * this.pitch;
            (len > 0).then_some(Run { src: row + rest % w, dst: begin - start, len })
        })
    }
}

fn phases(h: usize, w: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..h).flat_map(move |i| (0..w).map(move |j| (i, j)))
}

/// Copies planes into `staged`, for outputs from row `first` on.
pub(super) struct Fill<'a> {
    pub(super) stage: Stage,
    pub(super) planes: Planes<'a>,
    pub(super) first: usize,
    pub(super) staged: &'a mut [f32],
}

impl Kernel for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Fill { stage, planes, first, staged } = self;
        let Window { h, w } = stage.window;
        let area = h.size * w.size;
        let (staged, slack) = staged[..stage.len()].split_at_mut(stage.len() - SLACK);
        let mut rows = staged.chunks_exact_mut(stage.pitch);
        for image in 0..stage.images {
            for channel in 0..stage.channels {
                let start = image * planes.image_stride + channel * area;
                let plane = &planes.data[start..start + area];
                for (ph, pw) in phases(h.phases(), w.phases()) {
                    for row in rows.by_ref().take(stage.plane / stage.pitch).enumerate() {
                        let y = h.coordinate(first + row.0, ph);
                        if (0..h.size as isize).contains(&y) {
                            let line = &plane[y as usize * w.size..][..w.size];
                            copy_every(s, line, w.step, w.coordinate(0, pw), row.1);
                        } else {
                            zero(s, row.1);
                        }
                    }
                }
            }
        }
        zero(s, slack);
    }
}

/// y[i] = x[start + i * step], 0 outside of x. In vectors: rows are too short for calls of memcpy.
#[inline(always)]
fn copy_every<S: Simd>(s: S, x: &[f32], step: usize, start: isize, y: &mut [f32]) {
    let before = if start < 0 { start.unsigned_abs().div_ceil(step).min(y.len()) } else { 0 };
    let (left, y) = y.split_at_mut(before);
    zero(s, left);
    let start = (start + (before * step) as isize).max(0) as usize;
    let inside = x.len().saturating_sub(start).div_ceil(step).min(y.len());
    if step == 1 {
        copy_line(s, &x[start.min(x.len())..], inside, y);
    } else {
        for (i, y) in y[..inside].iter_mut().enumerate() {
            *y = x[start + i * step];
        }
    }
    zero(s, &mut y[inside..]);
}

#[inline(always)]
fn zero<S: Simd>(s: S, y: &mut [f32]) {
    for part in y.chunks_mut(S::LANES) {
        s.store_tail(part, s.zero());
    }
}

/// Outputs `dst..dst + len` of a range lie at `src` of the staged planes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub(super) src: usize,
    pub(super) dst: usize,
    pub(super) len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;

    struct Copy<'a>(&'a [f32], usize, isize, &'a mut [f32]);

    impl Kernel for Copy<'_> {
        type Output = ();

        fn run<S: Simd>(self, s: S) {
            let Copy(x, step, start, y) = self;
            copy_every(s, x, step, start, y);
        }
    }

    #[test]
    fn copy_every_pads_both_sides() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0];
        for (step, start, want) in [
            (1, -2, [0.0, 0.0, 1.0, 2.0, 3.0, 4.0]),
            (1, 3, [4.0, 5.0, 0.0, 0.0, 0.0, 0.0]),
            (2, -1, [0.0, 2.0, 4.0, 0.0, 0.0, 0.0]),
            (3, 1, [2.0, 5.0, 0.0, 0.0, 0.0, 0.0]),
            (1, 9, [0.0; 6]),
            (2, -20, [0.0; 6]),
        ] {
            for isa in Isa::available() {
                let mut y = [f32::NAN; 6];
                isa.run(Copy(&x, step, start, &mut y));
                assert_eq!(y, want, "{isa:?}, step {step}, start {start}");
            }
        }
    }
}
