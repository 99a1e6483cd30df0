use super::window::Window;

/// What one weight of filter o adds to its channel y: w times x, moved to the weight's place.
pub(crate) fn conv_tap(
    x: &[f32],
    w: f32,
    (o, tap): (usize, usize),
    window: &Window,
    y: &mut [f32],
) {
    let &Window { input: [c, height, width], output: [oc, oh, ow], stride, padding, .. } = window;
    let [kh, kw] = window.kernel;
    let group = o / (oc / window.groups);
    let channel = group * (c / window.groups) + tap / (kh * kw);
    // Where the weight meets the padded image at the first position.
    let top = tap / kw % kh * window.dilation[0];
    let left = tap % kw * window.dilation[1];
    // The columns of y from `first` to `end` meet pixels, others the padding.
    let first = padding[1].saturating_sub(left).div_ceil(stride[1]);
    let end = (width + padding[1]).saturating_sub(left).div_ceil(stride[1]).min(ow);
    if first >= end {
        return;
    }
    let start = first * stride[1] + left - padding[1];
    for oy in 0..oh {
        let iy = oy * stride[0] + top;
        if iy < padding[0] || iy - padding[0] >= height {
            continue;
        }
        let row = (channel * height + iy - padding[0]) * width;
        let x = &x[row + start..row + width];
        let y = &mut y[oy * ow + first..oy * ow + end];
        if stride[1] == 1 {
            y.iter_mut().zip(x).for_each(|(y, x)| *y += w * x);
        } else {
            y.iter_mut().zip(x.iter().step_by(stride[1])).for_each(|(y, x)| *y += w * x);
        }
    }
}
