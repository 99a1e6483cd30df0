//! What holds for every operation: Store overwrites, Add adds, a replay does not allocate.

use crate::allocation::ALLOCATIONS;
use crate::{bits, numbers, statistics, variables};
use proxtape::ops::{self, ConvAttrs, PoolAttrs};
use proxtape::{Exec, Forward, Isa, Params, Primitive, Tape, Var, Vjp};

/// Each operation once over variables, for tests that hold for all.
type Recording = (&'static str, fn(&mut Tape, &mut Params) -> (Vec<Var>, Var));

macro_rules! unary {
    ($($name:literal $shape:expr => |$tape:ident, $x:ident| $op:expr;)*) => {
        [$(($name, (|$tape, _| {
            let [$x] = variables($tape, [&$shape]);
            let y = $op;
            (vec![$x], y)
        }) as fn(&mut Tape, &mut Params) -> (Vec<Var>, Var))),*]
    };
}

macro_rules! binary {
    ($($name:literal $a:expr, $b:expr => |$tape:ident, $x:ident, $z:ident| $op:expr;)*) => {
        [$(($name, (|$tape, _| {
            let [$x, $z] = variables($tape, [&$a, &$b]);
            let y = $op;
            (vec![$x, $z], y)
        }) as fn(&mut Tape, &mut Params) -> (Vec<Var>, Var))),*]
    };
}

const POOL: PoolAttrs = PoolAttrs { kernel: [3, 2], stride: [2, 2], padding: [1, 0] };

fn recordings() -> Vec<Recording> {
    let mut all: Vec<Recording> = vec![];
    all.extend(unary! {
        "neg" [37] => |t, x| ops::neg(t, x);
        "add_scalar" [37] => |t, x| ops::add_scalar(t, x, 3.0);
        "mul_scalar" [37] => |t, x| ops::mul_scalar(t, x, 3.0);
        "exp" [37] => |t, x| ops::exp(t, x);
        "log" [37] => |t, x| ops::log(t, x);
        "sqrt" [37] => |t, x| ops::sqrt(t, x);
        "tanh" [37] => |t, x| ops::tanh(t, x);
        "sigmoid" [37] => |t, x| ops::sigmoid(t, x);
        "relu" [37] => |t, x| ops::relu(t, x);
        "leaky_relu" [37] => |t, x| ops::leaky_relu(t, x, 0.1);
        "gelu" [37] => |t, x| ops::gelu(t, x);
        "gelu_tanh" [37] => |t, x| ops::gelu_tanh(t, x);
        "dropout" [37] => |t, x| ops::dropout(t, x, 0.4);
        "max_pool2d" [2, 3, 5, 7] => |t, x| ops::max_pool2d(t, x, POOL);
        "avg_pool2d" [2, 3, 5, 7] => |t, x| ops::avg_pool2d(t, x, POOL);
        "global_avg_pool2d" [2, 3, 5, 7] => |t, x| ops::global_avg_pool2d(t, x);
        "softmax" [3, 2, 19] => |t, x| ops::softmax(t, x);
        "log_softmax" [3, 2, 19] => |t, x| ops::log_softmax(t, x);
        "cross_entropy" [4, 19] => |t, x| { let l = t.labels(4); ops::cross_entropy(t, x, l) };
        "sum" [3, 19] => |t, x| ops::sum(t, x);
        "mean" [3, 19] => |t, x| ops::mean(t, x);
        "sum_axis 0" [3, 4, 5] => |t, x| ops::sum_axis(t, x, 0);
        "sum_axis 2" [3, 4, 5] => |t, x| ops::sum_axis(t, x, 2);
        "mean_axis" [3, 4, 5] => |t, x| ops::mean_axis(t, x, 1);
        "reshape" [3, 4] => |t, x| ops::reshape(t, x, [2, 6]);
        "flatten" [3, 4, 2] => |t, x| ops::flatten(t, x);
        "transpose" [3, 21] => |t, x| ops::transpose(t, x);
        "slice inside" [3, 5, 4] => |t, x| ops::slice(t, x, 1, 1..3);
        "slice of nothing" [3, 5] => |t, x| ops::slice(t, x, 0, 2..2);
        "slice of all" [3, 5] => |t, x| ops::slice(t, x, 1, 0..5);
        "select features" [3, 5] => |t, x| ops::select(t, x, 1, &[0, 3]);
        "select channels" [3, 5, 4] => |t, x| ops::select(t, x, 1, &[1, 2, 4]);
        "select nothing" [3, 5] => |t, x| ops::select(t, x, 0, &[]);
    });
    all.extend(binary! {
        "add" [3, 7], [3, 7] => |t, a, b| ops::add(t, a, b);
        "add_relu" [3, 7], [3, 7] => |t, a, b| ops::add_relu(t, a, b);
        "add row" [3, 7], [7] => |t, a, b| ops::add(t, a, b);
        "sub both" [3, 1, 7], [5, 1] => |t, a, b| ops::sub(t, a, b);
        "mul column" [3, 7], [3, 1] => |t, a, b| ops::mul(t, a, b);
        "mul scalar" [], [3, 7] => |t, a, b| ops::mul(t, a, b);
        "div" [3, 7], [1, 7] => |t, a, b| ops::div(t, a, b);
        "matmul" [3, 5], [5, 9] => |t, a, b| ops::matmul(t, a, b);
        "matmul of depth 0" [3, 0], [0, 9] => |t, a, b| ops::matmul(t, a, b);
        "linear without bias" [3, 5], [9, 5] => |t, a, b| ops::linear(t, a, b, None);
        "conv2d without bias" [2, 4, 6, 5], [6, 2, 3, 2] => |t, a, b| {
            ops::conv2d(t, a, b, None, ConvAttrs {
                stride: [2, 1], padding: [0, 1], dilation: [1, 2], groups: 2,
            })
        };
        "mse_loss" [3, 7], [3, 7] => |t, a, b| ops::mse_loss(t, a, b);
        "concat" [3, 2, 4], [3, 5, 4] => |t, a, b| ops::concat(t, &[a, b, a], 1);
    });
    let three: [Recording; 7] = [
        ("linear", |t, _| {
            let [x, w, b] = variables(t, [&[3, 5], &[9, 5], &[9]]);
            (vec![x, w, b], ops::linear(t, x, w, Some(b)))
        }),
        ("conv2d", |t, _| {
            let [x, w, b] = variables(t, [&[2, 3, 6, 5], &[4, 3, 3, 3], &[4]]);
            let attrs = ConvAttrs { padding: [1, 1], ..ConvAttrs::default() };
            (vec![x, w, b], ops::conv2d(t, x, w, Some(b), attrs))
        }),
        ("batch_norm", |t, params| {
            let [x, g, b] = variables(t, [&[4, 3, 5], &[3], &[3]]);
            let attrs = statistics(params, 3);
            (vec![x, g, b], ops::batch_norm(t, x, g, b, attrs))
        }),
        ("batch_norm_inference", |t, params| {
            let [x, g, b] = variables(t, [&[4, 3], &[3], &[3]]);
            let attrs = statistics(params, 3);
            (vec![x, g, b], ops::batch_norm_inference(t, x, g, b, attrs))
        }),
        ("batch_norm_relu", |t, params| {
            let [x, g, b] = variables(t, [&[4, 3, 5], &[3], &[3]]);
            let attrs = statistics(params, 3);
            (vec![x, g, b], ops::batch_norm_relu(t, x, g, b, attrs))
        }),
        ("batch_norm_inference_relu", |t, params| {
            let [x, g, b] = variables(t, [&[4, 3], &[3], &[3]]);
            let attrs = statistics(params, 3);
            (vec![x, g, b], ops::batch_norm_inference_relu(t, x, g, b, attrs))
        }),
        ("layer_norm", |t, _| {
            let [x, g, b] = variables(t, [&[4, 2, 5], &[5], &[5]]);
            (vec![x, g, b], ops::layer_norm(t, x, g, b, 1e-5))
        }),
    ];
    all.extend(three);
    all
}

/// y = the sum of x; its product leaves NaN, as a stale adjoint would.
struct Poison;

impl Primitive for Poison {
    fn name(&self) -> &'static str {
        "poison"
    }
    fn forward(&self, cx: Forward<'_>) {
        cx.y.fill(0.0);
    }
    fn vjp(&self, cx: Vjp<'_>) {
        cx.dx.fill(f32::NAN);
    }
}

/// Fills all adjoints of the tape with NaN: a backward pass over one variable that is as large as
/// all others together, planned from the lowest offset.
fn poison(tape: &mut Tape, params: &mut Params, len: usize) {
    tape.clear();
    let x = tape.variable([len]);
    let y = tape.record(Poison, &[x], []);
    tape.forward(params);
    tape.backward(params, y, &mut ());
    assert!(tape.gradient(x).iter().all(|x| x.is_nan()));
}

/// Positive, so that log and sqrt have values too.
fn positive(tape: &mut Tape, inputs: &[Var]) {
    for (i, &x) in inputs.iter().enumerate() {
        let mut values = numbers(tape.shape(x).len(), 7 + i as u32);
        values.iter_mut().for_each(|v| *v = v.abs() + 0.1);
        tape.set(x, &values);
    }
}

/// Values and gradients of one pass, recorded into `tape`.
fn gradients(tape: &mut Tape, (name, record): Recording) -> Vec<Vec<u32>> {
    let mut params = Params::new();
    let (inputs, y) = record(tape, &mut params);
    positive(tape, &inputs);
    *tape.random_mut() = proxtape::Random::new(3);
    tape.forward(&mut params);
    let cotangent = numbers(tape.shape(y).len(), 5);
    tape.backward_from(&mut params, (y, &cotangent), &mut ());
    let mut all = vec![bits(tape.value(y))];
    for &x in &inputs {
        let dx = tape.gradient(x);
        assert!(dx.iter().all(|x| x.is_finite()), "{name}: {dx:?}");
        all.push(bits(dx));
    }
    all
}

#[test]
fn store_overwrites_whatever_the_adjoints_held() {
    for exec in Isa::available().flat_map(|isa| [Exec::new(isa), Exec::new(isa).parallel()]) {
        let mut dirty = Tape::new(exec);
        for recording in recordings() {
            let clean = gradients(&mut Tape::new(exec), recording);
            poison(&mut dirty, &mut Params::new(), 4096);
            dirty.clear();
            assert_eq!(clean, gradients(&mut dirty, recording), "{} on {exec:?}", recording.0);
        }
    }
}

/// Of a value with itself: y = f(x) + (2 x summed over), so that f's product is added to what the
/// later consumers of x stored.
#[test]
fn add_adds_to_what_is_there() {
    for exec in Isa::available().flat_map(|isa| [Exec::new(isa), Exec::new(isa).parallel()]) {
        for (name, record) in recordings() {
            let mut params = Params::new();
            let mut tape = Tape::new(exec);
            let (inputs, y) = record(&mut tape, &mut params);
            let y_sum = ops::sum(&mut tape, y);
            // Recorded later, so it comes first on the way back.
            let mut both = y_sum;
            for &x in &inputs {
                let line = ops::mul_scalar(&mut tape, x, 2.0);
                let line = ops::sum(&mut tape, line);
                both = ops::add(&mut tape, both, line);
            }
            positive(&mut tape, &inputs);
            *tape.random_mut() = proxtape::Random::new(3);
            tape.forward(&mut params);
            tape.backward(&mut params, y_sum, &mut ());
            let alone: Vec<Vec<f32>> = inputs.iter().map(|&x| tape.gradient(x).to_vec()).collect();
            tape.backward(&mut params, both, &mut ());
            for (&x, alone) in inputs.iter().zip(&alone) {
                for (got, want) in tape.gradient(x).iter().zip(alone) {
                    let error = (got - (want + 2.0)).abs();
                    let close = error <= 1e-5 * (1.0 + want.abs());
                    assert!(close, "{name} on {exec:?}: {got}, not {want} + 2");
                }
            }
        }
    }
}

#[test]
fn a_replay_does_not_allocate() {
    for isa in Isa::available() {
        for (name, record) in recordings() {
            let (mut tape, mut params) = (Tape::new(Exec::new(isa)), Params::new());
            let (inputs, y) = record(&mut tape, &mut params);
            positive(&mut tape, &inputs);
            let cotangent = numbers(tape.shape(y).len(), 5);
            let mut step = || {
                let before = ALLOCATIONS.get();
                tape.forward(&mut params);
                tape.backward_from(&mut params, (y, &cotangent), &mut ());
                ALLOCATIONS.get() - before
            };
            assert!(step() > 0, "{name}: the first step plans");
            assert_eq!(step(), 0, "{name} on {isa:?}");
        }
    }
}
