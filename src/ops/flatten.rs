//! [N, ...] as [N, rest]: a view.

use crate::{Tape, Var};

/// All axes but the first as one: `[N, C, H, W]` gives `[N, C H W]`, and `[N]` gives `[N, 1]`.
///
/// # Panics
/// If x is a scalar.
#[track_caller]
pub fn flatten(tape: &mut Tape, x: Var) -> Var {
    let xs = tape.shape(x);
    let &[n, ref rest @ ..] = xs.dims() else {
        panic!("flatten: x is {xs}; it must be [N, ...]");
    };
    tape.view(x, [n, rest.iter().product()])
}
