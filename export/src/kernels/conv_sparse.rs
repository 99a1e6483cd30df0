use super::conv_tap::conv_tap;
use super::window::Window;

/// y = W * x + b, where filter o of W has `values[starts[o]..starts[o + 1]]` at these `taps`.
pub(crate) fn conv_sparse<I: Copy + Into<u32>>(
    x: &[f32],
    (starts, taps, values): (&[u32], &[I], &[f32]),
    b: &[f32],
    window: &Window,
    y: &mut [f32],
) {
    let area = window.output[1] * window.output[2];
    for (o, (y, ends)) in y.chunks_exact_mut(area).zip(starts.windows(2)).enumerate() {
        let filter = ends[0] as usize..ends[1] as usize;
        y.fill(b.get(o).copied().unwrap_or(0.0));
        for (&tap, &w) in taps[filter.clone()].iter().zip(&values[filter]) {
            let tap: u32 = tap.into();
            conv_tap(x, w, (o, tap as usize), window, y);
        }
    }
}
