//! The function that a kernel applies to each of its outputs last.

/// What is done to each element last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// Nothing.
    None,
    /// max(0, x); NaN stays NaN.
    Relu,
}

impl Activation {
    #[inline(always)]
    pub(crate) fn apply(self, x: f32) -> f32 {
        match self {
            Activation::None => x,
            Activation::Relu if x <= 0.0 => 0.0,
            Activation::Relu => x,
        }
    }
}
