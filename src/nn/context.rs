//! Where a layer stands in a model, and what may be wrong there.

use crate::memory::MemoryError;
use crate::shape::Shape;
use core::fmt;

/// The most elements that one parameter or one sample may have: 4 GiB of f32. A recipe is a user's data, so a
/// slip of a digit must be an error and not an attempt to allocate.
pub(super) const MAX_ELEMENTS: usize = 1 << 30;

/// A layer does not fit, or there is no memory for the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError {
    pub(super) layer: Option<String>,
    pub(super) message: String,
}

impl From<MemoryError> for ModelError {
    fn from(e: MemoryError) -> ModelError {
        ModelError { layer: None, message: e.to_string() }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.layer {
            Some(layer) => write!(f, "layer {layer:?}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ModelError {}

/// The context in which a layer is built: its full name, and its input without the batch axis.
#[derive(Clone, Copy)]
pub(super) struct LayerContext<'a> {
    pub(super) name: &'a str,
    pub(super) input: Shape,
}

impl LayerContext<'_> {
    pub(super) fn error(&self, message: impl Into<String>) -> ModelError {
        ModelError { layer: Some(self.name.to_owned()), message: message.into() }
    }

    /// The output, if a sample of it has a number of elements that a batch can hold.
    pub(super) fn fitting(&self, output: Shape) -> Result<Shape, ModelError> {
        match elements(output) {
            Some(1..=MAX_ELEMENTS) => Ok(output),
            _ => Err(self.error(format!(
                "a sample would be {output}; 1 to {MAX_ELEMENTS} elements are supported"
            ))),
        }
    }

    /// eps keeps a normalisation from dividing by zero.
    pub(super) fn check_eps(&self, eps: f32) -> Result<(), ModelError> {
        let message = || self.error(format!("eps is a positive number, not {eps}"));
        (eps.is_finite() && eps > 0.0).then_some(()).ok_or_else(message)
    }

    /// The input as [C, H, W].
    pub(super) fn image(&self, what: &str) -> Result<[usize; 3], ModelError> {
        match *self.input.dims() {
            [c, h, w] => Ok([c, h, w]),
            _ => Err(self.error(format!(
                "{what} wants an input of [C, H, W] and comes after {}; move it before flatten",
                self.input
            ))),
        }
    }
}

/// The number of elements, or `None` if it does not fit an index.
pub(super) fn elements(shape: Shape) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}
