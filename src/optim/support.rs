//! The support of a weight: where it is not zero.

use proxtape_kernels::{Exec, Simd, map};

/// Clears x wherever w is zero, so that a step from w along x leaves its zeros alone.
pub(super) fn hold(exec: Exec, w: &[f32], x: &mut [f32]) {
    map::update(exec, Hold, x, [w]);
}

/// x where w is not zero, +0.0 elsewhere.
#[derive(Clone, Copy)]
struct Hold;

impl map::MapInPlace<1> for Hold {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, x: S::F, [w]: [S::F; 1]) -> S::F {
        s.select(s.eq(w, s.zero()), s.zero(), x)
    }
}
