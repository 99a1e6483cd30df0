//! The seam of the two pools: a window that moves over each plane of [N, C, H, W].

use crate::{Shape, Tape, Var};
use proxtape_kernels::pool::Pool2d;
use proxtape_kernels::size;

/// How a pool moves over the image; every pair is `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolAttrs {
    /// The extents of the window.
    pub kernel: [usize; 2],
    /// Pixels between two positions of the window.
    pub stride: [usize; 2],
    /// Rows and columns added at both ends: at most half of the window.
    pub padding: [usize; 2],
}

/// The geometry of a pool over x, and the shape of its output.
#[track_caller]
pub(super) fn geometry(tape: &Tape, name: &str, x: Var, attrs: PoolAttrs) -> (Pool2d, Shape) {
    let xs = tape.shape(x);
    let &[n, c, h, w] = xs.dims() else {
        panic!("{name}: x is {xs}; it must be [N, C, H, W]");
    };
    let PoolAttrs { kernel, stride, padding } = attrs;
    for i in 0..2 {
        assert!(kernel[i] > 0, "{name}: kernel is {kernel:?}; it must be 1 or more");
        assert!(stride[i] > 0, "{name}: stride is {stride:?}; it must be 1 or more");
        assert!(
            padding[i] <= kernel[i] / 2,
            "{name}: padding is {padding:?}; it must be at most half of the kernel {kernel:?}"
        );
        let side = size::total("pool: a padded side of", &[[h, w][i], padding[i], padding[i]]);
        assert!(
            [h, w][i] > 0 && kernel[i] <= side,
            "{name}: x is {xs} with padding {padding:?}; the kernel {kernel:?} must lie inside it"
        );
    }
    size::elements("pool: a kernel of", &kernel);
    let pool = Pool2d { planes: n * c, h, w, kernel, stride, padding };
    (pool, Shape::from([n, c, pool.oh(), pool.ow()]))
}
