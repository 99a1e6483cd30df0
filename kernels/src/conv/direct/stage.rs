//! Planes with channels last: [image, row, column, channel], with a border of zeros.

use crate::conv::lanes::{slack, to_lanes};
use crate::simd::{Kernel, Simd};

/// Where staged elements lie: all channels of a position, all positions of a row, and so on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) images: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// From one position to the next.
    pub(super) pitch: usize,
}

impl Layout {
    pub(super) fn row(&self) -> usize {
        self.cols * self.pitch
    }

    pub(super) fn image(&self) -> usize {
        self.rows * self.row()
    }

    pub(super) fn len(&self) -> usize {
        self.images * self.image() + slack(self.pitch)
    }
}

/// The planes that are staged, from the first image's first channel on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes<'a> {
    pub(super) data: &'a [f32],
    /// From one image to the next.
    pub(super) image: usize,
    pub(super) channels: usize,
    /// H, W.
    pub(super) size: [usize; 2],
}

/// Which rows and columns are staged: `each` rows of every `step`, from the coordinates `first` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) first: [isize; 2],
    pub(super) step: usize,
    pub(super) each: usize,
}

/// Stages a part of some planes.
pub(super) struct Stage<'a> {
    pub(super) planes: Planes<'a>,
    pub(super) part: Part,
    pub(super) layout: Layout,
    pub(super) dst: &'a mut [f32],
}

impl Kernel for Stage<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Stage { planes, part: Part { first, step, each }, layout, dst } = self;
        let Planes { data, image, channels, size: [h, w] } = planes;
        let Layout { images, rows, cols, pitch } = layout;
        // Columns left of the planes, and those inside.
        let left = first[1].min(0).unsigned_abs().min(cols);
        let skip = first[1].max(0).unsigned_abs().min(w);
        let inside = (w - skip).min(cols - left);
        let row_len = layout.row();
        for (n, j) in (0..images).flat_map(|n| (0..rows).map(move |j| (n, j))) {
            let y = first[0] + (j / each * step + j % each) as isize;
            // What a row writes too much is covered by the next.
            let row = &mut dst[n * layout.image() + j * row_len..];
            if inside > 0 && (0..h as isize).contains(&y) {
                let start = n * image + y.unsigned_abs() * w + skip;
                let end = (left + inside) * pitch;
                row[..left * pitch].fill(0.0);
                to_lanes(
                    s,
                    (data, start, h * w),
                    channels,
                    inside,
                    (&mut row[left * pitch..], pitch),
                );
                row[end..row_len].fill(0.0);
            } else {
                row[..row_len].fill(0.0);
            }
        }
    }
}
