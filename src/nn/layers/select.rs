//! Some channels of [N, C, ...], or some features.

use crate::nn::context::{LayerContext, ModelError};
use crate::shape::Shape;

/// The output has as many channels or features as there are indices.
pub(super) fn output(at: LayerContext<'_>, indices: &[usize]) -> Result<Shape, ModelError> {
    let &[units, ref rest @ ..] = at.input.dims() else {
        return Err(at.error("the input has no axis"));
    };
    match indices {
        [.., last] if *last < units && indices.is_sorted_by(|a, b| a < b) => {
            Ok(std::iter::once(indices.len()).chain(rest.iter().copied()).collect())
        }
        _ => Err(at.error(format!(
            "select wants one or more indices, increasing and below {units}, of an input {}",
            at.input
        ))),
    }
}
