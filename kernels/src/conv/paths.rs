//! Which algorithm serves a shape: Winograd's, channels last, or a product with patches.

use super::Conv2d;
use super::correlate::Correlation;
use super::direct::Direct;
use super::dots::Dots;
use super::weight::WeightGradient;
use super::window::Window;
use super::winograd::Winograd;
use crate::activation::Activation;
use crate::gemm::Bias;
use crate::gemm::tile::Epilogue;
use crate::isa::Isa;
use core::ops::RangeInclusive;

/// Output channels of the form with channels last: with fewer most lanes would be empty, with more
/// packing a patch costs less than 8 / 64 of the products that it feeds.
const CHANNELS_LAST: RangeInclusive<usize> = 12..=64;

/// Elements of a kernel's row, of all inputs, below which a tile is over too soon: first layers with
/// 3 x 3 taps reach 38 % of the FMA peak with channels last, 63 % with patches (AVX-512).
const RUN: usize = 16;

impl Conv2d {
    /// Scratch elements that any of the three wants.
    ///
    /// # Panics
    /// If the shape is impossible: see [`is_valid`](Self::is_valid).
    #[track_caller]
    pub fn scratch_len(&self, isa: Isa) -> usize {
        self.check();
        if self.n == 0 {
            return 0;
        }
        let epilogue = epilogue(0.0);
        let mut most = self.correlation(&[], epilogue).scratch_len(isa);
        most = most.max(self.weight(&[], &[], 0.0).scratch_len(isa));
        if let Some(winograd) = self.winograd() {
            most = most.max(winograd.scratch_len(isa)).max(winograd.gradient_scratch_len(isa));
            let one = self.one_image();
            most = most.max(one.correlation(&[], epilogue).scratch_len(isa));
            most = most.max(one.direct(false).map_or(0, |direct| direct.scratch_len(isa)));
        }
        if let Some(winograd) = self.winograd_input_gradient() {
            most = most.max(winograd.scratch_len(isa));
        }
        for backward in [false, true] {
            if let Some(direct) = self.direct(backward) {
                most = most.max(direct.scratch_len(isa));
            }
        }
        if let Some(dots) = self.dots(isa) {
            most = most.max(dots.scratch_len(isa));
        }
        if let Some(direct) = self.direct_gradient() {
            most = most.max(direct.gradient_scratch_len(isa));
        }
        for window in self.phase_sizes() {
            most = most.max(self.turned(window, &[], epilogue).scratch_len(isa));
        }
        most
    }

    /// The same for one image.
    pub(super) fn one_image(&self) -> Conv2d {
        Conv2d { n: 1, ..*self }
    }

    /// Whether forward pass and gradients of a [possible](Self::is_valid) shape run Winograd's algorithm,
    /// unless [`Convolution::Exact`](crate::Convolution) is asked for. Its rounding error is about 2e-6 of the
    /// layer's largest result where inputs are of one size. In general an output's error is at most
    /// about 2e-6 times the sum of its weights' magnitudes times the largest input in its tile's
    /// window of 6 x 6, of any channel: a pixel of 1e4 among 0.01 drowns its neighbours, also those that it
    /// has no product with. Otherwise the error grows as in any sum of so many products.
    pub fn is_winograd(&self) -> bool {
        self.is_valid() && self.winograd().is_some()
    }

    /// Winograd's algorithm, if it serves this shape.
    pub(super) fn winograd(&self) -> Option<Winograd> {
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
    pub(super) fn winograd_input_gradient(&self) -> Option<Winograd> {
        let w = self.winograd()?;
        let turned = Winograd {
            channels: [self.oc, self.c],
            size: [w.size[1], w.size[0]],
            pad: w.pad.map(|p| self.kh - 1 - p),
            ..w
        };
        Some(w.transpose().unwrap_or(turned))
    }

    /// The form with channels last, for the forward pass or the input gradient, if it serves this
    /// shape and pays.
    pub(super) fn direct(&self, backward: bool) -> Option<Direct> {
        let [inputs, outputs] = if backward { [self.oc, self.c] } else { [self.c, self.oc] };
        let pays = CHANNELS_LAST.contains(&outputs) && self.kw * inputs >= RUN;
        if pays && !self.is_pointwise() { Direct::new(self, backward) } else { None }
    }

    /// The same for the weight gradient.
    pub(super) fn direct_gradient(&self) -> Option<Direct> {
        let pays = CHANNELS_LAST.contains(&self.oc) && !self.is_pointwise();
        if pays { Direct::new(self, false) } else { None }
    }

    /// The weight gradient as dot products along the positions, if it serves this shape and pays.
    pub(super) fn dots(&self, isa: Isa) -> Option<Dots> {
        let (window, outputs) = (self.window(), self.oc);
        let dots = Dots { window, images: self.n, channels: self.c, outputs };
        (self.groups == 1 && dots.pays(isa)).then_some(dots)
    }

    /// Whether the patches are the planes themselves.
    fn is_pointwise(&self) -> bool {
        self.kh * self.kw == 1 && self.stride == [1, 1]
    }

    pub(super) fn correlation<'a>(&self, x: &'a [f32], epilogue: Epilogue<'a>) -> Correlation<'a> {
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

    pub(super) fn weight<'a>(&self, x: &'a [f32], dy: &'a [f32], beta: f32) -> WeightGradient<'a> {
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
    pub(super) fn turned<'a>(
        &self,
        window: Window,
        dy: &'a [f32],
        epilogue: Epilogue<'a>,
    ) -> Correlation<'a> {
        Correlation {
            window,
            images: self.n,
            groups: self.groups,
            channels: self.oc / self.groups,
            rows: self.c / self.groups,
            x: dy,
            epilogue,
        }
    }
}

pub(super) fn epilogue(beta: f32) -> Epilogue<'static> {
    Epilogue { alpha: 1.0, beta, bias: Bias::None, activation: Activation::None }
}
