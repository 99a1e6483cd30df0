//! An operation of your own: softplus(x) = ln(1 + e^x), a smooth relu.
//!
//! An operation is a [`Primitive`]: a value, and the product of its gradient with what comes back.
//! Both are elementwise here, so each is a [`Map`]: written once for one vector `S::F` of a few
//! numbers, compiled for every instruction set, and run over whole tensors by [`map`].

use proxtape::gradcheck::{GradCheck, Input, Probe};
use proxtape::kernels::map::{Map, map};
use proxtape::kernels::{Accumulate, Simd, math};
use proxtape::{Exec, Forward, Isa, NoGradients, Params, Primitive, Random, Tape, Var, Vjp, ops};

/// y = max(x, 0) + ln(1 + e^-|x|): the same number, without an e^x that overflows.
#[derive(Clone, Copy)]
struct Value;

impl Map<1> for Value {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        let small = math::exp(s, s.neg(s.abs(x)));
        s.add(s.max(x, s.zero()), math::log1p(s, small))
    }
}

/// dx = dy / (1 + e^-x).
#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x, dy]: [S::F; 2]) -> S::F {
        s.mul(math::sigmoid(s, x), dy)
    }
}

/// x: any shape, y: the same.
struct Softplus;

impl Primitive for Softplus {
    fn name(&self) -> &'static str {
        "softplus"
    }

    fn forward(&self, cx: Forward<'_>) {
        map(cx.exec, Value, [cx.x.get(0)], cx.y, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        map(cx.exec, Product, [cx.x.get(0), cx.dy], cx.dx, cx.accumulate);
    }
}

/// Records softplus(x); the value is there after the next `Tape::forward`.
fn softplus(tape: &mut Tape, x: Var) -> Var {
    let shape = tape.shape(x);
    tape.record(Softplus, &[x], shape)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // It mixes with the operations that are there: y = sum(softplus(x)^2).
    let exec = Exec::new(Isa::detect());
    let mut tape = Tape::new(exec);
    let x = tape.variable([5]);
    let s = softplus(&mut tape, x); // [5]
    let square = ops::mul(&mut tape, s, s); // [5]
    let y = ops::sum(&mut tape, square); // a scalar
    tape.set(x, &[-100.0, -1.0, 0.0, 1.0, 100.0]);
    let mut params = Params::new(); // none: x is all there is to learn
    tape.forward(&mut params);
    tape.backward(&mut params, y, &mut NoGradients);
    println!("softplus {:.4?}", tape.value(s));
    println!("gradient {:.4?}", tape.gradient(x));
    // 2 softplus(x) sigmoid(x): ln 2 at 0, and 2 x for a large x.
    assert!((tape.gradient(x)[2] - 2f32.ln()).abs() < 1e-6);
    assert_eq!((tape.gradient(x)[0], tape.gradient(x)[4]), (0.0, 200.0));

    // Is the gradient right? Compare with differences of the same function in f64, on every
    // instruction set of this machine. The 37 elements leave a tail in every vector length.
    let input = Input::uniform([37], -5.0..5.0, &mut Random::new(1));
    let reference = |x: &[Vec<f64>]| x[0].iter().map(|x| x.exp().ln_1p()).collect();
    for isa in Isa::available() {
        let check = GradCheck::new(Exec::new(isa)).probe(Probe::Coordinates);
        let inputs = std::slice::from_ref(&input);
        let report = check.run_against(|tape, x| softplus(tape, x[0]), reference, inputs)?;
        println!("{}: {} derivatives are right", isa.name(), report.compared);
        assert_eq!((report.compared, report.skipped), (2 * 37, 0));
    }
    Ok(())
}
