/// 1 / sqrt(x) for x > 0, 0 at infinity, without a library: halving the exponent starts Newton's method within
/// 3.5 %, and each of its steps squares the error.
pub(crate) fn inverse_sqrt(x: f32) -> f32 {
    if x > f32::MAX {
        return 0.0;
    }
    // A NaN with its sign set is beyond the constant.
    let mut y = f32::from_bits(0x5f37_5a86_u32.wrapping_sub(x.to_bits() >> 1));
    for _ in 0..4 {
        y *= 1.5 - 0.5 * x * y * y;
    }
    y
}
