use super::pool::pool;
use super::window::Window;

/// The largest pixel of each window.
pub(crate) fn max_pool(x: &[f32], window: &Window, y: &mut [f32]) {
    pool(x, window, (f32::NEG_INFINITY, f32::max), y);
}
