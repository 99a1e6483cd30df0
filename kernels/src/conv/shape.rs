//! The shape of a convolution, and what follows from it.

/// The shape of a convolution.
///
/// ```
/// use proxtape_kernels::conv::{Conv2d, ConvForward};
/// use proxtape_kernels::gemm::Activation;
/// use proxtape_kernels::{Exec, Isa};
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

impl Conv2d {
    /// OH: height of the output.
    pub fn oh(&self) -> usize {
        self.out(0, self.h, self.kh)
    }

    /// OW: width of the output.
    pub fn ow(&self) -> usize {
        self.out(1, self.w, self.kw)
    }

    fn out(&self, axis: usize, size: usize, taps: usize) -> usize {
        let padded = size + 2 * self.padding[axis];
        (padded - self.dilation[axis] * (taps - 1) - 1) / self.stride[axis] + 1
    }

    /// Elements of x.
    pub fn x_len(&self) -> usize {
        self.n * self.c * self.h * self.w
    }

    /// Elements of w.
    pub fn w_len(&self) -> usize {
        self.oc * (self.c / self.groups) * self.kh * self.kw
    }

    /// Elements of y.
    pub fn y_len(&self) -> usize {
        self.n * self.oc * self.oh() * self.ow()
    }

    /// Multiplications of one forward pass, those with padding counted.
    pub fn macs(&self) -> u64 {
        (self.y_len() * (self.c / self.groups) * self.kh * self.kw) as u64
    }

    #[track_caller]
    pub(crate) fn check(&self) {
        let Conv2d { c, oc, groups, kh, kw, .. } = *self;
        let positive = [c, self.h, self.w, oc, kh, kw, groups];
        let steps = [self.stride, self.dilation];
        assert!(
            !positive.contains(&0) && steps.iter().all(|s| !s.contains(&0)),
            "conv: sizes, strides and dilations must be at least 1, this is {self:?}"
        );
        assert!(c % groups == 0 && oc % groups == 0, "conv: groups must divide c and oc, {self:?}");
        let fits = |axis: usize, size: usize, taps: usize| {
            self.dilation[axis] * (taps - 1) < size + 2 * self.padding[axis]
        };
        assert!(
            fits(0, self.h, kh) && fits(1, self.w, kw),
            "conv: the kernel must fit into the padded image, {self:?}"
        );
    }
}
