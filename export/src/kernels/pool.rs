use super::window::Window;

/// y: the pixels of each window folded into one number, from `start` on; the padding has none.
pub(crate) fn pool(
    x: &[f32],
    window: &Window,
    (start, fold): (f32, impl Fn(f32, f32) -> f32),
    y: &mut [f32],
) {
    let &Window { input: [_, height, width], output: [_, oh, ow], .. } = window;
    let &Window { kernel, stride, padding, .. } = window;
    let planes = x.chunks_exact(height * width).zip(y.chunks_exact_mut(oh * ow));
    for (x, y) in planes {
        for (i, y) in y.iter_mut().enumerate() {
            let (top, left) = (i / ow * stride[0], i % ow * stride[1]);
            *y = start;
            let bottom = (top + kernel[0]).saturating_sub(padding[0]).min(height);
            let right = (left + kernel[1]).saturating_sub(padding[1]).min(width);
            for row in top.saturating_sub(padding[0])..bottom {
                for x in &x[row * width..][left.saturating_sub(padding[1])..right] {
                    *y = fold(*y, *x);
                }
            }
        }
    }
}
