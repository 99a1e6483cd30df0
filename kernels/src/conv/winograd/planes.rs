//! Planes to values and values to planes: the transforms of a block of tiles.

use super::axis::{Finish, Grid, OneAxis, POINTS, both_axes};
use crate::Accumulate;
use crate::activation::Activation;
use crate::conv::lanes::{Rows, SLACK, from_lanes, to_lanes};
use crate::simd::{Kernel, Simd};
use core::marker::PhantomData;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The tiles of a task: whole rows of tiles of some images.
#[derive(Clone, Debug)]
pub(super) struct Tiles {
    pub(super) images: Range<usize>,
    /// Rows of tiles.
    pub(super) rows: Range<usize>,
    /// Tiles of a row.
    pub(super) across: usize,
}

impl Tiles {
    pub(super) fn len(&self) -> usize {
        self.images.len() * self.rows.len() * self.across
    }
}

/// Values of tiles: value `f` of tile t and channel c lies at `f * step + t * channels + c`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    pub(super) step: usize,
    /// Rounded up to whole vectors.
    pub(super) channels: usize,
}

impl Values {
    /// For at most so many tiles. The values lie a line off a power of two: else all 36 vectors of
    /// a tile would fall into one set of L1.
    pub(super) fn new(tiles: usize, channels: usize, lanes: usize) -> Values {
        let channels = channels.next_multiple_of(lanes);
        Values { step: (tiles * channels).next_multiple_of(16) + 16, channels }
    }

    pub(super) fn len(&self) -> usize {
        POINTS * POINTS * self.step
    }

    fn grid(&self, ptr: *mut f32, tile: usize, channel: usize) -> Grid {
        let ptr = ptr.wrapping_add(tile * self.channels + channel);
        Grid { ptr, step: [(POINTS * self.step) as isize, self.step as isize] }
    }
}

/// Planes [N, C, H, W] that are cut into windows of I x I, M apart, the first at -pad.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) data: &'a [f32],
    pub(super) channels: usize,
    pub(super) size: [usize; 2],
    pub(super) pad: [usize; 2],
}

/// Elements that staged windows of one row of channels take.
pub(super) fn staged_len(rows: usize, across: usize, lanes: usize) -> usize {
    // At most 4 rows of outputs for a row of tiles, and 4 more around them.
    (4 * rows + 4) * (4 * across + 4) * lanes + SLACK
}

/// Values of the windows of a block of tiles.
pub(super) struct ToValues<'a, T, const M: usize, const I: usize> {
    pub(super) source: Source<'a>,
    pub(super) tiles: &'a Tiles,
    pub(super) staged: &'a mut [f32],
    pub(super) values: (&'a mut [f32], Values),
    pub(super) transform: PhantomData<T>,
}

impl<T: OneAxis<I, POINTS>, const M: usize, const I: usize> Kernel for ToValues<'_, T, M, I> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Tiles { images, rows, across } = self.tiles.clone();
        let (ref mut out, values) = self.values;
        assert!(out.len() >= values.len() && self.tiles.len() * values.channels <= values.step);
        let out = out.as_mut_ptr();
        let pitch = (across - 1) * M + I;
        let mut tile = 0;
        for image in images {
            for channel in (0..self.source.channels).step_by(S::LANES) {
                self.stage(s, image, channel, pitch);
                for row in 0..rows.len() {
                    for column in 0..across {
                        let first = (row * M * pitch + column * M) * S::LANES;
                        let step = [(pitch * S::LANES) as isize, S::LANES as isize];
                        let ptr = self.staged[first..].as_mut_ptr();
                        let to = values.grid(out, tile + row * across + column, channel);
                        // SAFETY: the window ends in the staged rows; the values of this tile and
                        // these channels lie in `out`, checked above.
                        unsafe {
                            both_axes::<S, T, I, POINTS>(s, Grid { ptr, step }, to, Finish::Store);
                        }
                    }
                }
            }
            tile += rows.len() * across;
        }
    }
}

impl<T, const M: usize, const I: usize> ToValues<'_, T, M, I> {
    /// Some channels of the rows that the windows cover, as lanes, with zeros around.
    #[inline(always)]
    fn stage<S: Simd>(&mut self, s: S, image: usize, channel: usize, pitch: usize) {
        let Source { data, channels, size: [h, w], pad: [above, left] } = self.source;
        let live = S::LANES.min(channels - channel);
        let first = (image * channels + channel) * h * w;
        let inside = w.min(pitch - left);
        let rows = self.tiles.rows.start * M..(self.tiles.rows.end - 1) * M + I;
        for (i, row) in rows.enumerate() {
            let line = &mut self.staged[i * pitch * S::LANES..];
            let row = row.wrapping_sub(above);
            if row < h {
                let plane = (data, first + row * w, h * w);
                to_lanes(s, plane, live, inside, (&mut line[left * S::LANES..], S::LANES));
                line[..left * S::LANES].fill(0.0);
                line[(left + inside) * S::LANES..pitch * S::LANES].fill(0.0);
            } else {
                line[..pitch * S::LANES].fill(0.0);
            }
        }
    }
}

/// Where the outputs go, and what is done to them.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Outputs<'a> {
    /// [N, C, H, W].
    pub(in crate::conv) ptr: *mut f32,
    pub(in crate::conv) channels: usize,
    pub(in crate::conv) size: [usize; 2],
    pub(in crate::conv) bias: Option<&'a [f32]>,
    pub(in crate::conv) activation: Activation,
    pub(in crate::conv) acc: Accumulate,
}

// SAFETY: an address of memory of which each task writes its own part.
unsafe impl Send for Outputs<'_> {}
// SAFETY: as above.
unsafe impl Sync for Outputs<'_> {}

/// Images of whose outputs one was not finite before the activation: a NaN or an infinity in a window
/// reaches all outputs of its tile. Images 1024 apart share a mark.
#[derive(Default)]
pub(in crate::conv) struct Spoilt([AtomicU64; 16]);

impl Spoilt {
    fn mark(&self, image: usize) {
        let (word, bit) = Spoilt::place(image);
        self.0[word].fetch_or(bit, Relaxed);
    }

    pub(in crate::conv) fn any(&self) -> bool {
        self.0.iter().any(|word| word.load(Relaxed) != 0)
    }

    pub(in crate::conv) fn has(&self, image: usize) -> bool {
        let (word, bit) = Spoilt::place(image);
        self.0[word].load(Relaxed) & bit != 0
    }

    fn place(image: usize) -> (usize, u64) {
        (image / 64 % 16, 1 << (image % 64))
    }
}

/// Outputs of a block of tiles from values: windows of O x O, M apart. Larger ones overlap and are
/// added; then the block is whole planes, and the first window begins at -pad.
pub(super) struct FromValues<'a, T, const M: usize, const O: usize> {
    outputs: Outputs<'a>,
    pad: [usize; 2],
    tiles: &'a Tiles,
    staged: &'a mut [f32],
    values: (&'a mut [f32], Values),
    spoilt: &'a Spoilt,
    transform: PhantomData<T>,
}

impl<'a, T, const M: usize, const O: usize> FromValues<'a, T, M, O> {
    /// The kernel.
    ///
    /// # Safety
    /// `outputs` must be writable (readable, to add to it) at the outputs of the tiles, by this task
    /// alone. Without a `pad` the windows begin at 0.
    pub(super) unsafe fn new(
        outputs: Outputs<'a>,
        pad: [usize; 2],
        tiles: &'a Tiles,
        staged: &'a mut [f32],
        values: (&'a mut [f32], Values),
        spoilt: &'a Spoilt,
    ) -> Self {
        FromValues { outputs, pad, tiles, staged, values, spoilt, transform: PhantomData }
    }
}

impl<T: OneAxis<POINTS, O>, const M: usize, const O: usize> Kernel for FromValues<'_, T, M, O> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Tiles { images, rows, across } = self.tiles.clone();
        let Outputs { ptr, channels, size: [h, w], bias, activation, acc } = self.outputs;
        let (values, [above, left]) = (self.values.1, self.pad);
        assert!(self.values.0.len() >= values.len());
        assert!(self.tiles.len() * values.channels <= values.step);
        let (pitch, lines) = ((across - 1) * M + O, (rows.len() - 1) * M + O);
        let first = rows.start * M;
        let end = if O > M { h } else { h.min(rows.end * M) };
        assert!(left + w <= pitch && above + end - first <= lines, "windows cover the outputs");
        let staged = &mut self.staged[..lines * pitch * S::LANES];
        let floor = match activation {
            Activation::None => f32::NEG_INFINITY,
            Activation::Relu => 0.0,
        };
        let mut tile = 0;
        for image in images {
            // Not finite where an output is not.
            let mut seen = s.zero();
            for channel in (0..channels).step_by(S::LANES) {
                let live = S::LANES.min(channels - channel);
                let bias = bias.map_or(s.zero(), |bias| s.load_tail(&bias[channel..][..live]));
                let mut finish = Finish::Output { bias, floor: s.splat(floor) };
                if O > M {
                    finish = Finish::Add;
                    staged.fill(0.0);
                }
                for row in 0..rows.len() {
                    for column in 0..across {
                        let at = (row * M * pitch + column * M) * S::LANES;
                        let step = [(pitch * S::LANES) as isize, S::LANES as isize];
                        let to = Grid { ptr: staged[at..].as_mut_ptr(), step };
                        let tile = tile + row * across + column;
                        let from = values.grid(self.values.0.as_mut_ptr(), tile, channel);
                        // SAFETY: both lie in buffers whose lengths were checked above.
                        let corners = unsafe { both_axes::<S, T, POINTS, O>(s, from, to, finish) };
                        if O == M {
                            seen = s.add(seen, corners);
                        }
                    }
                }
                let at = (image * channels + channel) * h * w + first * w;
                let count = (end - first) * w;
                let to = Rows { ptr: ptr.wrapping_add(at), step: h * w, live, count, acc };
                let line = staged[(above * pitch + left) * S::LANES..].as_ptr();
                let (mut line, mut column) = (line, 0);
                let next = || {
                    if column == w {
                        (line, column) = (line.wrapping_add(pitch * S::LANES), 0);
                    }
                    column += 1;
                    line.wrapping_add((column - 1) * S::LANES)
                };
                // SAFETY: `next` goes through the staged outputs of this block, row by row; the rest
                // is the caller's promise.
                unsafe { from_lanes(s, next, to) };
            }
            let not_finite = s.mul(seen, s.zero());
            if s.any(s.ne(not_finite, not_finite)) {
                self.spoilt.mark(image);
            }
            tile += rows.len() * across;
        }
    }
}
