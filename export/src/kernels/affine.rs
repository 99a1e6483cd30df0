/// x becomes scale x + shift, with a scale and a shift for each channel.
pub(crate) fn affine(x: &mut [f32], scale: &[f32], shift: &[f32]) {
    let area = x.len() / scale.len();
    for (x, (scale, shift)) in x.chunks_exact_mut(area).zip(scale.iter().zip(shift)) {
        x.iter_mut().for_each(|x| *x = scale * *x + shift);
    }
}
