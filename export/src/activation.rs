//! Activations: the function that a Rust file holds, which runs here too, and the nodes of ONNX.
//!
//! The functions take what they change; their text is cut out of this file as it stands.

use crate::kernels::{erf::erf, exp::exp, function};
use crate::onnx::{Attribute, Builder};
use proxtape::nn::Activation;
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// The names and texts of all functions.
pub(crate) fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    let names = Activation::ALL.iter().map(|&activation| name(activation));
    names.map(|name| (name, function(include_str!("activation.rs"), name)))
}

/// The name of the function.
pub(crate) fn name(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "relu",
        Activation::LeakyRelu { .. } => "leaky_relu",
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_tanh",
        Activation::Tanh => "tanh",
        Activation::Sigmoid => "sigmoid",
    }
}

/// Applies it.
pub(crate) fn apply(activation: Activation, x: &mut [f32]) {
    match activation {
        Activation::Relu => relu(x),
        Activation::LeakyRelu { slope } => leaky_relu(x, slope),
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => gelu_tanh(x),
        Activation::Tanh => tanh(x),
        Activation::Sigmoid => sigmoid(x),
    }
}

/// Adds its nodes, and gives the name of the value that they make of `x`.
pub(crate) fn nodes(activation: Activation, to: &mut Builder, x: &str) -> String {
    match activation {
        Activation::Relu => to.node("Relu", "y", &[x], vec![]),
        Activation::LeakyRelu { slope } => {
            to.node("LeakyRelu", "y", &[x], vec![("alpha", Attribute::Float(slope))])
        }
        Activation::Tanh => to.node("Tanh", "y", &[x], vec![]),
        Activation::Sigmoid => to.node("Sigmoid", "y", &[x], vec![]),
        // x (1 + erf(x / sqrt 2)) / 2: an operation of its own came with operator set 20 only.
        Activation::Gelu => {
            let z = to.with(("Mul", "z"), x, &[FRAC_1_SQRT_2], 0);
            let erf = to.node("Erf", "erf", &[&z], vec![]);
            half_of_one_plus(to, x, &erf)
        }
        // x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
        Activation::GeluTanh => {
            let square = to.node("Mul", "square", &[x, x], vec![]);
            let linear = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
            let cubic = to.with(("Mul", "cubic"), &square, &[linear * 0.044_715], 0);
            let factor = to.with(("Add", "factor"), &cubic, &[linear], 0);
            let u = to.node("Mul", "u", &[x, &factor], vec![]);
            let tanh = to.node("Tanh", "tanh", &[&u], vec![]);
            half_of_one_plus(to, x, &tanh)
        }
    }
}

/// x (1 + t) / 2.
fn half_of_one_plus(to: &mut Builder, x: &str, t: &str) -> String {
    let sum = to.with(("Add", "sum"), t, &[1.0], 0);
    let twice = to.node("Mul", "twice", &[x, &sum], vec![]);
    to.with(("Mul", "y"), &twice, &[0.5], 0)
}

/// max(x, 0); a NaN stays one.
pub(crate) fn relu(x: &mut [f32]) {
    x.iter_mut().filter(|x| **x <= 0.0).for_each(|x| *x = 0.0);
}

/// x, or slope * x where x is negative.
pub(crate) fn leaky_relu(x: &mut [f32], slope: f32) {
    x.iter_mut().filter(|x| **x < 0.0).for_each(|x| *x *= slope);
}

/// x Phi(x) = x (1 + erf(x / sqrt 2)) / 2.
pub(crate) fn gelu(x: &mut [f32]) {
    for x in x {
        let phi = 0.5 + 0.5 * erf(*x * core::f32::consts::FRAC_1_SQRT_2);
        // At -inf the limit, and not -inf times 0.
        *x = phi * if *x < f32::MIN { f32::MIN } else { *x };
    }
}

/// x (1 + tanh u) / 2 = x / (1 + e^-2u) with u = sqrt(2/pi) (x + 0.044715 x^3).
pub(crate) fn gelu_tanh(x: &mut [f32]) {
    for x in x {
        // -2 sqrt(2/pi) and that times 0.044715.
        let minus_2u = *x * (-1.595_769 - 0.071_354_814 * *x * *x);
        // At -inf the limit, and not -inf over inf.
        let finite = if *x < f32::MIN { f32::MIN } else { *x };
        *x = finite / (1.0 + exp(minus_2u));
    }
}

/// tanh x = 1 - 2 / (e^2x + 1), or x - x^3/3 + 2x^5/15 where that would cancel.
pub(crate) fn tanh(x: &mut [f32]) {
    for x in x {
        let square = *x * *x;
        *x = if square < 0.01 {
            *x * (1.0 - square * (1.0 / 3.0 - square * (2.0 / 15.0 - square * (17.0 / 315.0))))
        } else {
            1.0 - 2.0 / (exp(2.0 * *x) + 1.0)
        };
    }
}

/// 1 / (1 + e^-x).
pub(crate) fn sigmoid(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = 1.0 / (1.0 + exp(-*x)));
}
