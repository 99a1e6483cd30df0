use super::exp::exp;

/// Outputs become probabilities: e^x over its sum.
pub(crate) fn softmax(x: &mut [f32]) {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    x.iter_mut().for_each(|x| *x = exp(*x - largest));
    let sum = x.iter().sum::<f32>();
    x.iter_mut().for_each(|x| *x /= sum);
}
