//! A convolution at stride 1: lanes along the pixels of an image.
//!
//! In an image that was copied between its padding, the input of a tap is the output's position
//! plus a constant, for all outputs: y[o, q] = sum over the taps of w x[offset + q], with q running
//! over the rows of the padded image. So outputs are computed for OH rows of the padded width, of which OW
//! columns are kept: 8 of 12 for the second layer of LeNet-5, 32 of 34 for a 3 x 3 layer of a VGG.

use super::runs::{Row, Runs};
use super::{LIMIT, SparseForward, length};
use crate::activation::Activation;
use crate::conv::Conv2d;
use crate::isa::Isa;
use crate::simd::{Kernel, Simd};
use crate::size;
use crate::threads::{Exec, Parts};

/// Multiplications of a task, as in `samples.rs`.
const TASK_MACS: usize = 1 << 19;

/// The most lanes that a last vector covers past its run.
const SLACK: usize = 16;

/// Filters w: `[OC, C / groups, KH, KW]` without their zeros, for images of one size.
#[derive(Clone, Debug)]
pub struct SparseConv2d {
    isa: Isa,
    shape: Conv2d,
    runs: Runs,
}

impl SparseConv2d {
    /// Whether there is a kernel for a convolution: it must be [possible](Conv2d::is_valid), its stride
    /// must be 1, and offsets are u32.
    pub fn serves(shape: &Conv2d) -> bool {
        let served = shape.is_valid() && shape.stride == [1, 1] && shape.n > 0;
        served && padded(shape).2.max(shape.w_len()) <= LIMIT
    }

    /// Lays out w.
    ///
    /// # Panics
    /// If [`serves`](Self::serves) says no, the shape is impossible, or the length of `w` is not
    /// that of the shape.
    #[track_caller]
    pub fn new(isa: Isa, shape: Conv2d, w: &[f32]) -> SparseConv2d {
        shape.check();
        assert!(SparseConv2d::serves(&shape), "sparse: no kernel for {shape:?}");
        length("w", w.len(), shape.w_len());
        let Conv2d { oc, c, kh, kw, groups, dilation, .. } = shape;
        let (height, width, _) = padded(&shape);
        let depth = c / groups;
        let runs = Runs::new(w, [oc, depth * kh * kw], |o, tap| {
            let (p, q) = (tap / kw % kh * dilation[0], tap % kw * dilation[1]);
            let channel = o / (oc / groups) * depth + tap / (kh * kw);
            (channel * height + p) * width + q
        });
        SparseConv2d { isa, shape, runs }
    }

    /// Weights that are not zero.
    pub fn kept(&self) -> usize {
        self.runs.kept()
    }

    /// Scratch elements that [`forward`](Self::forward) wants.
    ///
    /// # Panics
    /// If memory cannot hold so many.
    #[track_caller]
    pub fn scratch_len(&self) -> usize {
        size::elements("sparse: scratch of", &[self.cut().1, self.task_len()])
    }

    /// Images of a task, and tasks; by the shape alone.
    fn cut(&self) -> (usize, usize) {
        let Conv2d { n, .. } = self.shape;
        let image = (self.kept() * self.run()).max(1);
        let each = (TASK_MACS / image).clamp(1, n);
        (each, n.div_ceil(each))
    }

    /// One padded image, and one channel of the output at the padded width.
    fn task_len(&self) -> usize {
        padded(&self.shape).2 + self.run() + 2 * SLACK
    }

    /// Positions from the first output to the last, at the padded width.
    fn run(&self) -> usize {
        (self.shape.oh() - 1) * padded(&self.shape).1 + self.shape.ow()
    }

    /// y = act(x * w + bias) for x: `[N, C, H, W]` and y: `[N, OC, OH, OW]`.
    ///
    /// # Panics
    /// If a length does not fit, `scratch` is shorter than [`scratch_len`](Self::scratch_len) says,
    /// or the instruction set is not the one of the layout.
    #[track_caller]
    pub fn forward(&self, exec: Exec, op: &SparseForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        let shape = &self.shape;
        assert!(exec.isa().name() == self.isa.name(), "sparse: laid out for {:?}", self.isa);
        length("x", op.x.len(), shape.x_len());
        length("y", y.len(), shape.y_len());
        op.check_bias(shape.oc);
        let wants = self.scratch_len();
        assert!(scratch.len() >= wants, "sparse: scratch is {}, wanted {wants}", scratch.len());
        let (isa, len) = (exec.isa(), self.task_len());
        let [image_x, image_y] = [shape.x_len() / shape.n, shape.y_len() / shape.n];
        if !exec.is_parallel() {
            return isa.run(Images { conv: self, op, x: op.x, y, scratch: &mut scratch[..len] });
        }
        let each = self.cut().0;
        exec.chunks2(Parts::new(y, each * image_y), Parts::new(scratch, len), |i, y, scratch| {
            let x = &op.x[i * each * image_x..][..y.len() / image_y * image_x];
            isa.run(Images { conv: self, op, x, y, scratch });
        });
    }
}

/// Height and width of the padded image, and elements of all its channels.
fn padded(shape: &Conv2d) -> (usize, usize, usize) {
    let [height, width] = [shape.h + 2 * shape.padding[0], shape.w + 2 * shape.padding[1]];
    (height, width, shape.c * height * width)
}

struct Images<'a> {
    conv: &'a SparseConv2d,
    op: &'a SparseForward<'a>,
    x: &'a [f32],
    y: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for Images<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Images { conv, op, x, y, scratch } = self;
        let shape = &conv.shape;
        let (_, width, len) = padded(shape);
        let (image, line) = scratch.split_at_mut(len + SLACK);
        image.fill(0.0);
        let [image_x, image_y] = [shape.x_len() / shape.n, shape.y_len() / shape.n];
        for (x, y) in x.chunks_exact(image_x).zip(y.chunks_exact_mut(image_y)) {
            conv.copy(s, x, image);
            for (row, o) in conv.runs.rows() {
                conv.channel(s, row, image, line, op.ending(o));
                let plane = &mut y[o * shape.oh() * shape.ow()..][..shape.oh() * shape.ow()];
                for (from, to) in line.chunks(width).zip(plane.chunks_exact_mut(shape.ow())) {
                    copy(s, from, to);
                }
            }
        }
    }
}

impl SparseConv2d {
    /// The image between its padding, which is zero already.
    #[inline(always)]
    fn copy<S: Simd>(&self, s: S, x: &[f32], image: &mut [f32]) {
        let Conv2d { h, w, padding, .. } = self.shape;
        let (height, width, _) = padded(&self.shape);
        for (x, channel) in x.chunks_exact(h * w).zip(image.chunks_exact_mut(height * width)) {
            let rows = channel.chunks_exact_mut(width).skip(padding[0]);
            for (from, to) in x.chunks_exact(w).zip(rows) {
                copy(s, from, &mut to[padding[1]..][..w]);
            }
        }
    }

    /// One channel of the output, at the padded width.
    #[inline(always)]
    fn channel<S: Simd>(
        &self,
        s: S,
        row: Row<'_>,
        image: &[f32],
        line: &mut [f32],
        ending: (f32, Activation),
    ) {
        let run = self.run();
        let mut at = 0;
        while at < run {
            let (x, line) = (&image[at..], &mut line[at..]);
            at += S::LANES
                * match (run - at).div_ceil(S::LANES) {
                    4.. => vectors::<S, 4>(s, row, x, line, ending),
                    2 | 3 => vectors::<S, 2>(s, row, x, line, ending),
                    _ => vectors::<S, 1>(s, row, x, line, ending),
                };
        }
    }
}

/// Stores V vectors, and says how many.
#[inline(always)]
fn vectors<S: Simd, const V: usize>(
    s: S,
    row: Row<'_>,
    x: &[f32],
    line: &mut [f32],
    ending: (f32, Activation),
) -> usize {
    let sums = row.sum::<S, V>(s, x, ending);
    for (&sum, line) in sums.iter().zip(line.chunks_exact_mut(S::LANES)) {
        s.store(line, sum);
    }
    V
}

/// Copies as many elements as `to` has: rows are short, and a call of memcpy takes longer.
#[inline(always)]
fn copy<S: Simd>(s: S, from: &[f32], to: &mut [f32]) {
    for (from, to) in from[..to.len()].chunks(S::LANES).zip(to.chunks_mut(S::LANES)) {
        if to.len() == S::LANES {
            s.store(to, s.load(from));
        } else {
            s.store_tail(to, s.load_tail(from));
        }
    }
}
