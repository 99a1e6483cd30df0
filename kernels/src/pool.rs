//! Max, average and global average pooling over planes.
//!
//! Output (i, j) of a plane sees the window of KH x KW inputs from row `i * SH - PH` and column
//! `j * SW - PW` on, as far as it lies inside the plane:
//!
//! ```text
//! OH = (H + 2 PH - KH) / SH + 1 (rounded down),  OW likewise
//! max:      y = max(window),            dx[index] += dy
//! average:  y = sum(window) / (KH KW),  dx[window] += dy / (KH KW)
//! ```
//!
//! As in PyTorch: of equal maxima the first in row-major order wins, a NaN in the window is its
//! maximum (the last one, if there are several), padding counts in the average and never in the
//! maximum, and it is at most half a kernel, so that no window is all padding.
//!
//! ```
//! use proxtape_kernels::{Exec, Isa, pool::Pool2d};
//! let exec = Exec::new(Isa::detect());
//! let pool = Pool2d { planes: 1, h: 2, w: 4, kernel: [2, 2], stride: [2, 2], padding: [0, 0] };
//! let x = [1.0, 2.0, 7.0, 7.0, 4.0, 3.0, 6.0, 0.0];
//! let (mut y, mut index) = ([0.0; 2], [0; 2]);
//! pool.max(exec, &x, &mut y, &mut index);
//! assert_eq!((y, index), ([4.0, 7.0], [4, 2]));
//! pool.average(exec, &x, &mut y);
//! assert_eq!(y, [2.5, 5.0]);
//! ```

mod forward;
mod global;
mod quads;
mod vjp;

pub use global::{global_average, global_average_vjp};

use crate::{Accumulate, Exec, size};

/// Outputs or inputs, whichever are more, below which work stays on the calling thread, and of
/// which a task has at least as many: 16 Ki inputs take 2 to 5 us.
const TASK: usize = 16 * 1024;

/// The shape of a pooling: x: [planes, H, W] to y: [planes, OH, OW], planes = N * C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// N * C.
    pub planes: usize,
    /// Rows of a plane.
    pub h: usize,
    /// Columns of a plane.
    pub w: usize,
    /// [KH, KW], each at least 1.
    pub kernel: [usize; 2],
    /// [SH, SW], each at least 1.
    pub stride: [usize; 2],
    /// [PH, PW] on both sides, at most half the kernel.
    pub padding: [usize; 2],
}

impl Pool2d {
    /// OH, the rows of an output plane; 0 if the kernel does not fit or the plane is empty.
    ///
    /// # Panics
    /// If a stride is 0, or memory cannot hold a padded side.
    #[inline(always)]
    #[track_caller]
    pub fn oh(&self) -> usize {
        self.outputs(0, self.h)
    }

    /// OW, the columns of an output plane; 0 if the kernel does not fit or the plane is empty.
    ///
    /// # Panics
    /// As [`oh`](Self::oh).
    #[inline(always)]
    #[track_caller]
    pub fn ow(&self) -> usize {
        self.outputs(1, self.w)
    }

    /// Elements of x.
    ///
    /// # Panics
    /// If memory cannot hold so many.
    #[inline(always)]
    #[track_caller]
    pub fn x_len(&self) -> usize {
        size::elements("pool: x", &[self.planes, self.h, self.w])
    }

    /// Elements of y.
    ///
    /// # Panics
    /// As [`oh`](Self::oh), and if memory cannot hold so many.
    #[inline(always)]
    #[track_caller]
    pub fn y_len(&self) -> usize {
        size::elements("pool: y", &[self.planes, self.oh(), self.ow()])
    }

    /// Whether [`max`](Self::max) can tell where a maximum is: (KH - 1) * W + KW, the offsets in a window,
    /// is at most 2^23, and the elements of a plane are fewer than 2^32.
    ///
    /// ```
    /// use proxtape_kernels::pool::Pool2d;
    /// let pool = Pool2d { planes: 1, h: 4, w: 4, kernel: [2, 2], stride: [2, 2], padding: [0, 0] };
    /// assert!(pool.is_indexable());
    /// assert!(!Pool2d { kernel: [2, 1 << 23], padding: [0, 1 << 22], ..pool }.is_indexable());
    /// ```
    pub fn is_indexable(&self) -> bool {
        let [kh, kw] = self.kernel;
        // Offsets in a window travel through f32 lanes, which hold integers exactly up to 2^24.
        let offsets = kh.saturating_sub(1).saturating_mul(self.w).saturating_add(kw);
        offsets <= forward::MAX_OFFSET && u32::try_from(self.h.saturating_mul(self.w)).is_ok()
    }

    /// The maximum of each window, and where it is: `index` counts in its plane, row-major.
    ///
    /// # Panics
    /// If a length does not fit, a kernel or stride is 0, the padding exceeds half the kernel, memory
    /// cannot hold x, y, a kernel or a padded side, or the maxima are not [indexable](Self::is_indexable).
    #[track_caller]
    pub fn max(&self, exec: Exec, x: &[f32], y: &mut [f32], index: &mut [u32]) {
        self.check("max", x.len(), y.len());
        check("max", "index", index.len(), self.y_len());
        assert!(
            self.is_indexable(),
            "max: (KH - 1) * W + KW must be at most 2^23 and H * W below 2^32, this is {self:?}"
        );
        forward::max(exec, self, x, y, index);
    }

    /// The gradient of x: adds each dy where `index`, from [`max`](Self::max), says. Under
    /// [`Accumulate::Store`] the rest of dx becomes 0.
    ///
    /// # Panics
    /// As [`average`](Self::average), and if an index lies outside the plane.
    #[track_caller]
    pub fn max_vjp(&self, exec: Exec, dy: &[f32], index: &[u32], dx: &mut [f32], acc: Accumulate) {
        self.check("max_vjp", dx.len(), dy.len());
        check("max_vjp", "index", index.len(), self.y_len());
        vjp::max(exec, self, dy, index, dx, acc);
    }

    /// The sum of each window over KH * KW.
    ///
    /// # Panics
    /// If a length does not fit, a kernel or stride is 0, the padding exceeds half the kernel, or memory
    /// cannot hold x, y, a kernel or a padded side.
    #[track_caller]
    pub fn average(&self, exec: Exec, x: &[f32], y: &mut [f32]) {
        self.check("average", x.len(), y.len());
        forward::average(exec, self, x, y);
    }

    /// The gradient of x: adds `dy / (KH * KW)` to each input of the window. Under
    /// [`Accumulate::Store`] what no window covers becomes 0.
    ///
    /// # Panics
    /// As [`average`](Self::average).
    #[track_caller]
    pub fn average_vjp(&self, exec: Exec, dy: &[f32], dx: &mut [f32], acc: Accumulate) {
        self.check("average_vjp", dx.len(), dy.len());
        vjp::average(exec, self, dy, dx, acc);
    }

    // Inlined, and without a panic that shows `self`: kernels know sizes as constants, and what has an
    // address stays in memory (2.4 times the time of a 2 x 2 pool).
    #[inline(always)]
    #[track_caller]
    fn outputs(&self, axis: usize, side: usize) -> usize {
        assert!(self.stride[axis] > 0, "pool: the stride of axis {axis} is 0");
        if side == 0 {
            return 0;
        }
        let padding = self.padding[axis];
        let padded = size::total("pool: a padded side of", &[side, padding, padding]);
        padded.checked_sub(self.kernel[axis]).map_or(0, |room| room / self.stride[axis] + 1)
    }

    #[track_caller]
    fn check(&self, op: &str, x: usize, y: usize) {
        let Pool2d { kernel, stride, padding, .. } = *self;
        for axis in 0..2 {
            assert!(kernel[axis] > 0, "{op}: the kernel {kernel:?} has a side of 0");
            assert!(stride[axis] > 0, "{op}: the stride {stride:?} has a 0");
            let half = kernel[axis] / 2;
            assert!(
                padding[axis] <= half,
                "{op}: the padding {padding:?} exceeds half the kernel {kernel:?}"
            );
        }
        size::elements("pool: a kernel of", &kernel);
        let (to_x, to_y) = if op.ends_with("vjp") { ("dx", "dy") } else { ("x", "y") };
        check(op, to_x, x, self.x_len());
        check(op, to_y, y, self.y_len());
    }

    /// Planes of one task.
    fn planes_per_task(&self) -> usize {
        let plane = (self.h * self.w).max(self.oh() * self.ow()).max(1);
        TASK.div_ceil(plane)
    }

    /// The same shape with other planes.
    fn with_planes(self, planes: usize) -> Pool2d {
        Pool2d { planes, ..self }
    }

    /// The part of 0..KH or 0..KW of output `o` that lies inside the plane.
    #[inline(always)]
    fn taps(&self, axis: usize, o: usize) -> core::ops::Range<usize> {
        let size = if axis == 0 { self.h } else { self.w };
        let from = o * self.stride[axis];
        let end = (size + self.padding[axis]).saturating_sub(from).min(self.kernel[axis]);
        self.padding[axis].saturating_sub(from)..end
    }

    /// The outputs of a row whose windows lie inside the plane's columns.
    #[inline(always)]
    fn interior(&self) -> core::ops::Range<usize> {
        let ([_, k], [_, s], [_, p]) = (self.kernel, self.stride, self.padding);
        let end = (self.w + p).checked_sub(k).map_or(0, |room| room / s + 1).min(self.ow());
        p.div_ceil(s).min(end)..end
    }
}

#[track_caller]
fn check(op: &str, name: &str, len: usize, want: usize) {
    assert!(len == want, "{op}: {name} has {len} elements, the shape needs {want}");
}
