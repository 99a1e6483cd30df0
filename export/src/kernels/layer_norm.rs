use super::inverse_sqrt::inverse_sqrt;

/// Each row of x becomes gamma (x - mean) / sqrt(variance + eps) + beta.
pub(crate) fn layer_norm(x: &mut [f32], gamma: &[f32], beta: &[f32], eps: f32) {
    let n = gamma.len();
    for row in x.chunks_exact_mut(n) {
        let mean = row.iter().sum::<f32>() / n as f32;
        let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n as f32;
        let scale = inverse_sqrt(variance + eps);
        for (x, (gamma, beta)) in row.iter_mut().zip(gamma.iter().zip(beta)) {
            *x = (*x - mean) * scale * gamma + beta;
        }
    }
}
