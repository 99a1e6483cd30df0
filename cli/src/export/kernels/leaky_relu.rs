/// x, or slope * x where x is negative.
pub(crate) fn leaky_relu(x: &mut [f32], slope: f32) {
    x.iter_mut().filter(|x| **x < 0.0).for_each(|x| *x *= slope);
}
