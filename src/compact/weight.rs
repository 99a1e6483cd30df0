//! A weight [out, inputs, KH, KW] with its bias; a linear layer has a kernel of 1 x 1.

use std::ops::Range;

/// A linear layer or a convolution of one group.
pub(super) struct Weight {
    pub(super) w: Vec<f32>,
    pub(super) bias: Option<Vec<f32>>,
    pub(super) out: usize,
    pub(super) inputs: usize,
    /// [KH, KW].
    pub(super) kernel: [usize; 2],
    /// Where the kernel goes; `None` for a linear layer.
    pub(super) window: Option<Window>,
}

/// The way of a kernel over an image. Numbers of two are (height, width).
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) size: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) dilation: [usize; 2],
}

impl Window {
    /// The free way along one axis: size + 2 padding - dilation (kernel - 1) - 1, and never below 0
    /// in a model that was built.
    pub(super) fn way(&self, axis: usize, kernel: usize) -> usize {
        self.size[axis] + 2 * self.padding[axis] - self.dilation[axis] * (kernel - 1) - 1
    }

    /// Outputs along one axis.
    pub(super) fn outputs(&self, axis: usize, kernel: usize) -> usize {
        self.way(axis, kernel) / self.stride[axis] + 1
    }

    /// Whether position `k` of a kernel of `kernel` positions reads the border for some output:
    /// output o reads row o stride - padding + k dilation.
    fn meets_border(&self, axis: usize, k: usize, kernel: usize) -> bool {
        let first = k * self.dilation[axis];
        let last = first + (self.outputs(axis, kernel) - 1) * self.stride[axis];
        let padding = self.padding[axis];
        first < padding || last >= padding + self.size[axis]
    }
}

impl Weight {
    /// KH KW.
    pub(super) fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// The weights into an output.
    pub(super) fn row(&self, o: usize) -> &[f32] {
        let row = self.inputs * self.area();
        &self.w[o * row..][..row]
    }

    /// Where the weights from input `i` into output `o` are.
    pub(super) fn span(&self, o: usize, i: usize) -> Range<usize> {
        let start = (o * self.inputs + i) * self.area();
        start..start + self.area()
    }

    /// The weights out of an input, with their positions in the kernel.
    fn column(&self, i: usize) -> impl Iterator<Item = (usize, f32)> {
        (0..self.out).flat_map(move |o| self.w[self.span(o, i)].iter().copied().enumerate())
    }

    /// Whether an output depends on this input.
    pub(super) fn reads(&self, i: usize) -> bool {
        self.column(i).any(|(_, w)| w != 0.0)
    }

    /// Whether a weight out of this input is used at the border of the image, where it meets a zero
    /// of the padding instead of the input.
    pub(super) fn meets_border(&self, i: usize) -> bool {
        let (Some(window), [kh, kw]) = (self.window, self.kernel) else { return false };
        self.column(i).any(|(k, w)| {
            w != 0.0 && (window.meets_border(0, k / kw, kh) || window.meets_border(1, k % kw, kw))
        })
    }

    /// Sets the weights out of an input to zero.
    pub(super) fn clear_column(&mut self, i: usize) {
        for o in 0..self.out {
            let span = self.span(o, i);
            self.w[span].fill(0.0);
        }
    }
}
