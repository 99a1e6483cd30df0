//! y is the largest x in each window; dy goes to where it was found (the first, if several).

use super::pool::{PoolAttrs, geometry};
use crate::{Exec, Forward, Primitive, Tape, Var, Vjp, Workspace};
use proxtape_kernels::pool::Pool2d;

/// x: `[N, C, H, W]`, y: `[N, C, OH, OW]`, saved: where each y lies in its plane.
struct MaxPool(Pool2d);

impl Primitive for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn workspace(&self, _: Exec) -> Workspace {
        Workspace { saved: self.0.y_len(), ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        self.0.max(cx.exec, cx.x.get(0), cx.y, cx.saved);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        self.0.max_vjp(cx.exec, cx.dy, cx.saved, cx.dx, cx.accumulate);
    }
}

/// The maximum of each window of x: `[N, C, H, W]` gives `[N, C, OH, OW]` with
/// OH = (H + 2 padding - KH) / stride + 1. Padding never wins.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let x = tape.variable([1, 1, 2, 4]);
/// let attrs = ops::PoolAttrs { kernel: [2, 2], stride: [2, 2], padding: [0, 0] };
/// let y = ops::max_pool2d(&mut tape, x, attrs);
/// tape.set(x, &[1.0, 2.0, 8.0, 7.0, 3.0, 4.0, 6.0, 5.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [4.0, 8.0]);
/// tape.backward_from(params, y, &[1.0, 2.0], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(x), [0.0, 0.0, 2.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
/// ```
///
/// # Panics
/// If x is not four-dimensional, the window is empty, steps by 0 or is larger than the padded
/// image, the padding is more than half of it, memory cannot hold a padded side or y, or window and image
/// are larger than [the kernels can index](Pool2d::is_indexable).
#[track_caller]
pub fn max_pool2d(tape: &mut Tape, x: Var, attrs: PoolAttrs) -> Var {
    let (pool, shape) = geometry(tape, "max_pool2d", x, attrs);
    assert!(
        pool.is_indexable(),
        "max_pool2d: x is {} and the kernel {:?}; (KH - 1) * W + KW must be at most 2^23 \
         and H * W below 2^32",
        tape.shape(x),
        attrs.kernel
    );
    tape.record(MaxPool(pool), &[x], shape)
}
