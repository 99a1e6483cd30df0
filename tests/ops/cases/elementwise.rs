//! y = f(x) and y = f(a, b) element by element, with NumPy's broadcasting; dropout.

use super::case::{Case, Draw, SEED, indices, offset};
use proxtape::{Exec, Isa, Params, Random, Tape, Var, ops};
use std::ops::Range;

type Unary = (&'static str, fn(&mut Tape, Var) -> Var, fn(f64) -> f64, Range<f32>);
type Binary = (&'static str, fn(&mut Tape, Var, Var) -> Var, fn(f64, f64) -> f64, Range<f32>);

/// The ranges stay where the gradient is well conditioned: 1 - y^2 of a saturated tanh is not.
const UNARY: &[Unary] = &[
    ("neg", ops::neg, |x| -x, -2.0..2.0),
    ("add_scalar", |t, x| ops::add_scalar(t, x, -0.75), |x| x - 0.75, -2.0..2.0),
    ("mul_scalar", |t, x| ops::mul_scalar(t, x, -2.5), |x| -2.5 * x, -2.0..2.0),
    ("exp", ops::exp, f64::exp, -3.0..3.0),
    ("log", ops::log, f64::ln, 0.2..5.0),
    ("sqrt", ops::sqrt, f64::sqrt, 0.2..5.0),
    ("tanh", ops::tanh, f64::tanh, -2.0..2.0),
    ("sigmoid", ops::sigmoid, |x| 1.0 / (1.0 + (-x).exp()), -4.0..4.0),
    ("relu", ops::relu, |x| x.max(0.0), -2.0..2.0),
    ("leaky_relu", |t, x| ops::leaky_relu(t, x, 0.125), |x| x.max(0.125 * x), -2.0..2.0),
    ("gelu", ops::gelu, |x| x * 0.5 * (1.0 + erf(x / 2f64.sqrt())), -4.0..4.0),
    ("gelu_tanh", ops::gelu_tanh, gelu_tanh, -4.0..4.0),
];

const BINARY: &[Binary] = &[
    ("add", ops::add, |a, b| a + b, -2.0..2.0),
    ("add_relu", ops::add_relu, |a, b| (a + b).max(0.0), -2.0..2.0),
    ("sub", ops::sub, |a, b| a - b, -2.0..2.0),
    ("mul", ops::mul, |a, b| a * b, -2.0..2.0),
    ("div", ops::div, |a, b| a / b, 0.5..2.0),
];

const SHAPES: &[&[usize]] = &[&[], &[1], &[7], &[16], &[3, 11], &[2, 3, 5, 7], &[130]];

/// Pairs that fit, each way round.
const PAIRS: &[[&[usize]; 2]] = &[
    [&[], &[]],
    [&[5], &[5]],
    [&[3, 33], &[3, 33]],
    [&[3, 5], &[]],
    [&[3, 5], &[5]],
    [&[3, 17], &[3, 1]],
    [&[4, 1], &[1, 6]],
    [&[2, 3, 5, 5], &[3, 1, 1]],
    [&[2, 3, 5], &[1, 3, 1]],
    [&[2, 1, 4, 1], &[3, 1, 5]],
    [&[2, 2, 1, 2, 1, 3], &[1, 2, 3, 1, 2, 1]],
    [&[1], &[1, 1, 9]],
];

pub(crate) fn cases() -> Vec<Case> {
    let mut draw = Draw::new(1);
    let mut cases = Vec::new();
    for (op, record, f, range) in UNARY.iter().cloned() {
        for &dims in SHAPES {
            let inputs = vec![draw.range(dims, range.clone())];
            let reference = move |x: &[Vec<f64>]| x[0].iter().map(|&x| f(x)).collect();
            cases.push(Case::new(op, inputs, move |t, x| record(t, x[0]), reference));
        }
    }
    for (op, record, f, range) in BINARY.iter().cloned() {
        for pair in PAIRS.iter().flat_map(|&[a, b]| [[a, b], [b, a]]) {
            let inputs = pair.map(|dims| draw.range(dims, range.clone())).to_vec();
            let reference = move |x: &[Vec<f64>]| broadcast(pair, x, f);
            cases.push(Case::new(op, inputs, move |t, x| record(t, x[0], x[1]), reference));
        }
        // Both inputs are the same value.
        let inputs = vec![draw.range(&[9], range)];
        let reference = move |x: &[Vec<f64>]| x[0].iter().map(|&x| f(x, x)).collect();
        let twice = Case::new(op, inputs, move |t, x| record(t, x[0], x[0]), reference);
        cases.push(twice.note("with itself"));
    }
    for (dims, p) in [(&[5][..], 0.5), (&[3, 37], 0.25), (&[2, 3, 8, 4], 0.9), (&[6], 0.0)] {
        let mask = dropout_mask(dims, p);
        let reference = move |x: &[Vec<f64>]| x[0].iter().zip(&mask).map(|(x, m)| x * m).collect();
        let inputs = vec![draw.input(dims)];
        let case = Case::new("dropout", inputs, move |t, x| ops::dropout(t, x[0], p), reference);
        cases.push(case.note(p));
    }
    cases
}

/// f of all pairs of elements: an axis of one, or a missing leading axis, is repeated.
fn broadcast(dims: [&[usize]; 2], x: &[Vec<f64>], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let rank = dims[0].len().max(dims[1].len());
    let dims = dims.map(|d| [&vec![1; rank - d.len()], d].concat());
    let out: Vec<usize> =
        dims[0].iter().zip(&dims[1]).map(|(&a, &b)| if a == 1 { b } else { a }).collect();
    let at = |side: usize, index: &[usize]| {
        let own: Vec<usize> =
            index.iter().zip(&dims[side]).map(|(&i, &d)| if d == 1 { 0 } else { i }).collect();
        x[side][offset(&dims[side], &own)]
    };
    indices(&out).iter().map(|index| f(at(0, index), at(1, index))).collect()
}

/// What dropout multiplies with when its stream is seeded as in the checks.
fn dropout_mask(dims: &[usize], p: f32) -> Vec<f64> {
    let mut tape = Tape::new(Exec::new(Isa::detect()));
    let x = tape.variable(dims);
    let y = ops::dropout(&mut tape, x, p);
    tape.value_mut(x).fill(1.0);
    *tape.random_mut() = Random::new(SEED);
    tape.forward(&mut Params::new());
    let mask: Vec<f64> = tape.value(y).iter().map(|&y| f64::from(y)).collect();
    let kept = 1.0 / (1.0 - f64::from(p));
    assert!(mask.iter().all(|&m| m == 0.0 || (m - kept).abs() < 1e-5 * kept));
    mask
}

/// erf x = 2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!!; all terms have one sign.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / (2 * n + 1) as f64;
        sum += term;
    }
    2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
}

fn gelu_tanh(x: f64) -> f64 {
    let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
    0.5 * x * (1.0 + inner.tanh())
}

#[test]
fn erf_reference_is_right() {
    // NIST, Digital Library of Mathematical Functions.
    assert!((erf(0.5) - 0.520_499_877_813_046_5).abs() < 1e-15);
    assert!((erf(2.0) - 0.995_322_265_018_952_7).abs() < 1e-14);
    assert!((erf(-1.0) + 0.842_700_792_949_714_9).abs() < 1e-15);
}
