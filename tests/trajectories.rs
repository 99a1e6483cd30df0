//! Sixty steps of training against PyTorch in f64: losses, final parameters, zeros.
//!
//! The trajectories use prox thresholds of lr times their lambda with momentum. Here lambda means
//! the objective, whose thresholds are lr / (1 - beta) times lambda, so theirs is multiplied by
//! 1 - beta.

use proxtape::data::{Normalization, digits};
use proxtape::nn::{Activation, Layer, Model, Named, Phase};
use proxtape::optim::{Grouping, L11L12, Optimizer, Path, Regularized, Regularizer, Rule};
use proxtape::{Exec, Gradients, Isa, Params, Random, Tape, ops};
use serde_json::Value;

const MLP: &str = include_str!("oracles/trajectory-mlp.json");
const CNN: &str = include_str!("oracles/trajectory-cnn.json");

fn mlp() -> Vec<Named> {
    vec![
        Layer::Flatten.named("flatten"),
        Layer::linear(24).named("fc1"),
        Activation::Relu.named("relu1"),
        Layer::linear(10).named("fc2"),
    ]
}

fn cnn() -> Vec<Named> {
    vec![
        Layer::conv2d(6, 3, 1).named("conv1"),
        Layer::batch_norm().named("bn1"),
        Activation::Relu.named("relu1"),
        Layer::max_pool(2).named("pool1"),
        Layer::conv2d(8, 3, 0).named("conv2"),
        Activation::Relu.named("relu2"),
        Layer::Flatten.named("flatten"),
        Layer::linear(10).named("fc"),
    ]
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(number).collect()
}

/// Runs a trajectory and compares it.
fn follow(text: &str, layers: &[Named], exec: Exec, path: Path) {
    let oracle: Value = serde_json::from_str(text).expect("the oracle is JSON");
    let set = digits::load().expect("the digits are embedded");
    let normalization = Normalization::identity(&set);
    let mut params = Params::new();
    let model = Model::new(&mut params, [1, 8, 8], layers, &mut Random::new(0)).unwrap();
    for (name, tensor) in oracle["initial"].as_object().expect("an object") {
        let id = params.find(name).unwrap_or_else(|| panic!("no parameter {name}"));
        let values: Vec<f32> = numbers(&tensor["data"]).iter().map(|&x| x as f32).collect();
        params.value_mut(id).copy_from_slice(&values);
    }
    let beta = number(&oracle["beta"]);
    let [lambda1, rho] = ["lambda1", "rho"].map(|k| (number(&oracle[k]) * (1.0 - beta)) as f32);
    let regularizer = Regularizer::L11L12(L11L12 { lambda1, rho });
    let groups = oracle["groups"].as_object().expect("an object").iter();
    let regularized = groups.map(|(name, grouping)| {
        let id = params.find(name).expect("a weight");
        let grouping: Grouping = grouping.as_str().unwrap().parse().unwrap();
        let groups = grouping.groups(params.shape(id), 1).unwrap();
        Regularized::new(id, regularizer, groups)
    });
    let regularized: Vec<_> = regularized.collect();
    let rule = Rule::Momentum { beta: beta as f32 };
    let mut optimizer = Optimizer::new(exec, &params, rule, &regularized).with_path(path);

    let batch = number(&oracle["batch"]) as usize;
    let mut tape = Tape::new(exec);
    let x = tape.input([batch, 1, 8, 8]);
    let labels = tape.labels(batch);
    let logits = model.record(&mut tape, &params, x, Phase::Training);
    let loss = ops::cross_entropy(&mut tape, logits, labels);
    let mut gradients = Gradients::new(&params);
    let first = number(&oracle["first"]) as usize;
    for (s, &want) in numbers(&oracle["losses"]).iter().enumerate() {
        let start = (first + s * batch) % 1700;
        let indices: Vec<u32> = (start..start + batch).map(|i| i as u32).collect();
        let (values, targets) = tape.leaves_mut(x, labels);
        set.fill(&indices, &normalization, None, values, targets);
        tape.forward(&mut params);
        let got = f64::from(tape.value(loss)[0]);
        assert!((got - want).abs() <= 1e-5 * want, "{exec:?} {path:?} step {s}: {got}, not {want}");
        gradients.clear();
        tape.backward(&mut params, loss, &mut gradients);
        optimizer.step(&mut params, &mut gradients, number(&oracle["lr"]) as f32);
    }

    for (name, tensor) in oracle["final"].as_object().expect("an object") {
        let id = params.find(name).expect("a parameter");
        let regularized = regularized.iter().any(|r| r.id == id);
        let mut zeros = 0;
        for (i, (&got, want)) in params.value(id).iter().zip(numbers(&tensor["data"])).enumerate() {
            let error = (f64::from(got) - want).abs();
            assert!(error <= 2e-5, "{exec:?} {path:?} {name}[{i}]: {got}, not {want}");
            if regularized {
                // A weight that one side zeroes and the other does not was within 1e-6 of tau.
                let same = (got == 0.0) == (want == 0.0);
                assert!(same || error <= 1e-6, "{name}[{i}]: {got}, not {want}");
                zeros += usize::from(got == 0.0);
                assert!(got != 0.0 || got.is_sign_positive(), "{name}[{i}] is -0.0");
            }
        }
        assert!(!regularized || zeros > 0, "{name}: the penalty zeroes something");
    }
}

fn follow_everywhere(text: &str, layers: &[Named]) {
    for isa in Isa::available() {
        for path in [Path::Fused, Path::Unfused] {
            follow(text, layers, Exec::new(isa), path);
        }
    }
    follow(text, layers, Exec::new(Isa::detect()).parallel(), Path::Fused);
}

#[test]
fn mlp_follows_pytorch() {
    follow_everywhere(MLP, &mlp());
}

#[test]
fn cnn_follows_pytorch() {
    follow_everywhere(CNN, &cnn());
}
