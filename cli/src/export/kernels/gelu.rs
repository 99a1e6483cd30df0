use super::erf::erf;

/// x Phi(x) = x (1 + erf(x / sqrt 2)) / 2.
pub(crate) fn gelu(x: &mut [f32]) {
    for x in x {
        *x *= 0.5 + 0.5 * erf(*x * core::f32::consts::FRAC_1_SQRT_2);
    }
}
