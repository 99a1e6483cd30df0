use super::exp::exp;

/// The error function: z + z p(z^2) near 0, and 1 - e^(-t - t q(t)) with t = |z| elsewhere.
pub(crate) fn erf(z: f32) -> f32 {
    const P: [f32; 6] =
        [0.128_379_15, -0.376_124_9, 0.112_817_31, -0.026_762_966, 0.004_987_352_5, -5.959_584e-4];
    const Q: [f32; 8] = [
        0.128_915_34,
        0.634_086_4,
        0.107_968_196,
        -0.025_242_066,
        0.004_355_451_6,
        -5.134_491_4e-4,
        3.656_506_3e-5,
        -1.178_544_4e-6,
    ];
    let t = if z < 0.0 { -z } else { z };
    if t < 0.92 {
        return z + z * P.iter().rev().fold(0.0, |sum, p| sum * (z * z) + p);
    }
    let tail = if t >= 5.0 {
        0.0
    } else {
        exp(-t - t * Q.iter().rev().fold(0.0, |sum, q| sum * t + q))
    };
    if z < 0.0 { tail - 1.0 } else { 1.0 - tail }
}
