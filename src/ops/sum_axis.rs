//! y = the sum of x along one axis, dx = dy repeated along it.

use super::axis::{AlongAxis, with_axis};
use crate::{Tape, Var};

/// The sum along one axis, which the result no longer has.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let x = tape.variable([2, 3]);
/// let y = ops::sum_axis(&mut tape, x, 0);
/// tape.set(x, &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [11.0, 22.0, 33.0]);
/// tape.backward_from(params, y, &[1.0, 2.0, 3.0], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(x), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
/// ```
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn sum_axis(tape: &mut Tape, x: Var, axis: usize) -> Var {
    let xs = with_axis(tape, "sum_axis", x, axis);
    let op = AlongAxis { name: "sum_axis", view: xs.around(axis), scale: 1.0 };
    tape.record(op, &[x], xs.without(axis))
}
