use super::conv_tap::conv_tap;
use super::window::Window;

/// y = W * x + b with W: [out, channels / groups, KH, KW]; no b is a b of zeros.
pub(crate) fn conv(x: &[f32], w: &[f32], b: &[f32], window: &Window, y: &mut [f32]) {
    let taps = w.len() / window.output[0];
    let area = window.output[1] * window.output[2];
    for (o, (y, w)) in y.chunks_exact_mut(area).zip(w.chunks_exact(taps)).enumerate() {
        y.fill(b.get(o).copied().unwrap_or(0.0));
        for (tap, &w) in w.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            conv_tap(x, w, (o, tap), window, y);
        }
    }
}
