//! Elementwise maps that several operations share.

use proxtape_kernels::Simd;
use proxtape_kernels::map::Map;

/// y = x.
#[derive(Clone, Copy)]
pub(super) struct Identity;

impl Map<1> for Identity {
    #[inline(always)]
    fn eval<S: Simd>(self, _: S, [x]: [S::F; 1]) -> S::F {
        x
    }
}

/// y = c x.
#[derive(Clone, Copy)]
pub(super) struct Scale(pub(super) f32);

impl Map<1> for Scale {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        s.mul(s.splat(self.0), x)
    }
}

/// y = c.
#[derive(Clone, Copy)]
pub(super) struct Constant(pub(super) f32);

impl Map<0> for Constant {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, []: [S::F; 0]) -> S::F {
        s.splat(self.0)
    }
}
