/// max(x, 0); a NaN stays one.
pub(crate) fn relu(x: &mut [f32]) {
    x.iter_mut().filter(|x| **x <= 0.0).for_each(|x| *x = 0.0);
}
