//! y is the sum of x in each window over KH KW; dy / (KH KW) goes to every pixel of the window.

use super::pool::{PoolAttrs, geometry};
use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::pool::Pool2d;

/// x: `[N, C, H, W]`, y: `[N, C, OH, OW]`.
struct AvgPool(Pool2d);

impl Primitive for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn forward(&self, cx: Forward<'_>) {
        self.0.average(cx.exec, cx.x.get(0), cx.y);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        self.0.average_vjp(cx.exec, cx.dy, cx.dx, cx.accumulate);
    }
}

/// The average of each window of x: `[N, C, H, W]` gives `[N, C, OH, OW]` with
/// OH = (H + 2 padding - KH) / stride + 1. Padding counts as zeros, as PyTorch's default.
///
/// # Panics
/// If x is not four-dimensional, the window is empty, steps by 0 or is larger than the padded
/// image, the padding is more than half of it, or memory cannot hold a padded side or y.
#[track_caller]
pub fn avg_pool2d(tape: &mut Tape, x: Var, attrs: PoolAttrs) -> Var {
    let (pool, shape) = geometry(tape, "avg_pool2d", x, attrs);
    tape.record(AvgPool(pool), &[x], shape)
}
