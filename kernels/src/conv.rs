//! Two-dimensional convolution without im2col: forward, input gradient, weight gradient.
//!
//! ```text
//! x: [N, C, H, W]    w: [OC, C / groups, KH, KW]    y: [N, OC, OH, OW]
//! OH = (H + 2 padding - dilation (KH - 1) - 1) / stride + 1
//! y[n, o, i, j] = act(bias[o] + sum over c, p, q of w[o, c, p, q] *
//!     x[n, c, i stride + p dilation - padding, j stride + q dilation - padding])
//! ```
//!
//! Each of the three is a matrix product whose patch operand is virtual (the idea is that of
//! `Im2Col` in R. Knight's rten): it packs itself, panel by panel, into the slivers that the
//! micro-kernel of `gemm` reads. The input gradient is in gather form: a correlation of dY with the
//! weights turned around. With a stride, inputs of different residues (h mod stride, w mod stride) meet
//! different taps; each residue is a correlation of its own with stride 1, so nothing is multiplied
//! with inserted zeros.

mod correlate;
mod patches;
mod weight;
mod window;
mod winograd;

use crate::Accumulate;
use crate::gemm::pack::Lines;
use crate::gemm::tile::Epilogue;
use crate::gemm::view::Dest;
use crate::gemm::{Activation, Bias};
use crate::isa::Isa;
use crate::threads::Exec;
use correlate::{Correlation, Target};
use patches::Turned;
use weight::WeightGradient;
use window::{Axis, Window};
use winograd::{Filters, Outputs, Winograd};

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

/// The operands of [`Conv2d::forward`].
#[derive(Clone, Copy, Debug)]
pub struct ConvForward<'a> {
    /// `[N, C, H, W]`.
    pub x: &'a [f32],
    /// `[OC, C / groups, KH, KW]`.
    pub w: &'a [f32],
    /// `[OC]`.
    pub bias: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Activation,
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

    /// Scratch elements that any of the three wants.
    pub fn scratch_len(&self, isa: Isa) -> usize {
        self.check();
        let epilogue = epilogue(0.0);
        let mut most = self.correlation(&[], epilogue).scratch_len(isa);
        most = most.max(self.weight(&[], &[], 0.0).scratch_len(isa));
        if let Some(winograd) = self.winograd() {
            most = most.max(winograd.scratch_len(isa)).max(winograd.gradient_scratch_len(isa));
        }
        if let Some(winograd) = self.winograd_input_gradient() {
            most = most.max(winograd.scratch_len(isa));
        }
        for phase in self.phases() {
            if let Some(phase) = self.phase(phase) {
                most = most.max(self.turned(&phase, &[], epilogue).scratch_len(isa));
            }
        }
        most
    }

    /// y = act(x * w + bias).
    ///
    /// # Panics
    /// If the shape is impossible, or a slice does not have the length that it asks for.
    #[track_caller]
    pub fn forward(&self, exec: Exec, op: &ConvForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        self.check();
        length("x", op.x.len(), self.x_len());
        length("w", op.w.len(), self.w_len());
        length("y", y.len(), self.y_len());
        self.check_scratch(exec, scratch);
        let bias = op.bias.map_or(Bias::None, |bias| {
            length("bias", bias.len(), self.oc);
            Bias::Rows(bias)
        });
        if let Some(winograd) = self.winograd() {
            let area = self.kh * self.kw;
            let filters = Filters {
                w: op.w,
                steps: [area, self.c * area],
                size: [self.c, self.oc],
                turned: false,
            };
            let outputs = Outputs {
                ptr: y.as_mut_ptr(),
                channels: self.oc,
                size: [self.oh(), self.ow()],
                bias: op.bias,
                activation: op.activation,
                acc: Accumulate::Store,
            };
            // SAFETY: y is borrowed for this call, and has an element for every output.
            return unsafe { winograd.run(exec, (op.x, filters), outputs, scratch) };
        }
        let epilogue = Epilogue { bias, activation: op.activation, ..epilogue(0.0) };
        let correlation = self.correlation(op.x, epilogue);
        let depth = self.w_len() / self.oc;
        let rows = self.oc / self.groups;
        let weights = |group: usize| Lines {
            data: &op.w[group * rows * depth..],
            line_stride: depth,
            depth_stride: 1,
        };
        let area = self.oh() * self.ow();
        let y = Dest { ptr: y.as_mut_ptr(), stride: [area, 1] };
        let target = Target { y, image: self.oc * area, plane: area, steps: [self.ow(), 1] };
        // SAFETY: y is borrowed for this call, and has an element for every output.
        unsafe { correlation.run(exec, weights, target, scratch) };
    }

    /// dx = or += the gradient of sum(y dy) in x, given (w, dy).
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    #[track_caller]
    pub fn input_gradient(
        &self,
        exec: Exec,
        (w, dy): (&[f32], &[f32]),
        dx: &mut [f32],
        acc: Accumulate,
        scratch: &mut [f32],
    ) {
        self.check();
        length("w", w.len(), self.w_len());
        length("dy", dy.len(), self.y_len());
        length("dx", dx.len(), self.x_len());
        self.check_scratch(exec, scratch);
        if let Some(winograd) = self.winograd_input_gradient() {
            let area = self.kh * self.kw;
            let filters = Filters {
                w,
                steps: [self.c * area, area],
                size: [self.oc, self.c],
                turned: !winograd.transposed,
            };
            let outputs = Outputs {
                ptr: dx.as_mut_ptr(),
                channels: self.c,
                size: [self.h, self.w],
                bias: None,
                activation: Activation::None,
                acc,
            };
            // SAFETY: dx is borrowed for this call, and has an element for every input.
            return unsafe { winograd.run(exec, (dy, filters), outputs, scratch) };
        }
        let area = self.h * self.w;
        let channels = self.c / self.groups;
        for [ph, pw] in self.phases() {
            let Some(phase) = self.phase([ph, pw]) else {
                if acc == Accumulate::Store {
                    for plane in dx.chunks_exact_mut(area) {
                        for row in plane.chunks_exact_mut(self.w).skip(ph).step_by(self.stride[0]) {
                            row.iter_mut().skip(pw).step_by(self.stride[1]).for_each(|x| *x = 0.0);
                        }
                    }
                }
                continue;
            };
            let correlation = self.turned(&phase, dy, epilogue(acc.beta()));
            let weights = |group: usize| Turned {
                w: &w[group * self.w_len() / self.groups..],
                channels,
                kernel: [self.kh, self.kw],
                taps: phase.taps,
            };
            // SAFETY: dx has rows and columns of this phase, since the phase is not empty.
            let ptr = unsafe { dx.as_mut_ptr().add(ph * self.w + pw) };
            let target = Target {
                y: Dest { ptr, stride: [area, 1] },
                image: self.c * area,
                plane: area,
                steps: [self.stride[0] * self.w, self.stride[1]],
            };
            // SAFETY: dx is borrowed for this call; the phase's grid ends inside each plane.
            unsafe { correlation.run(exec, weights, target, scratch) };
        }
    }

    /// dw = or += the gradient of sum(y dy) in w, given (x, dy).
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    #[track_caller]
    pub fn weight_gradient(
        &self,
        exec: Exec,
        (x, dy): (&[f32], &[f32]),
        dw: &mut [f32],
        acc: Accumulate,
        scratch: &mut [f32],
    ) {
        self.check();
        length("x", x.len(), self.x_len());
        length("dy", dy.len(), self.y_len());
        length("dw", dw.len(), self.w_len());
        self.check_scratch(exec, scratch);
        if self.n == 0 {
            if acc == Accumulate::Store {
                dw.fill(0.0);
            }
            return;
        }
        if let Some(winograd) = self.winograd() {
            return winograd.weight_gradient(exec, (x, dy), (dw, acc), scratch);
        }
        self.weight(x, dy, acc.beta()).run(exec, dw, scratch);
    }

    /// Whether forward pass and gradients run Winograd's algorithm, whose rounding error is about
    /// 2e-6 of the layer's largest result; otherwise it grows as in any sum of so many products.
    pub fn is_winograd(&self) -> bool {
        self.winograd().is_some()
    }

    /// Winograd's algorithm, if it serves this shape.
    fn winograd(&self) -> Option<Winograd> {
        let square = self.kh == self.kw && [3, 5].contains(&self.kh);
        let plain = square && self.stride == [1, 1] && self.dilation == [1, 1];
        let (channels, size) = ([self.c, self.oc], [[self.h, self.w], [self.oh(), self.ow()]]);
        let most = self.padding.iter().all(|&p| p < self.kh);
        let winograd = Winograd {
            images: self.n,
            channels,
            size,
            pad: self.padding,
            taps: self.kh,
            transposed: false,
        };
        (plain && most && self.groups == 1 && winograd.pays()).then_some(winograd)
    }

    /// The same for the input gradient: outputs become inputs.
    fn winograd_input_gradient(&self) -> Option<Winograd> {
        let w = self.winograd()?;
        let turned = Winograd {
            channels: [self.oc, self.c],
            size: [w.size[1], w.size[0]],
            pad: w.pad.map(|p| self.kh - 1 - p),
            ..w
        };
        Some(w.transpose().unwrap_or(turned))
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

    #[track_caller]
    fn check_scratch(&self, exec: Exec, scratch: &[f32]) {
        let (len, wants) = (scratch.len(), self.scratch_len(exec.isa()));
        assert!(len >= wants, "conv: scratch has {len} elements, this shape needs {wants}");
    }

    fn window(&self) -> Window {
        let axis = |i: usize, size, grid, taps| Axis {
            size,
            grid,
            step: self.stride[i],
            taps,
            start: -(self.padding[i] as isize),
            tap: self.dilation[i] as isize,
        };
        Window { h: axis(0, self.h, self.oh(), self.kh), w: axis(1, self.w, self.ow(), self.kw) }
    }

    fn correlation<'a>(&self, x: &'a [f32], epilogue: Epilogue<'a>) -> Correlation<'a> {
        Correlation {
            window: self.window(),
            images: self.n,
            groups: self.groups,
            channels: self.c / self.groups,
            rows: self.oc / self.groups,
            x,
            epilogue,
        }
    }

    fn weight<'a>(&self, x: &'a [f32], dy: &'a [f32], beta: f32) -> WeightGradient<'a> {
        WeightGradient {
            window: self.window(),
            images: self.n,
            groups: self.groups,
            channels: self.c / self.groups,
            rows: self.oc / self.groups,
            x,
            dy,
            beta,
        }
    }

    /// The correlation of dY that gives one phase of dX.
    fn turned<'a>(&self, phase: &Phase, dy: &'a [f32], epilogue: Epilogue<'a>) -> Correlation<'a> {
        Correlation {
            window: phase.window,
            images: self.n,
            groups: self.groups,
            channels: self.oc / self.groups,
            rows: self.c / self.groups,
            x: dy,
            epilogue,
        }
    }

    /// Residues of the input's coordinates that exist.
    fn phases(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let [sh, sw] = [self.stride[0].min(self.h), self.stride[1].min(self.w)];
        (0..sh * sw).map(move |i| [i / sw, i % sw])
    }

    /// The taps that inputs of a phase meet; None if there are none.
    fn phase(&self, [ph, pw]: [usize; 2]) -> Option<Phase> {
        let h = self.phase_axis(0, (ph, self.h, self.oh()), self.kh)?;
        let w = self.phase_axis(1, (pw, self.w, self.ow()), self.kw)?;
        Some(Phase { window: Window { h: h.0, w: w.0 }, taps: [h.1, w.1] })
    }

    /// Input phase + stride g meets tap t at output g + (phase + padding - t dilation) / stride, if
    /// the division is exact: from the first such tap on, every stride / gcd(stride, dilation)-th.
    fn phase_axis(
        &self,
        i: usize,
        (phase, size, out): (usize, usize, usize),
        taps: usize,
    ) -> Option<(Axis, (usize, usize, usize))> {
        let (stride, dilation) = (self.stride[i], self.dilation[i]);
        let at = |t: usize| (phase + self.padding[i]) as isize - (t * dilation) as isize;
        let first = (0..taps).find(|&t| at(t).rem_euclid(stride as isize) == 0)?;
        let shared = gcd(stride, dilation);
        let every = stride / shared;
        let count = (taps - first).div_ceil(every);
        let axis = Axis {
            size: out,
            grid: (size - phase).div_ceil(stride),
            step: 1,
            taps: count,
            start: at(first).div_euclid(stride as isize),
            tap: -((dilation / shared) as isize),
        };
        Some((axis, (first, every, count)))
    }
}

/// A residue of the input's coordinates: how it reads dY, and with which taps.
struct Phase {
    window: Window,
    taps: [(usize, usize, usize); 2],
}

fn epilogue(beta: f32) -> Epilogue<'static> {
    Epilogue { alpha: 1.0, beta, bias: Bias::None, activation: Activation::None }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[track_caller]
fn length(name: &str, len: usize, wants: usize) {
    assert!(len == wants, "conv: {name} has {len} elements, this shape needs {wants}");
}
