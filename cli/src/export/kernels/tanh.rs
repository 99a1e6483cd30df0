use super::exp::exp;

/// tanh x = 1 - 2 / (e^2x + 1), or x - x^3/3 + 2x^5/15 where that would cancel.
pub(crate) fn tanh(x: &mut [f32]) {
    for x in x {
        let square = *x * *x;
        *x = if square < 0.01 {
            *x * (1.0 - square * (1.0 / 3.0 - square * (2.0 / 15.0 - square * (17.0 / 315.0))))
        } else {
            1.0 - 2.0 / (exp(2.0 * *x) + 1.0)
        };
    }
}
