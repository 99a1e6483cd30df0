//! The same values under another shape: a view, which costs nothing in either direction.

use crate::{Shape, Tape, Var};

/// The values of x, in row-major order, under another shape.
///
/// # Panics
/// If the number of elements differs.
#[track_caller]
pub fn reshape(tape: &mut Tape, x: Var, shape: impl Into<Shape>) -> Var {
    tape.view(x, shape)
}
