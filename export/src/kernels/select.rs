/// The channels (or features) of these indices, of x with so many of them.
pub(crate) fn select<I: Copy + Into<u32>>(x: &[f32], units: usize, indices: &[I], y: &mut [f32]) {
    let area = x.len() / units;
    for (&index, y) in indices.iter().zip(y.chunks_exact_mut(area)) {
        let index: u32 = index.into();
        y.copy_from_slice(&x[index as usize * area..][..area]);
    }
}
