use super::erf::erf;

/// x Phi(x) = x (1 + erf(x / sqrt 2)) / 2.
pub(crate) fn gelu(x: &mut [f32]) {
    for x in x {
        let phi = 0.5 + 0.5 * erf(*x * core::f32::consts::FRAC_1_SQRT_2);
        // At -inf the limit, and not -inf times 0.
        *x = phi * if *x < f32::MIN { f32::MIN } else { *x };
    }
}
