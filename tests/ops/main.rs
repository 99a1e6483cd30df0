//! Operations on a tape. One table, `cases`, has them all: `gradients` compares each with a
//! reference, and `every` looks at the memory that it writes. Here and in `network`: what a node used
//! twice, a view or an unused input mean. Golden values are in `tests/golden.rs`.

mod allocation;
mod cases;
mod every;
mod gradients;
mod network;

use proxtape::ops::{self, BatchNormAttrs};
use proxtape::{
    Accumulate, Exec, Forward, Gradients, Isa, Kind, NoGradients, Params, Primitive, Tape, Var, Vjp,
};

fn tape() -> Tape {
    Tape::new(Exec::new(Isa::detect()))
}

/// Numbers in [-1, 1), the same in each run.
fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..len).map(step).collect()
}

fn set(tape: &mut Tape, x: Var, seed: u32) {
    let values = numbers(tape.shape(x).len(), seed);
    tape.set(x, &values);
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

fn variables<const N: usize>(tape: &mut Tape, shapes: [&[usize]; N]) -> [Var; N] {
    shapes.map(|shape| tape.variable(shape))
}

fn statistics(params: &mut Params, channels: usize) -> BatchNormAttrs {
    let mut add = |name: &str| {
        let id = params.add(name, Kind::Running, [channels]);
        params.value_mut(id).fill(0.25);
        id
    };
    BatchNormAttrs { running_mean: add("mean"), running_var: add("var"), momentum: 0.1, eps: 1e-3 }
}

#[test]
fn a_node_used_twice_gets_the_sum() {
    let (mut tape, mut params) = (tape(), Params::new());
    let x = tape.variable([3]);
    let cube = {
        let xx = ops::mul(&mut tape, x, x);
        ops::mul(&mut tape, xx, x)
    };
    let line = ops::mul_scalar(&mut tape, x, 7.0);
    let y = ops::sub(&mut tape, cube, line);
    tape.set(x, &[1.0, 2.0, -3.0]);
    tape.forward(&mut params);
    tape.backward_from(&mut params, y, &[1.0; 3], &mut NoGradients);
    assert_eq!(tape.gradient(x), [3.0 - 7.0, 12.0 - 7.0, 27.0 - 7.0]);
}

#[test]
fn a_parameter_used_twice_gets_the_sum() {
    let mut params = Params::new();
    let w = params.add("w", Kind::Weight, [2]);
    params.value_mut(w).copy_from_slice(&[3.0, -5.0]);
    let mut tape = tape();
    let v = tape.param(&params, w);
    let y = ops::mul(&mut tape, v, v);
    let y = ops::sum(&mut tape, y);
    tape.forward(&mut params);
    let mut grads = Gradients::new(&params);
    for passes in 1..3 {
        tape.backward(&mut params, y, &mut grads);
        let want = [6.0, -10.0].map(|x| x * passes as f32);
        assert_eq!(grads.get(w), Some(&want[..]), "after {passes} passes");
    }
}

#[test]
fn views_share_the_adjoint_of_their_root() {
    let (mut tape, mut params) = (tape(), Params::new());
    let x = tape.variable([2, 3]);
    let y = ops::mul_scalar(&mut tape, x, 2.0);
    let turned = ops::reshape(&mut tape, y, [3, 2]);
    let flat = ops::reshape(&mut tape, turned, [6]);
    let part = ops::slice(&mut tape, flat, 0, 4..6);
    let column = ops::slice(&mut tape, turned, 1, 1..2);
    let sums = [part, column, y].map(|v| ops::sum(&mut tape, v));
    let total = ops::add(&mut tape, sums[0], sums[1]);
    let total = ops::add(&mut tape, total, sums[2]);
    tape.set(x, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    tape.forward(&mut params);
    assert_eq!(tape.value(flat), tape.value(y));
    assert_eq!(tape.value(total), [22.0 + 24.0 + 42.0]);
    tape.backward(&mut params, total, &mut NoGradients);
    assert_eq!(tape.gradient(x), [2.0, 4.0, 2.0, 4.0, 4.0, 6.0]);
}

#[test]
fn the_view_of_an_input_wants_no_gradient() {
    let (mut tape, mut params) = (tape(), Params::new());
    let (x, w) = (tape.input([2, 2]), tape.variable([4]));
    let flat = ops::reshape(&mut tape, x, [4]);
    let y = ops::mul(&mut tape, flat, w);
    let y = ops::sum(&mut tape, y);
    tape.set(x, &[1.0, 2.0, 3.0, 4.0]);
    tape.forward(&mut params);
    tape.backward(&mut params, y, &mut NoGradients);
    assert_eq!(tape.gradient(w), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn an_input_that_reaches_nothing_reads_zeros() {
    let (mut tape, mut params) = (tape(), Params::new());
    let (x, lonely) = (tape.variable([2]), tape.variable([5]));
    let unused = ops::exp(&mut tape, lonely);
    let y = ops::sum(&mut tape, x);
    let other = ops::sum(&mut tape, unused);
    tape.set(x, &[1.0, 2.0]);
    tape.forward(&mut params);
    tape.backward(&mut params, other, &mut NoGradients);
    assert_eq!((tape.gradient(lonely), tape.gradient(x)), (&[1.0; 5][..], &[0.0; 2][..]));
    tape.backward(&mut params, y, &mut NoGradients);
    assert_eq!((tape.gradient(lonely), tape.gradient(x)), (&[0.0; 5][..], &[1.0; 2][..]));
}

#[test]
fn dropout_draws_a_new_mask_each_time_and_keeps_the_mean() {
    let (mut tape, mut params) = (tape(), Params::new());
    let x = tape.variable([10_000]);
    let y = ops::dropout(&mut tape, x, 0.25);
    tape.value_mut(x).fill(3.0);
    tape.forward(&mut params);
    let first = tape.value(y).to_vec();
    let dropped = first.iter().filter(|&&y| y == 0.0).count();
    assert!(first.iter().all(|&y| y == 0.0 || y == 4.0));
    // Five standard deviations of the binomial distribution: 5 sqrt(10,000 / 4 * 3 / 4) = 217.
    assert!(dropped.abs_diff(2500) < 217, "{dropped} of 10,000 dropped");
    tape.forward(&mut params);
    assert_ne!(first, tape.value(y));
}

#[test]
fn dropout_of_nothing_is_the_identity() {
    let mut tape = tape();
    let x = tape.variable([3]);
    assert_eq!(ops::dropout(&mut tape, x, 0.0), x);
}

#[test]
fn batch_norm_leaves_the_statistics_of_shared_parameters() {
    let (mut tape, mut params) = (tape(), Params::new());
    let [x, g, b] = variables(&mut tape, [&[4, 3], &[3], &[3]]);
    let attrs = statistics(&mut params, 3);
    ops::batch_norm(&mut tape, x, g, b, attrs);
    set(&mut tape, x, 1);
    let before = params.value(attrs.running_mean).to_vec();
    tape.infer(&params);
    assert_eq!(params.value(attrs.running_mean), before);
    tape.forward(&mut params);
    assert_ne!(params.value(attrs.running_mean), before);
}

#[test]
fn gelu_slopes_are_0_and_1_far_out() {
    let (mut tape, mut params) = (tape(), Params::new());
    let x = tape.variable([6]);
    let outputs = [ops::gelu(&mut tape, x), ops::gelu_tanh(&mut tape, x)];
    tape.set(x, &[f32::MIN, -1e10, -30.0, 30.0, 1e10, f32::MAX]);
    tape.forward(&mut params);
    for y in outputs {
        tape.backward_from(&mut params, y, &[1.0; 6], &mut NoGradients);
        let slopes = tape.gradient(x);
        let close = |(got, want): (&f32, f32)| (got - want).abs() < 1e-6;
        let want = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        assert!(slopes.iter().zip(want).all(close), "{}: {slopes:?}", tape.name(y));
    }
}

#[test]
fn nan_goes_through_every_activation() {
    let (mut tape, mut params) = (tape(), Params::new());
    let x = tape.variable([1]);
    let t = &mut tape;
    let outputs = [
        ops::relu(t, x),
        ops::leaky_relu(t, x, 0.1),
        ops::tanh(t, x),
        ops::sigmoid(t, x),
        ops::gelu(t, x),
        ops::gelu_tanh(t, x),
    ];
    tape.set(x, &[f32::NAN]);
    tape.forward(&mut params);
    for y in outputs {
        assert!(tape.value(y)[0].is_nan(), "{}", tape.name(y));
    }
}

#[test]
fn accumulate_is_asked_for_as_the_tape_promises() {
    struct Watch;
    impl Primitive for Watch {
        fn name(&self) -> &'static str {
            "watch"
        }
        fn forward(&self, cx: Forward<'_>) {
            cx.y.fill(0.0);
        }
        fn vjp(&self, cx: Vjp<'_>) {
            let code = if cx.accumulate == Accumulate::Store { 1.0 } else { cx.dx[0] * 10.0 + 2.0 };
            cx.dx.fill(code);
        }
    }
    let (mut tape, mut params) = (tape(), Params::new());
    let x = tape.variable([1]);
    let y = tape.record(Watch, &[x, x, x], [1]);
    tape.forward(&mut params);
    tape.backward(&mut params, y, &mut NoGradients);
    assert_eq!(tape.gradient(x), [122.0]);
}
