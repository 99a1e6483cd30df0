//! What happens to each element of a channel, from a few coefficients of it.

use crate::norm::Affine;
use crate::norm::apply::{At, Channelwise};
use crate::norm::sums::gate;
use crate::simd::Simd;

/// Coefficients: mean, scale, beta. `scale * x + (beta - scale * mean)` would save a subtraction
/// and lose all digits where |mean| >> std.
#[derive(Clone, Copy)]
pub(super) struct Forward<'a, const RELU: bool>(pub(super) Affine<'a>);

impl<const RELU: bool> Channelwise<1, 3> for Forward<'_, RELU> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 3] {
        let scale = s.mul(at.get(s, self.0.gamma), at.get(s, self.0.inv_std));
        [at.get(s, self.0.mean), scale, at.get(s, self.0.beta)]
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, [mean, scale, beta]: [S::F; 3], [x]: [S::F; 1]) -> S::F {
        let y = s.mul_add(s.sub(x, mean), scale, beta);
        // In this order a NaN stays a NaN.
        if RELU { s.max(s.zero(), y) } else { y }
    }
}

/// Coefficients: mean, gamma * inv_std, dbeta / M, inv_std * dgamma / M.
#[derive(Clone, Copy)]
pub(super) struct Vjp<'a> {
    pub(super) affine: Affine<'a>,
    pub(super) dgamma: &'a [f32],
    pub(super) dbeta: &'a [f32],
    pub(super) inv_m: f32,
}

impl Channelwise<2, 4> for Vjp<'_> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 4] {
        let (inv_std, inv_m) = (at.get(s, self.affine.inv_std), s.splat(self.inv_m));
        let scale = s.mul(at.get(s, self.affine.gamma), inv_std);
        let level = s.mul(at.get(s, self.dbeta), inv_m);
        let slope = s.mul(s.mul(at.get(s, self.dgamma), inv_m), inv_std);
        [at.get(s, self.affine.mean), scale, level, slope]
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, [mean, scale, level, slope]: [S::F; 4], [x, dy]: [S::F; 2]) -> S::F {
        s.mul(scale, s.neg_mul_add(s.sub(x, mean), slope, s.sub(dy, level)))
    }
}

/// Coefficients: those of [`Vjp`], and beta.
#[derive(Clone, Copy)]
pub(super) struct GatedVjp<'a>(pub(super) Vjp<'a>);

impl Channelwise<2, 5> for GatedVjp<'_> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 5] {
        let [mean, scale, level, slope] = self.0.coefficients(s, at);
        [mean, scale, level, slope, at.get(s, self.0.affine.beta)]
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, k: [S::F; 5], [x, dy]: [S::F; 2]) -> S::F {
        let [mean, scale, level, slope, beta] = k;
        let dz = gate(s, [x, dy], [mean, scale, beta]);
        Vjp::eval(s, [mean, scale, level, slope], [x, dz])
    }
}

/// Coefficients: gamma * inv_std.
#[derive(Clone, Copy)]
pub(super) struct InferenceVjp<'a>(pub(super) Affine<'a>);

impl Channelwise<1, 1> for InferenceVjp<'_> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 1] {
        [s.mul(at.get(s, self.0.gamma), at.get(s, self.0.inv_std))]
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, [scale]: [S::F; 1], [dy]: [S::F; 1]) -> S::F {
        s.mul(scale, dy)
    }
}

/// Coefficients: those of [`Forward`].
#[derive(Clone, Copy)]
pub(super) struct GatedInferenceVjp<'a>(pub(super) Affine<'a>);

impl Channelwise<2, 3> for GatedInferenceVjp<'_> {
    #[inline(always)]
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; 3] {
        Forward::<true>(self.0).coefficients(s, at)
    }
    #[inline(always)]
    fn eval<S: Simd>(s: S, [mean, scale, beta]: [S::F; 3], [x, dy]: [S::F; 2]) -> S::F {
        s.mul(scale, gate(s, [x, dy], [mean, scale, beta]))
    }
}
