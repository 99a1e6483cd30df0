//! The seam of elementwise operations: y = f(x) and dx = p(x or y, dy), element by element.
//!
//! An operation is two maps, one for the value and one for the product. The product reads
//! whichever of x and y makes it cheaper; never both, so that it stays two streams in, one out.

use crate::{Accumulate, Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Simd;
use proxtape_kernels::map::{Map, map};

/// Which primal the product reads beside dy.
#[derive(Clone, Copy)]
pub(super) enum Reads {
    X,
    Y,
}

/// y = value(x), dx = product(x or y, dy).
pub(super) struct Unary<V, P> {
    pub(super) name: &'static str,
    pub(super) value: V,
    pub(super) reads: Reads,
    pub(super) product: P,
}

impl<V: Map<1> + 'static, P: Map<2> + 'static> Unary<V, P> {
    #[track_caller]
    pub(super) fn record(self, tape: &mut Tape, x: Var) -> Var {
        let shape = tape.shape(x);
        tape.record(self, &[x], shape)
    }
}

impl<V: Map<1>, P: Map<2>> Primitive for Unary<V, P> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn forward(&self, cx: Forward<'_>) {
        map(cx.exec, self.value, [cx.x.get(0)], cx.y, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let primal = match self.reads {
            Reads::X => cx.x.get(0),
            Reads::Y => cx.y,
        };
        map(cx.exec, self.product, [primal, cx.dy], cx.dx, cx.accumulate);
    }
}

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
