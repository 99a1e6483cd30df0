//! The shape of a convolution, and what follows from it.

use crate::size;

/// The shape of a convolution.
///
/// ```
/// use proxtape_kernels::conv::{Conv2d, ConvForward};
/// use proxtape_kernels::{Activation, Exec, Isa};
/// let conv = Conv2d { n: 1, c: 1, h: 3, w: 3, oc: 1, kh: 2, kw: 2, ..Conv2d::default() };
/// assert_eq!((conv.oh(), conv.ow()), (2, 2));
/// let exec = Exec::new(Isa::detect());
/// let mut scratch = vec![0.0; conv.scratch_len(exec.isa())];
/// let mut y = [f32::NAN; 4];
/// let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
/// let op = ConvForward { x: &x, w: &[1.0, 0.0, 0.0, 1.0], bias: None, activation: Activation::None };
/// conv.forward(exec, &op, &mut y, &mut scratch);
/// assert_eq!(y, [6.0, 8.0, 12.0, 14.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// N: images.
    pub n: usize,
    /// C: channels of the input.
    pub c: usize,
    /// H: height of the input.
    pub h: usize,
    /// W: width of the input.
    pub w: usize,
    /// OC: channels of the output.
    pub oc: usize,
    /// KH: height of the kernel.
    pub kh: usize,
    /// KW: width of the kernel.
    pub kw: usize,
    /// Between outputs, in h and w.
    pub stride: [usize; 2],
    /// Zeros on either side, in h and w.
    pub padding: [usize; 2],
    /// Between taps, in h and w.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other; C groups are a depthwise convolution.
    pub groups: usize,
}

impl Default for Conv2d {
    /// One image of one pixel, stride 1, no padding, no dilation, one group.
    fn default() -> Self {
        let (stride, padding, dilation) = ([1; 2], [0; 2], [1; 2]);
        Conv2d { n: 1, c: 1, h: 1, w: 1, oc: 1, kh: 1, kw: 1, stride, padding, dilation, groups: 1 }
    }
}

/// The most multiplications of a possible shape, those at every place of the padded image counted:
/// hours of work.
///
/// With d = n * OC * (C / groups) * KH * KW * (padded H) * (padded W) <= 2^47 no length inside can wrap,
/// so none is checked again. Each is a sum of products of some of the seven factors: x, w and y; for
/// each of 16 slots of scratch patches (16 d, lines rounded up), staged planes (an axis takes twice its
/// padded side, so 4 d) and outputs (16 d); Winograd's values, 36 * 16 d for inputs and as many for
/// outputs. That is 2^15 d at most, and 2^16 d is the largest number on the way (`conv/dots.rs`).
const MOST_WORK: usize = 1 << 47;

impl Conv2d {
    /// OH: height of the output.
    ///
    /// # Panics
    /// If the kernel does not fit into the padded image, a stride, dilation or side is 0, or memory cannot
    /// hold a side of the padded image.
    #[track_caller]
    pub fn oh(&self) -> usize {
        self.out(0)
    }

    /// OW: width of the output.
    ///
    /// # Panics
    /// As [`oh`](Self::oh).
    #[track_caller]
    pub fn ow(&self) -> usize {
        self.out(1)
    }

    /// h, w and KH, KW.
    fn sides(&self, axis: usize) -> (usize, usize) {
        ([self.h, self.w][axis], [self.kh, self.kw][axis])
    }

    /// A side of the image with its padding, if there is such a size.
    fn padded(&self, axis: usize) -> Option<usize> {
        size::sum(&[self.sides(axis).0, self.padding[axis], self.padding[axis]])
    }

    /// Places of the kernel along an axis, in steps of one, if it fits.
    fn places(&self, axis: usize) -> Option<usize> {
        let span = (self.sides(axis).1).checked_sub(1)?.checked_mul(self.dilation[axis])?;
        self.padded(axis)?.checked_sub(span).filter(|&places| places > 0)
    }

    #[track_caller]
    fn out(&self, axis: usize) -> usize {
        match (self.places(axis), self.stride[axis]) {
            (Some(places), stride @ 1..) => (places - 1) / stride + 1,
            _ => panic!("conv: the kernel must fit into the padded image, {self:?}"),
        }
    }

    /// Elements of x.
    ///
    /// # Panics
    /// If memory cannot hold so many.
    #[track_caller]
    pub fn x_len(&self) -> usize {
        size::elements("conv: x", &[self.n, self.c, self.h, self.w])
    }

    /// Elements of w.
    ///
    /// # Panics
    /// If there is no group, or memory cannot hold so many.
    #[track_caller]
    pub fn w_len(&self) -> usize {
        size::elements("conv: w", &[self.oc, self.depth(), self.kh, self.kw])
    }

    /// Elements of y.
    ///
    /// # Panics
    /// As [`oh`](Self::oh), and if memory cannot hold so many.
    #[track_caller]
    pub fn y_len(&self) -> usize {
        size::elements("conv: y", &[self.n, self.oc, self.oh(), self.ow()])
    }

    /// Multiplications of one forward pass, those with padding counted.
    ///
    /// # Panics
    /// As [`w_len`](Self::w_len) and [`y_len`](Self::y_len), and if there are more than memory could hold.
    #[track_caller]
    pub fn macs(&self) -> u64 {
        let [y, depth] =
            [[self.n, self.oc, self.oh(), self.ow()], [self.depth(), self.kh, self.kw, 1]];
        size::elements("conv: multiplications of", [y, depth].as_flattened()) as u64
    }

    /// Channels of the input that a filter sees.
    #[track_caller]
    fn depth(&self) -> usize {
        assert!(
            self.groups > 0,
            "conv: sizes, strides and dilations must be at least 1, this is {self:?}"
        );
        self.c / self.groups
    }

    /// Whether there is such a convolution, of a size that the kernels take: sizes (but n), strides and
    /// dilations are at least 1, the groups divide both numbers of channels, the kernel fits into the padded
    /// image, and strides, dilations and the number of multiplications, counted at every place of the padded
    /// image, are at most 2^47.
    ///
    /// ```
    /// use proxtape_kernels::conv::Conv2d;
    /// let conv = Conv2d { h: 5, w: 5, kh: 3, kw: 3, ..Conv2d::default() };
    /// assert!(conv.is_valid());
    /// assert!(!Conv2d { padding: [1 << 57, 0], ..conv }.is_valid());
    /// ```
    pub fn is_valid(&self) -> bool {
        self.fault().is_none()
    }

    /// What is wrong with the shape.
    fn fault(&self) -> Option<&'static str> {
        let Conv2d { n, c, oc, groups, kh, kw, .. } = *self;
        let positive = [c, self.h, self.w, oc, kh, kw, groups];
        let steps = [self.stride, self.dilation];
        if positive.contains(&0) || steps.iter().any(|s| s.contains(&0)) {
            return Some("sizes, strides and dilations must be at least 1, this is");
        }
        if !c.is_multiple_of(groups) || !oc.is_multiple_of(groups) {
            return Some("groups must divide c and oc,");
        }
        const LARGE: Option<&str> =
            Some("strides, dilations and the number of multiplications must be at most 2^47,");
        if steps.as_flattened().iter().any(|&step| step > MOST_WORK) {
            return LARGE;
        }
        let [Some(h), Some(w)] = [self.padded(0), self.padded(1)] else { return LARGE };
        if self.places(0).is_none() || self.places(1).is_none() {
            return Some("the kernel must fit into the padded image,");
        }
        match size::product(&[n, oc, c / groups, kh, kw, h, w].map(|factor| factor.max(1))) {
            Some(..=MOST_WORK) => None,
            _ => LARGE,
        }
    }

    #[track_caller]
    pub(crate) fn check(&self) {
        if let Some(fault) = self.fault() {
            panic!("conv: {fault} {self:?}");
        }
    }
}
