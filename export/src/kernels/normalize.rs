/// y = (scale x - mean) / std, with a mean and a std for each channel.
pub(crate) fn normalize(x: &[f32], scale: f32, mean: &[f32], std: &[f32], y: &mut [f32]) {
    let area = x.len() / mean.len();
    let channels = x.chunks_exact(area).zip(y.chunks_exact_mut(area));
    for ((x, y), (mean, std)) in channels.zip(mean.iter().zip(std)) {
        for (x, y) in x.iter().zip(y) {
            *y = (scale * x - mean) / std;
        }
    }
}
