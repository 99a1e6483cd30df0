//! The seam of sums and means along one axis: y = scale sum(x), dx = scale dy along the axis.

use super::elementwise::Scale;
use crate::{Accumulate, Forward, Primitive, Shape, Tape, Var, Vjp};
use proxtape_kernels::broadcast::{self, Strided, sum_axis};

/// x: `[outer, axis, inner]`, y: `[outer, inner]`.
pub(super) struct AlongAxis {
    pub(super) name: &'static str,
    pub(super) view: [usize; 3],
    pub(super) scale: f32,
}

impl Primitive for AlongAxis {
    fn name(&self) -> &'static str {
        self.name
    }

    fn forward(&self, cx: Forward<'_>) {
        sum_axis(cx.exec, cx.x.get(0), self.view, self.scale, cx.y, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let dy = Strided { data: cx.dy, strides: &[self.view[2], 0, 1] };
        broadcast::map(cx.exec, Scale(self.scale), &self.view, [dy], cx.dx, cx.accumulate);
    }
}

/// The shape of x, once it is known to have such an axis.
#[track_caller]
pub(super) fn with_axis(tape: &Tape, name: &str, x: Var, axis: usize) -> Shape {
    let xs = tape.shape(x);
    let rank = xs.rank();
    assert!(axis < rank, "{name}: x is {xs} and axis is {axis}; the axis must be below {rank}");
    xs
}
