//! y = mean((a - b)^2), da = 2/n (a - b) dy, db = -da.

use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Simd;
use proxtape_kernels::map::{Map, map};
use proxtape_kernels::reduce::sum_of;

/// a and b: any one shape of `len` elements, y: a scalar.
struct MseLoss {
    len: usize,
}

#[derive(Clone, Copy)]
struct SquaredDifference;

impl Map<2> for SquaredDifference {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [a, b]: [S::F; 2]) -> S::F {
        let d = s.sub(a, b);
        s.mul(d, d)
    }
}

/// c (a - b).
#[derive(Clone, Copy)]
struct ScaledDifference(f32);

impl Map<2> for ScaledDifference {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [a, b]: [S::F; 2]) -> S::F {
        s.mul(s.splat(self.0), s.sub(a, b))
    }
}

impl Primitive for MseLoss {
    fn name(&self) -> &'static str {
        "mse_loss"
    }

    fn forward(&self, cx: Forward<'_>) {
        let x = [cx.x.get(0), cx.x.get(1)];
        let mut sum = sum_of(cx.exec, SquaredDifference, x);
        if !sum.is_finite() {
            // Blocks are summed in f32, and may overflow where the mean does not.
            let differences = x[0].iter().zip(x[1]).map(|(&a, &b)| f64::from(a) - f64::from(b));
            sum = differences.map(|d| d * d).sum();
        }
        cx.y[0] = (sum / self.len as f64) as f32;
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let sign = if cx.input == 0 { 2.0 } else { -2.0 };
        let product = ScaledDifference(sign * cx.dy[0] / self.len as f32);
        map(cx.exec, product, [cx.x.get(0), cx.x.get(1)], cx.dx, cx.accumulate);
    }
}

/// The mean squared difference of a and b, a scalar.
///
/// # Panics
/// If the shapes differ or are empty.
#[track_caller]
pub fn mse_loss(tape: &mut Tape, a: Var, b: Var) -> Var {
    let (a_shape, b_shape) = (tape.shape(a), tape.shape(b));
    assert!(a_shape == b_shape, "mse_loss: a is {a_shape} and b is {b_shape}; b must be {a_shape}");
    let len = a_shape.len();
    assert!(len > 0, "mse_loss: a is {a_shape}; a mean needs an element");
    tape.record(MseLoss { len }, &[a, b], [])
}
