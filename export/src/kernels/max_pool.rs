use super::pool::pool;
use super::window::Window;

/// The largest pixel of each window, or NaN where one is.
pub(crate) fn max_pool(x: &[f32], window: &Window, y: &mut [f32]) {
    let larger = |most: f32, x: f32| if x > most || x.is_nan() { x } else { most };
    pool(x, window, (f32::NEG_INFINITY, larger), y);
}
