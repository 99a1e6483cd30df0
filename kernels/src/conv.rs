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
mod direct;
mod dots;
mod lanes;
mod operands;
mod patches;
mod paths;
mod phase;
mod shape;
mod weight;
mod window;
mod winograd;

pub use operands::{ConvForward, ConvInputGradient, ConvWeightGradient};
pub use shape::Conv2d;

use crate::Accumulate;
use crate::activation::Activation;
use crate::gemm::Bias;
use crate::gemm::pack::Lines;
use crate::gemm::tile::Epilogue;
use crate::gemm::view::Dest;
use crate::threads::{Convolution, Exec};
use correlate::Target;
use patches::Turned;
use paths::epilogue;
use winograd::{Filters, Outputs, Spoilt, Winograd};

impl Conv2d {
    /// y = act(x * w + bias).
    ///
    /// An image of which an output is not finite is computed once more as
    /// [`Convolution::Exact`](crate::Convolution) does, so a NaN or an infinity reaches the outputs
    /// that see it, and no others. (The two gradients have no such care: around what is not finite
    /// their results are NaN, some taps further than they need be, and so are they around finite magnitudes
    /// from 1e37 on, whose sums inside of the algorithm overflow.)
    ///
    /// # Panics
    /// If the shape is impossible (see [`is_valid`](Self::is_valid)), or a slice does not have the length that
    /// it asks for.
    #[track_caller]
    pub fn forward(&self, exec: Exec, op: &ConvForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        self.check();
        length("x", op.x.len(), self.x_len());
        length("w", op.w.len(), self.w_len());
        length("y", y.len(), self.y_len());
        self.check_scratch(exec, scratch);
        if let Some(bias) = op.bias {
            length("bias", bias.len(), self.oc);
        }
        if self.n == 0 {
            return;
        }
        let Some(winograd) = self.winograd_of(exec) else {
            return self.sums(exec, op, y, scratch);
        };
        let (filters, outputs) = self.operands(op, y);
        // SAFETY: y is borrowed for this call, and has an element for every output.
        let spoilt = unsafe { winograd.run(exec, op.x, filters, outputs, scratch) };
        if spoilt.any() {
            self.again(exec, op, &spoilt, y, scratch);
        }
    }

    /// The images that Winograd's algorithm spoilt, each as sums of its own products.
    #[cold]
    #[inline(never)]
    fn again(
        &self,
        exec: Exec,
        op: &ConvForward<'_>,
        spoilt: &Spoilt,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let one = self.one_image();
        let images = op.x.chunks_exact(one.x_len()).zip(y.chunks_exact_mut(one.y_len()));
        for (_, (x, y)) in images.enumerate().filter(|(i, _)| spoilt.has(*i)) {
            one.sums(exec, &ConvForward { x, ..*op }, y, scratch);
        }
    }

    /// The operands of the forms that know filters and planes.
    fn operands<'a>(&self, op: &ConvForward<'a>, y: &mut [f32]) -> (Filters<'a>, Outputs<'a>) {
        let area = self.kh * self.kw;
        let (steps, size) = ([area, self.c * area], [self.c, self.oc]);
        let filters = Filters { w: op.w, steps, size, turned: false };
        let outputs = Outputs {
            ptr: y.as_mut_ptr(),
            channels: self.oc,
            size: [self.oh(), self.ow()],
            bias: op.bias,
            activation: op.activation,
            acc: Accumulate::Store,
        };
        (filters, outputs)
    }

    /// The forward pass without Winograd's algorithm.
    fn sums(&self, exec: Exec, op: &ConvForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        if let Some(direct) = self.direct(false) {
            let (filters, outputs) = self.operands(op, y);
            // SAFETY: y is borrowed for this call, and has an element for every output.
            return unsafe { direct.run(exec, op.x, filters, outputs, scratch) };
        }
        let bias = op.bias.map_or(Bias::None, Bias::Rows);
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

    /// dx = or += the gradient of sum(y dy) in x.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    #[track_caller]
    pub fn input_gradient(
        &self,
        exec: Exec,
        op: &ConvInputGradient<'_>,
        dx: &mut [f32],
        acc: Accumulate,
        scratch: &mut [f32],
    ) {
        let ConvInputGradient { w, dy } = *op;
        self.check();
        length("w", w.len(), self.w_len());
        length("dy", dy.len(), self.y_len());
        length("dx", dx.len(), self.x_len());
        self.check_scratch(exec, scratch);
        if self.n == 0 {
            return;
        }
        let area = self.kh * self.kw;
        let (steps, size) = ([self.c * area, area], [self.oc, self.c]);
        let filters = Filters { w, steps, size, turned: false };
        let outputs = Outputs {
            ptr: dx.as_mut_ptr(),
            channels: self.c,
            size: [self.h, self.w],
            bias: None,
            activation: Activation::None,
            acc,
        };
        if let Some(winograd) = self.winograd_of(exec).and_then(|_| self.winograd_input_gradient())
        {
            let filters = Filters { turned: !winograd.transposed, ..filters };
            // SAFETY: dx is borrowed for this call, and has an element for every input.
            unsafe { winograd.run(exec, dy, filters, outputs, scratch) };
            return;
        }
        if let Some(direct) = self.direct(true) {
            // SAFETY: as above.
            return unsafe { direct.run(exec, dy, filters, outputs, scratch) };
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
            let correlation = self.turned(phase.window, dy, epilogue(acc.beta()));
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

    /// dw = or += the gradient of sum(y dy) in w.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    #[track_caller]
    pub fn weight_gradient(
        &self,
        exec: Exec,
        op: &ConvWeightGradient<'_>,
        dw: &mut [f32],
        acc: Accumulate,
        scratch: &mut [f32],
    ) {
        let ConvWeightGradient { x, dy } = *op;
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
        if let Some(winograd) = self.winograd_of(exec) {
            return winograd.weight_gradient(exec, op, dw, acc, scratch);
        }
        if let Some(dots) = self.dots(exec.isa()) {
            return dots.run(exec, op, dw, acc, scratch);
        }
        if let Some(direct) = self.direct_gradient() {
            return direct.weight_gradient(exec, op, dw, acc, scratch);
        }
        self.weight(x, dy, acc.beta()).run(exec, dw, scratch);
    }

    /// Winograd's algorithm, where it serves this shape and may be used.
    fn winograd_of(&self, exec: Exec) -> Option<Winograd> {
        if exec.convolution() == Convolution::Exact { None } else { self.winograd() }
    }

    #[track_caller]
    fn check_scratch(&self, exec: Exec, scratch: &[f32]) {
        let (len, wants) = (scratch.len(), self.scratch_len(exec.isa()));
        assert!(len >= wants, "conv: scratch has {len} elements, this shape needs {wants}");
    }
}

#[track_caller]
fn length(name: &str, len: usize, wants: usize) {
    assert!(len == wants, "conv: {name} has {len} elements, this shape needs {wants}");
}
