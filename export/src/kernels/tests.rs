//! The functions beside oracles in f64 and beside the engine.

use super::*;
use crate::activation;
use proxtape::nn::Activation;
use proxtape::{Exec, Isa, Params, Shape, Tape, Var, ops};

#[track_caller]
fn assert_near(f: impl Fn(f32) -> f32, oracle: impl Fn(f64) -> f64, unit: impl Fn(f64) -> f64) {
    for i in -20_000..=20_000 {
        let x = 0.001 * i as f32;
        let (y, wants) = (f64::from(f(x)), oracle(f64::from(x)));
        assert!((y - wants).abs() <= 4e-7 * unit(wants), "at {x}: {y}, and {wants} is right");
    }
}

fn each(f: impl Fn(&mut [f32])) -> impl Fn(f32) -> f32 {
    move |x| {
        let mut x = [x];
        f(&mut x);
        x[0]
    }
}

/// erf by its power series, which converges everywhere and cancels beyond 3 only.
fn erf_of(z: f64) -> f64 {
    if z.abs() > 3.0 {
        // 2.2e-5 at 3: the continued fraction of erfc.
        let t = z.abs();
        let fraction = (1..=60).rev().fold(t, |f, k| t + f64::from(k) / 2.0 / f);
        return z.signum() * (1.0 - (-t * t).exp() / fraction / std::f64::consts::PI.sqrt());
    }
    let (mut term, mut sum) = (z, z);
    for n in 1..120 {
        term *= -z * z / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

#[test]
fn functions_without_a_library_are_as_good_as_f32() {
    let (relative, absolute) = (f64::abs, |_| 1.0);
    let sigmoid_of = |x: f64| 1.0 / (1.0 + (-x).exp());
    assert_near(exp::exp, f64::exp, relative);
    assert_near(erf::erf, erf_of, absolute);
    assert_near(each(activation::tanh), f64::tanh, absolute);
    assert_near(each(activation::sigmoid), sigmoid_of, absolute);
    let gelu_of = |x: f64| 0.5 * x * (1.0 + erf_of(x / std::f64::consts::SQRT_2));
    assert_near(each(activation::gelu), gelu_of, |y| 1.0 + y.abs());
    let cubic = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
    let gelu_tanh_of = |x: f64| 0.5 * x * (1.0 + cubic(x).tanh());
    assert_near(each(activation::gelu_tanh), gelu_tanh_of, |y| 1.0 + y.abs());
    let inverse = |x: f32| inverse_sqrt::inverse_sqrt(x.abs() + 1e-6);
    let inverse_of = |x: f64| 1.0 / (f64::from(x.abs() as f32 + 1e-6)).sqrt();
    assert_near(inverse, inverse_of, relative);
}

#[test]
fn extremes_give_no_surprise() {
    assert!(
        exp::exp(f32::NEG_INFINITY) == 0.0
            && exp::exp(88.8) == f32::INFINITY
            && exp::exp(1e30) > 1e38
    );
    // What a processor makes of inf - inf has its sign set.
    assert!([f32::NAN, -f32::NAN].iter().all(|x| inverse_sqrt::inverse_sqrt(*x).is_nan()));
    assert!(exp::exp(f32::NAN).is_nan() && erf::erf(f32::NAN).is_nan());
    assert_eq!([-9.0, 9.0, 1e30].map(erf::erf), [-1.0, 1.0, 1.0]);
    let mut x = [1e30, 0.0, -1e30];
    softmax::softmax(&mut x);
    assert!(x[0] == 1.0 && x[1] < 1e-37 && x[2] < 1e-37);
    activation::tanh(&mut x);
    activation::sigmoid(&mut x);
    assert!(x.iter().all(|x| x.is_finite()));
}

/// Values at which functions differ that are called the same.
const SPECIAL: [f32; 18] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    0.0,
    -0.0,
    1e-45,
    -1e-40,
    1e-30,
    -1e-30,
    0.5,
    -0.5,
    20.0,
    -20.0,
    88.5,
    -88.5,
    1e30,
    -1e30,
    -3e38,
];

/// What the engine gives for the special values in an image of 3 x 6.
fn engine(op: impl FnOnce(&mut Tape, Var) -> Var, dims: &[usize], x: &[f32]) -> Vec<f32> {
    let mut tape = Tape::inference(Exec::new(Isa::detect()));
    let input = tape.input(Shape::from(dims));
    let y = op(&mut tape, input);
    tape.keep(y);
    tape.set(input, x);
    tape.infer(&Params::new());
    tape.value(y).to_vec()
}

/// Equal, NaN for NaN, or within the rounding of numbers of some size.
#[track_caller]
fn assert_alike((what, size): (&str, f32), got: &[f32], want: &[f32], x: &[f32]) {
    assert_eq!(got.len(), want.len());
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let near = (got - want).abs() <= 1e-6 * want.abs().max(size);
        let alike = got == want || (got.is_nan() && want.is_nan()) || near;
        assert!(alike, "{what} gives {got} and the engine {want} at {i} of {x:?}");
    }
}

#[test]
fn activations_treat_special_values_as_the_engine_does() {
    for activation in Activation::ALL.iter().map(|activation| activation.with_number(0.1)) {
        for rotation in 0..SPECIAL.len() {
            let mut x = SPECIAL;
            x.rotate_left(rotation);
            let want = engine(|tape, x| activation.record(tape, x), &[1, x.len()], &x);
            let mut got = x;
            activation::apply(activation, &mut got);
            assert_alike((activation.name(), 1.0), &got, &want, &x);
        }
    }
}

/// A softmax of a few, so that not every row is NaN.
#[test]
fn softmax_treats_special_values_as_the_engine_does() {
    for rotation in 0..SPECIAL.len() {
        let mut x = SPECIAL;
        x.rotate_left(rotation);
        let want = engine(ops::softmax, &[1, 3], &x[..3]);
        let mut got = x[..3].to_vec();
        softmax::softmax(&mut got);
        assert_alike(("softmax", 1.0), &got, &want, &x[..3]);
    }
}

#[test]
fn pools_treat_special_values_as_the_engine_does() {
    let window = |kernel: usize, padding: usize| {
        let side = |n: usize| n + 2 * padding - kernel + 1;
        let (kernel, padding) = ([kernel; 2], [padding; 2]);
        let output = [1, side(3), side(6)];
        let (stride, dilation, groups) = ([1; 2], [1; 2], 1);
        Window { input: [1, 3, 6], output, kernel, stride, padding, dilation, groups }
    };
    for (window, rotation) in
        [window(2, 0), window(2, 1), window(3, 1)].iter().flat_map(|w| (0..18).map(move |r| (w, r)))
    {
        let mut x = SPECIAL;
        x.rotate_left(rotation);
        let Window { kernel, stride, padding, .. } = *window;
        let attrs = ops::PoolAttrs { kernel, stride, padding };
        let mut y = vec![0.0; window.output.iter().product()];
        max_pool::max_pool(&x, window, &mut y);
        let want = engine(|t, x| ops::max_pool2d(t, x, attrs), &[1, 1, 3, 6], &x);
        assert_alike(("max_pool", 0.0), &y, &want, &x);
        avg_pool::avg_pool(&x, window, &mut y);
        let want = engine(|t, x| ops::avg_pool2d(t, x, attrs), &[1, 1, 3, 6], &x);
        assert_alike(("avg_pool", 3e38), &y, &want, &x);
    }
    for pixel in SPECIAL {
        let x = [pixel; 18];
        let mut y = [0.0];
        global_avg_pool::global_avg_pool(&x, &mut y);
        let want = engine(ops::global_avg_pool2d, &[1, 1, 3, 6], &x);
        assert_alike(("global_avg_pool", 3e38), &y, &want, &x);
    }
}

/// What a file holds compiles on its own: nothing that it calls is missing.
#[test]
fn text_has_what_it_calls_once_and_no_more() {
    let text = text(["conv_sparse", "max_pool", "gelu"], activation::texts());
    for name in ["conv_sparse<", "conv_tap(", "max_pool(", "pool(", "gelu(", "erf(", "exp("] {
        assert_eq!(text.matches(&format!("\nfn {name}")).count(), 1, "{name} in {text}");
    }
    assert_eq!(text.matches("struct Window").count(), 1);
    assert!(!text.contains("fn linear") && !text.contains("pub") && !text.contains("super"));
}
