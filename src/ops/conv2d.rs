//! `y[n, oc]` = `b[oc]` + the sum over c of `x[n, c]` correlated with `w[oc, c]`, as in PyTorch.
//!
//! dx is a convolution of dy with the turned weights, dw a correlation of x with dy, db the sum of
//! dy over samples and positions.

use super::elementwise::Identity;
use crate::{Exec, Forward, Primitive, Tape, Var, Vjp, Workspace};
use proxtape_kernels::Activation;
use proxtape_kernels::broadcast::{self, Strided, StridedMut};
use proxtape_kernels::conv::{Conv2d, ConvForward, ConvInputGradient, ConvWeightGradient};
use proxtape_kernels::size;

/// How a convolution moves over the image; every pair is `[vertical, horizontal]`.
///
/// ```
/// use proxtape::ops::ConvAttrs;
/// let same = ConvAttrs { padding: [1, 1], ..ConvAttrs::default() };
/// assert_eq!((same.stride, same.dilation, same.groups), ([1, 1], [1, 1], 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvAttrs {
    /// Pixels between two positions of the filter.
    pub stride: [usize; 2],
    /// Zeros added at both ends of each axis.
    pub padding: [usize; 2],
    /// Pixels between two taps of the filter.
    pub dilation: [usize; 2],
    /// Into how many independent convolutions the channels are cut.
    pub groups: usize,
}

impl Default for ConvAttrs {
    fn default() -> ConvAttrs {
        ConvAttrs { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

/// x: `[N, C, H, W]`, w: `[OC, C / groups, KH, KW]`, b: `[OC]`, y: `[N, OC, OH, OW]`.
struct Conv(Conv2d);

impl Primitive for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn workspace(&self, exec: Exec) -> Workspace {
        Workspace { scratch: self.0.scratch_len(exec.isa()), ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        let op = ConvForward {
            x: cx.x.get(0),
            w: cx.x.get(1),
            bias: (cx.x.len() == 3).then(|| cx.x.get(2)),
            activation: Activation::None,
        };
        self.0.forward(cx.exec, &op, cx.y, cx.scratch);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let (x, w, dy) = (cx.x.get(0), cx.x.get(1), cx.dy);
        match cx.input {
            0 => {
                let op = ConvInputGradient { w, dy };
                self.0.input_gradient(cx.exec, &op, cx.dx, cx.accumulate, cx.scratch);
            }
            1 => {
                let op = ConvWeightGradient { x, dy };
                self.0.weight_gradient(cx.exec, &op, cx.dx, cx.accumulate, cx.scratch);
            }
            // db[oc] = the sum of dy: [N, OC, OH OW] over the first and the last axis.
            _ => {
                let Conv2d { n, oc, .. } = self.0;
                let area = self.0.oh() * self.0.ow();
                let dy = Strided { data: dy, strides: &[oc * area, area, 1] };
                let db = StridedMut { data: cx.dx, strides: &[0, 1, 0] };
                broadcast::reduce(cx.exec, Identity, &[n, oc, area], [dy], db, cx.accumulate);
            }
        }
    }
}

/// The convolution of images x: `[N, C, H, W]` with w: `[OC, C / groups, KH, KW]` and b: `[OC]`
/// gives `[N, OC, OH, OW]` with OH = (H + 2 padding - dilation (KH - 1) - 1) / stride + 1.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (x, w) = (tape.variable([1, 1, 2, 3]), tape.variable([1, 1, 2, 2]));
/// let y = ops::conv2d(&mut tape, x, w, None, ops::ConvAttrs::default());
/// tape.set(x, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// tape.set(w, &[1.0, 0.0, 0.0, 10.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.shape(y).dims(), [1, 1, 1, 2]);
/// assert_eq!(tape.value(y), [51.0, 62.0]);
/// tape.backward_from(params, y, &[1.0, 0.0], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(w), [1.0, 2.0, 4.0, 5.0]);
/// ```
///
/// # Panics
/// If x or w is not four-dimensional, the channels do not fit the groups, the filter is larger
/// than the padded image, a stride or dilation is 0, b is not `[OC]`, or the sizes are more than
/// [the kernels take](Conv2d::is_valid).
#[track_caller]
pub fn conv2d(tape: &mut Tape, x: Var, w: Var, b: Option<Var>, attrs: ConvAttrs) -> Var {
    let (xs, ws) = (tape.shape(x), tape.shape(w));
    let (&[n, c, h, width], &[oc, depth, kh, kw]) = (xs.dims(), ws.dims()) else {
        panic!(
            "conv2d: x is {xs} and w is {ws}; they must be [N, C, H, W] and [OC, C/groups, KH, KW]"
        );
    };
    let ConvAttrs { stride, padding, dilation, groups } = attrs;
    assert!(
        groups > 0 && c % groups == 0 && oc % groups == 0,
        "conv2d: {c} channels in and {oc} out; both must be multiples of the {groups} groups"
    );
    assert!(
        depth == c / groups,
        "conv2d: x is {xs} and w is {ws} with groups {groups}; w must be [OC, {}, KH, KW]",
        c / groups
    );
    for i in 0..2 {
        assert!(stride[i] > 0, "conv2d: stride is {stride:?}; it must be 1 or more");
        assert!(dilation[i] > 0, "conv2d: dilation is {dilation:?}; it must be 1 or more");
        let image =
            size::total("conv2d: a padded side of", &[[h, width][i], padding[i], padding[i]]);
        let span = [kh, kw][i].checked_sub(1).and_then(|gaps| gaps.checked_mul(dilation[i]));
        assert!(
            span.is_some_and(|span| span < image),
            "conv2d: x is {xs} and w is {ws} with padding {padding:?} and dilation {dilation:?}; \
             the filter must lie inside the padded image"
        );
    }
    let op = Conv2d { n, c, h, w: width, oc, kh, kw, stride, padding, dilation, groups };
    assert!(
        op.is_valid(),
        "conv2d: x is {xs} and w is {ws} with {attrs:?}; channels and sides must be 1 or more, and strides, \
         dilations and the number of multiplications at most 2^47"
    );
    let shape = [n, oc, op.oh(), op.ow()];
    let Some(b) = b else {
        return tape.record(Conv(op), &[x, w], shape);
    };
    let bs = tape.shape(b);
    assert!(bs.dims() == [oc], "conv2d: w is {ws} and b is {bs}; b must be [{oc}]");
    tape.record(Conv(op), &[x, w, b], shape)
}
