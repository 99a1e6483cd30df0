use super::pool::pool;
use super::window::Window;

/// The mean of each window, in which the padding counts as zeros.
pub(crate) fn avg_pool(x: &[f32], window: &Window, y: &mut [f32]) {
    pool(x, window, (0.0, |sum, x| sum + x), y);
    let area = (window.kernel[0] * window.kernel[1]) as f32;
    y.iter_mut().for_each(|y| *y /= area);
}
