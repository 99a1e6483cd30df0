//! y = x where x > 0 and slope x elsewhere; dx is dy times 1 or slope.

use super::elementwise::{Reads, Unary};
use crate::{Tape, Var};
use proxtape_kernels::Simd;
use proxtape_kernels::map::Map;

#[derive(Clone, Copy)]
struct Leaky {
    slope: f32,
}

impl Map<1> for Leaky {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        s.select(s.gt(x, s.zero()), x, s.mul(s.splat(self.slope), x))
    }
}

impl Map<2> for Leaky {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x, dy]: [S::F; 2]) -> S::F {
        s.select(s.gt(x, s.zero()), dy, s.mul(s.splat(self.slope), dy))
    }
}

/// x where x > 0, and `slope` x elsewhere; its gradient at 0 is `slope`.
#[track_caller]
pub fn leaky_relu(tape: &mut Tape, x: Var, slope: f32) -> Var {
    let leaky = Leaky { slope };
    Unary { name: "leaky_relu", value: leaky, reads: Reads::X, product: leaky }.record(tape, x)
}
