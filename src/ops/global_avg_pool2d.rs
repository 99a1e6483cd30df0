//! `y[n, c]` = the mean of `x[n, c]`; dx = dy / (H W) over the whole plane.

use crate::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::pool::{global_average, global_average_vjp};

/// x: `[N, C, H, W]`, y: `[N, C]`.
struct GlobalAvgPool {
    /// H W
    area: usize,
}

impl Primitive for GlobalAvgPool {
    fn name(&self) -> &'static str {
        "global_avg_pool2d"
    }

    fn forward(&self, cx: Forward<'_>) {
        global_average(cx.exec, cx.x.get(0), self.area, cx.y);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        global_average_vjp(cx.exec, cx.dy, self.area, cx.dx, cx.accumulate);
    }
}

/// The mean of each plane of x: `[N, C, H, W]` gives `[N, C]`.
///
/// # Panics
/// If x is not four-dimensional or a plane is empty.
#[track_caller]
pub fn global_avg_pool2d(tape: &mut Tape, x: Var) -> Var {
    let xs = tape.shape(x);
    let &[n, c, h, w] = xs.dims() else {
        panic!("global_avg_pool2d: x is {xs}; it must be [N, C, H, W]");
    };
    assert!(h * w > 0, "global_avg_pool2d: x is {xs}; H and W must be 1 or more");
    tape.record(GlobalAvgPool { area: h * w }, &[x], [n, c])
}
