//! The elementwise functions of one input, y = f(x): a table with one row a function.
//!
//! A row is the function's doc, its value y of x, and its product dx of dy. The product reads
//! whichever of x and y makes it cheaper, named in its brackets, or neither; never both, so that it
//! stays two streams in, one out. A number behind the name is fixed when the operation is recorded.
//!
//! A new function is a row here, and one in the table of `tests/ops/cases/elementwise.rs`.

use crate::{Accumulate, Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::map::{Map, map};
use proxtape_kernels::{Simd, math};
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// An operand of a product by its name in the row.
macro_rules! operand {
    ($cx:ident, x) => {
        $cx.x.get(0)
    };
    ($cx:ident, y) => {
        $cx.y
    };
    ($cx:ident, dy) => {
        $cx.dy
    };
}

/// Makes of each row a module with the two maps and the operation, and the function that records it.
macro_rules! unary {
    ($(
        $(#[$doc:meta])*
        pub fn $name:ident($($c:ident: f32)?) {
            y = |$s:ident, [$x:ident]| $value:expr;
            dx = |$t:ident, [$($operand:ident),+]| $product:expr;
        }
    )*) => {$(
        pub(super) mod $name {
            use super::*;

            /// How many operands the product has.
            const OPERANDS: usize = [$(stringify!($operand)),+].len();

            /// y of x.
            #[derive(Clone, Copy)]
            pub(in crate::ops) struct Value {
                $(pub(super) $c: f32,)?
            }

            /// dx of the operands that the row names.
            #[derive(Clone, Copy)]
            pub(in crate::ops) struct Product {
                $($c: f32,)?
            }

            impl Map<1> for Value {
                #[inline(always)]
                fn eval<S: Simd>(self, $s: S, [$x]: [S::F; 1]) -> S::F {
                    $(let $c = self.$c;)?
                    $value
                }
            }

            impl Map<OPERANDS> for Product {
                #[inline(always)]
                #[allow(unused_variables, reason = "dy alone is the product of x + c")]
                fn eval<S: Simd>(self, $t: S, [$($operand),+]: [S::F; OPERANDS]) -> S::F {
                    $(let $c = self.$c;)?
                    $product
                }
            }

            impl Primitive for Value {
                fn name(&self) -> &'static str {
                    stringify!($name)
                }

                fn forward(&self, cx: Forward<'_>) {
                    map(cx.exec, *self, [cx.x.get(0)], cx.y, Accumulate::Store);
                }

                fn vjp(&self, cx: Vjp<'_>) {
                    let product = Product { $($c: self.$c)? };
                    map(cx.exec, product, [$(operand!(cx, $operand)),+], cx.dx, cx.accumulate);
                }
            }
        }

        $(#[$doc])*
        #[track_caller]
        pub fn $name(tape: &mut Tape, x: Var $(, $c: f32)?) -> Var {
            let shape = tape.shape(x);
            tape.record($name::Value { $($c)? }, &[x], shape)
        }
    )*};
}

unary! {
    /// -x.
    pub fn neg() {
        y = |s, [x]| s.neg(x);
        dx = |s, [dy]| s.neg(dy);
    }

    /// x + c for a number c that is fixed when the operation is recorded.
    pub fn add_scalar(c: f32) {
        y = |s, [x]| s.add(x, s.splat(c));
        dx = |s, [dy]| dy;
    }

    /// c x for a number c that is fixed when the operation is recorded.
    pub fn mul_scalar(c: f32) {
        y = |s, [x]| s.mul(s.splat(c), x);
        dx = |s, [dy]| s.mul(s.splat(c), dy);
    }

    /// e^x.
    ///
    /// ```
    /// use proxtape::{Exec, Isa, Params, Tape, ops};
    /// let mut tape = Tape::new(Exec::new(Isa::detect()));
    /// let x = tape.variable([1]);
    /// let y = ops::exp(&mut tape, x);
    /// tape.set(x, &[0.0]);
    /// let params = &mut Params::new();
    /// tape.forward(params);
    /// tape.backward(params, y, &mut proxtape::NoGradients);
    /// assert_eq!((tape.value(y), tape.gradient(x)), (&[1.0][..], &[1.0][..]));
    /// ```
    pub fn exp() {
        y = |s, [x]| math::exp(s, x);
        dx = |s, [y, dy]| s.mul(y, dy);
    }

    /// The natural logarithm; NaN below 0, and minus infinity at 0.
    pub fn log() {
        y = |s, [x]| math::ln(s, x);
        dx = |s, [x, dy]| s.div(dy, x);
    }

    /// The square root; its gradient at 0 is infinite.
    pub fn sqrt() {
        y = |s, [x]| s.sqrt(x);
        dx = |s, [y, dy]| s.div(s.mul(s.splat(0.5), dy), y);
    }

    /// The hyperbolic tangent.
    pub fn tanh() {
        y = |s, [x]| math::tanh(s, x);
        // (1 - y)(1 + y) as a product, since 1 - y^2 cancels near 1.
        dx = |s, [y, dy]| {
            let one = s.splat(1.0);
            s.mul(s.mul(s.sub(one, y), s.add(one, y)), dy)
        };
    }

    /// The logistic function 1 / (1 + e^-x).
    pub fn sigmoid() {
        y = |s, [x]| math::sigmoid(s, x);
        dx = |s, [y, dy]| s.mul(s.mul(y, s.sub(s.splat(1.0), y)), dy);
    }

    /// max(x, 0); its gradient at 0 is 0.
    ///
    /// ```
    /// use proxtape::{Exec, Isa, Params, Tape, ops};
    /// let mut tape = Tape::new(Exec::new(Isa::detect()));
    /// let x = tape.variable([3]);
    /// let y = ops::relu(&mut tape, x);
    /// tape.set(x, &[-1.0, 0.0, 2.0]);
    /// let params = &mut Params::new();
    /// tape.forward(params);
    /// assert_eq!(tape.value(y), [0.0, 0.0, 2.0]);
    /// tape.backward_from(params, y, &[5.0; 3], &mut proxtape::NoGradients);
    /// assert_eq!(tape.gradient(x), [0.0, 0.0, 5.0]);
    /// ```
    pub fn relu() {
        // In this order a NaN stays a NaN.
        y = |s, [x]| s.max(s.zero(), x);
        dx = |s, [y, dy]| s.select_or_zero(s.gt(y, s.zero()), dy);
    }

    /// x where x > 0, and `slope` x elsewhere; its gradient at 0 is `slope`.
    pub fn leaky_relu(slope: f32) {
        y = |s, [x]| s.select(s.gt(x, s.zero()), x, s.mul(s.splat(slope), x));
        dx = |s, [x, dy]| s.select(s.gt(x, s.zero()), dy, s.mul(s.splat(slope), dy));
    }

    /// The Gaussian error linear unit x Phi(x), by the error function, with the normal distribution
    /// function Phi.
    ///
    /// D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016. For the approximation by tanh,
    /// as in PyTorch's `approximate='tanh'`, see [`gelu_tanh`].
    pub fn gelu() {
        y = |s, [x]| math::gelu(s, x);
        // (Phi(x) + x phi(x)) dy
        dx = |s, [x, dy]| {
            // phi(15) is below the smallest f32: the slope is 0 or 1 beyond, and inf * 0 is avoided.
            let x = s.min(s.splat(15.0), s.max(s.splat(-15.0), x));
            let erf = math::erf(s, s.mul(x, s.splat(FRAC_1_SQRT_2)));
            let distribution = s.mul_add(erf, s.splat(0.5), s.splat(0.5));
            // phi(x) = e^(-x^2 / 2) / sqrt(2 pi)
            let density = math::exp(s, s.mul(s.mul(x, x), s.splat(-0.5)));
            let x = s.mul(x, s.splat(0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2));
            s.mul(s.mul_add(x, density, distribution), dy)
        };
    }

    /// The Gaussian error linear unit, approximated by tanh as in PyTorch's `approximate='tanh'`:
    /// x/2 (1 + tanh u) with u = sqrt(2/pi) (x + 0.044715 x^3).
    ///
    /// D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016.
    pub fn gelu_tanh() {
        y = |s, [x]| math::gelu_tanh(s, x);
        // ((1 + t)/2 + x/2 (1 - t^2) u') dy with t = tanh u, u' = sqrt(2/pi) (1 + 3 * 0.044715 x^2)
        dx = |s, [x, dy]| {
            const CUBIC: f32 = 0.044715;
            /// sqrt(2/pi)
            const LINEAR: f32 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
            // tanh u is 1 in f32 for x >= 6: the slope is 0 or 1 beyond, and inf * 0 is avoided.
            let x = s.min(s.splat(15.0), s.max(s.splat(-15.0), x));
            let (half, one) = (s.splat(0.5), s.splat(1.0));
            let xx = s.mul(x, x);
            let u = s.mul(x, s.mul_add(xx, s.splat(LINEAR * CUBIC), s.splat(LINEAR)));
            let du = s.mul_add(xx, s.splat(3.0 * LINEAR * CUBIC), s.splat(LINEAR));
            let t = math::tanh(s, u);
            let bend = s.mul(s.mul(s.mul(half, x), s.neg_mul_add(t, t, one)), du);
            s.mul(s.add(s.mul_add(half, t, half), bend), dy)
        };
    }
}
