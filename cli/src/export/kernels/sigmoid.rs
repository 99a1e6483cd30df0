use super::exp::exp;

/// 1 / (1 + e^-x).
pub(crate) fn sigmoid(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = 1.0 / (1.0 + exp(-*x)));
}
