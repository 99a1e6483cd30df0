//! The window of a convolution or a pool, with the sizes of the images on both sides.

use crate::kernels::Window;
use proxtape::Shape;
use proxtape::nn::Layer;

/// The window of a layer from [C, H, W] to [OC, OH, OW].
///
/// # Panics
/// If the layer has none.
pub(crate) fn window(layer: &Layer, input: Shape, output: Shape) -> Window {
    let (kernel, stride, padding, dilation, groups) = match *layer {
        Layer::Conv2d { kernel, stride, padding, dilation, groups, .. } => {
            (kernel, stride, padding, dilation, groups)
        }
        Layer::MaxPool { kernel, stride, padding } | Layer::AvgPool { kernel, stride, padding } => {
            (kernel, stride, padding, [1; 2], input[0])
        }
        _ => unreachable!("a layer with a window"),
    };
    let [input, output] = [input, output].map(|shape| [shape[0], shape[1], shape[2]]);
    Window { input, output, kernel, stride, padding, dilation, groups }
}
