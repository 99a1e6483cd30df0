use super::exp::exp;

/// x (1 + tanh u) / 2 = x / (1 + e^-2u) with u = sqrt(2/pi) (x + 0.044715 x^3).
pub(crate) fn gelu_tanh(x: &mut [f32]) {
    for x in x {
        // -2 sqrt(2/pi) and that times 0.044715.
        let minus_2u = *x * (-1.595_769 - 0.071_354_814 * *x * *x);
        // At -inf the limit, and not -inf over inf.
        let finite = if *x < f32::MIN { f32::MIN } else { *x };
        *x = finite / (1.0 + exp(minus_2u));
    }
}
