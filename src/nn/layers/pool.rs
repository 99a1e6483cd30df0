//! Pools: windows over [C, H, W] that give [C, OH, OW].

use crate::nn::Layer;
use crate::nn::context::{LayerContext, ModelError};
use crate::nn::window::Window;
use crate::ops::PoolAttrs;
use crate::shape::Shape;
use proxtape_kernels::pool::Pool2d;

/// The attributes of the operation.
pub(super) fn attrs(layer: &Layer) -> PoolAttrs {
    match *layer {
        Layer::MaxPool { kernel, stride, padding } | Layer::AvgPool { kernel, stride, padding } => {
            PoolAttrs { kernel, stride, padding }
        }
        _ => unreachable!("a pool"),
    }
}

/// The output of a pool, of which messages speak as `name`.
pub(super) fn output(
    at: LayerContext<'_>,
    name: &str,
    attrs: PoolAttrs,
) -> Result<Shape, ModelError> {
    let [c, h, w] = at.image(name)?;
    let PoolAttrs { kernel, stride, padding } = attrs;
    let [oh, ow] = Window { kernel, stride, padding, dilation: [1; 2] }.output(at, [h, w])?;
    if (0..2).any(|i| padding[i] > kernel[i] / 2) {
        return Err(at.error("the padding of a pool is at most half of its kernel"));
    }
    Ok([c, oh, ow].into())
}

/// That of a max pool, whose kernel must be able to note where each maximum was.
pub(super) fn max_output(at: LayerContext<'_>, attrs: PoolAttrs) -> Result<Shape, ModelError> {
    let output = output(at, "max pool", attrs)?;
    let [planes, h, w] = at.image("max pool")?;
    let PoolAttrs { kernel, stride, padding } = attrs;
    if !(Pool2d { planes, h, w, kernel, stride, padding }).is_indexable() {
        return Err(at.error(format!(
            "a max pool of {kernel:?} over {} is too large: (KH - 1) * W + KW is at most 2^23; take a \
             smaller kernel",
            at.input
        )));
    }
    Ok(output)
}
