//! The operands of a convolution and of its gradients.

use crate::activation::Activation;

/// The operands of [`Conv2d::forward`](super::Conv2d::forward).
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

/// The operands of [`Conv2d::input_gradient`](super::Conv2d::input_gradient).
#[derive(Clone, Copy, Debug)]
pub struct ConvInputGradient<'a> {
    /// `[OC, C / groups, KH, KW]`.
    pub w: &'a [f32],
    /// The gradient of y: `[N, OC, OH, OW]`.
    pub dy: &'a [f32],
}

/// The operands of [`Conv2d::weight_gradient`](super::Conv2d::weight_gradient).
#[derive(Clone, Copy, Debug)]
pub struct ConvWeightGradient<'a> {
    /// `[N, C, H, W]`.
    pub x: &'a [f32],
    /// The gradient of y: `[N, OC, OH, OW]`.
    pub dy: &'a [f32],
}
