//! y = the mean of the n elements of x, dx = dy/n everywhere.

use super::elementwise::{Constant, Identity};
use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::map::map;
use proxtape_kernels::reduce::sum_of;

struct Mean;

impl Primitive for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn forward(&self, cx: Forward<'_>) {
        let x = cx.x.get(0);
        // In f64, as the sum may be too large for f32 where the mean is not; so may those of its blocks.
        let mut sum = sum_of(cx.exec, Identity, [x]);
        if !sum.is_finite() {
            sum = x.iter().map(|&x| f64::from(x)).sum();
        }
        cx.y[0] = (sum / x.len() as f64) as f32;
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let share = cx.dy[0] / cx.dx.len() as f32;
        map(cx.exec, Constant(share), [], cx.dx, cx.accumulate);
    }
}

/// The mean of all elements, a scalar.
///
/// # Panics
/// If x is empty.
#[track_caller]
pub fn mean(tape: &mut Tape, x: Var) -> Var {
    let xs = tape.shape(x);
    let n = xs.len();
    assert!(n > 0, "mean: x is {xs}; a mean needs an element");
    tape.record(Mean, &[x], [])
}
