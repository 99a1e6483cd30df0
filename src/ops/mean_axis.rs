//! y = the mean of x along one axis of extent n, dx = dy/n repeated along it.

use super::axis::{AlongAxis, with_axis};
use crate::{Tape, Var};

/// The mean along one axis, which the result no longer has.
///
/// # Panics
/// If there is no such axis or it is empty.
#[track_caller]
pub fn mean_axis(tape: &mut Tape, x: Var, axis: usize) -> Var {
    let xs = with_axis(tape, "mean_axis", x, axis);
    assert!(xs[axis] > 0, "mean_axis: x is {xs}; axis {axis} must have 1 or more elements");
    let scale = 1.0 / xs[axis] as f32;
    let op = AlongAxis { name: "mean_axis", view: xs.around(axis), scale };
    tape.record(op, &[x], xs.without(axis))
}
