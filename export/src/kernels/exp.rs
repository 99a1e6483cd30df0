/// e^x without a library: x = n ln 2 + r, and e^x = 2^n (1 + r + r^2 q(r)).
pub(crate) fn exp(x: f32) -> f32 {
    const Q: [f32; 5] = [0.499_999_97, 0.166_665_46, 0.041_667_435, 0.008_366_263, 0.001_387_066_6];
    // Beyond, e^x is nothing or too much for an f32; a NaN stays one.
    if x < -87.336_54 {
        return 0.0;
    }
    if x > 88.722_84 {
        return f32::INFINITY;
    }
    let n = (x * core::f32::consts::LOG2_E + if x < 0.0 { -0.5 } else { 0.5 }) as i32;
    // ln 2 in two parts, so that n times the first is exact.
    let r = x - n as f32 * 0.693_359_4 + n as f32 * 2.121_944_4e-4;
    let y = 1.0 + r + r * r * Q.iter().rev().fold(0.0, |sum, q| sum * r + q);
    // In two parts, since 2^128 is no f32.
    let power = |n: i32| f32::from_bits(((n + 127) as u32) << 23);
    y * power(n / 2) * power(n - n / 2)
}
