//! One step: accumulation, clipping, the weights that a penalty reaches.

use crate::setup::{Small, conv_net, difference, exec, finish, mlp, network, take, value};
use proxtape::data::{Dataset, Normalization, Samples, Source, Split};
use proxtape::nn::{Layer, Network};
use proxtape::optim::{Family, Penalty, Rule};
use proxtape::train::{Config, Trainer};
use proxtape::{Kind, Random};

fn sgd(eta: f32) -> Config {
    let mut config = Config { rule: Rule::Sgd, ..Config::default() };
    config.schedule.eta = eta;
    config
}

#[test]
fn two_batches_of_32_make_the_step_of_one_of_64() {
    let samples = Small::digits(256, 0);
    let whole = Config { epochs: 2, batch: 64, ..Config::default() };
    let parts = Config { batch: 32, accumulate: 2, ..whole.clone() };
    let [a, b] = [whole, parts].map(|config| {
        let mut trainer = samples.trainer(&mlp(20), config).unwrap();
        assert_eq!(trainer.steps(0), 4);
        finish(&mut trainer).unwrap();
        trainer.params().clone()
    });
    let worst = difference(&a, &b);
    assert!(worst <= 1e-5, "{worst}");
}

#[test]
fn clipping_bounds_the_step_and_keeps_its_direction() {
    let samples = Small::digits(64, 0);
    let start = network(&mlp(20)).params().clone();
    let step = |clip| {
        let config = Config { clip, ..sgd(0.5) };
        let mut trainer = samples.trainer(&mlp(20), config).unwrap();
        take(&mut trainer, 1).unwrap();
        let mut step = Vec::new();
        for id in start.ids() {
            let both = trainer.params().value(id).iter().zip(start.value(id));
            step.extend(both.map(|(&to, &from)| f64::from(to) - f64::from(from)));
        }
        step
    };
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (free, clipped) = (step(None), step(Some(0.1)));
    assert!(norm(&free) > 0.5 * 0.11, "the gradient is longer than the bound: {}", norm(&free));
    assert!((norm(&clipped) - 0.5 * 0.1).abs() < 1e-5, "{}", norm(&clipped));
    let along: f64 = free.iter().zip(&clipped).map(|(a, b)| a * b).sum();
    assert!(along / (norm(&free) * norm(&clipped)) > 0.9999);
    assert_eq!(step(Some(1e6)), free, "a bound that is not reached changes nothing");
}

/// Their squares, and the norm of the last one, leave the range of f32.
#[test]
fn clipping_bounds_the_step_of_huge_gradients() {
    for (size, clip) in [(1e10, 1.0), (1e25, 1.0), (1e37, 1e-3), (3e38, 1.0), (3e38, 1e-4)] {
        let set = Dataset::new([1, 8, 8], Samples::F32(vec![size; 64]), vec![0], 10).unwrap();
        let normalization = Normalization::identity(&set);
        let split = Split { train: vec![0], validation: vec![], test: vec![] };
        let samples = Small { source: Source::from(set), split, normalization };
        let layers = [Layer::Flatten.named("flatten"), Layer::linear(10).named("fc")];
        let mut network = network(&layers);
        let w = network.params().find("fc.weight").unwrap();
        network.params_mut().value_mut(w).fill(0.0);
        let config = Config { batch: 1, clip: Some(clip), ..sgd(0.5) };
        let mut trainer = Trainer::new(exec(), samples.data(), network, config).unwrap();
        take(&mut trainer, 1).unwrap();
        let step = trainer.params().ids().flat_map(|id| trainer.params().value(id));
        let norm = step.map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        let want = 0.5 * f64::from(clip);
        assert!((norm / want - 1.0).abs() < 1e-5, "{norm} for {size:e}, not {want}");
    }
}

/// With all weights at zero only the last bias has a gradient, and it learns the shares of the
/// classes: here twice the zeros and ones, and few of the rest.
#[test]
fn huge_lambda_zeroes_all_weights_and_leaves_biases_trained() {
    let mut samples = Small::digits(800, 0);
    let labels = samples.source.train.labels();
    samples.split.train.retain(|&i| labels[i as usize] < 2 || i % 4 == 0);
    let n = samples.split.train.len();
    let penalty = Penalty { lambda: 1e6, ..Penalty::new(Family::L11L12) };
    let config = Config { epochs: 400, batch: n, penalty, ..sgd(1.0) };
    let mut trainer = samples.trainer(&mlp(20), config).unwrap();
    finish(&mut trainer).unwrap();
    let params = trainer.params();
    for id in params.ids().filter(|&id| params.kind(id) == Kind::Weight) {
        let name = params.name(id);
        assert!(params.value(id).iter().all(|w| w.to_bits() == 0), "{name}: all are +0.0");
    }
    let logits = value(params, "fc2.bias");
    let total: f64 = logits.iter().map(|&b| f64::from(b).exp()).sum();
    for (class, &bias) in logits.iter().enumerate() {
        let mine = samples.split.train.iter().filter(|&&i| labels[i as usize] as usize == class);
        let (got, want) = (f64::from(bias).exp() / total, mine.count() as f64 / n as f64);
        assert!((got - want).abs() < 2e-3, "class {class}: {got}, its share is {want}");
    }
    assert!(logits[0] - logits[5] > 1.0, "{logits:?}");
}

/// The first gradient does not know of the penalty, so all that is no weight takes the same step.
#[test]
fn penalty_reaches_weights_only() {
    let samples = Small::digits(64, 0);
    let after = |lambda| {
        let penalty = Penalty { lambda, ..Penalty::new(Family::L11L12) };
        let config = Config { penalty, ..Config::default() };
        let mut trainer = samples.trainer(&conv_net(6), config).unwrap();
        take(&mut trainer, 1).unwrap();
        trainer.params().clone()
    };
    let (free, bound) = (after(0.0), after(0.1));
    for id in free.ids() {
        let same = free.value(id) == bound.value(id);
        assert_eq!(same, free.kind(id) != Kind::Weight, "{}", free.name(id));
    }
}

/// 50 samples in batches of 32: the gradient of the whole part counts the last 18 too.
#[test]
fn full_gradient_counts_every_sample() {
    let samples = Small::digits(50, 0);
    let gradient = |batch| {
        let mut trainer = samples.trainer(&mlp(8), Config { batch, ..sgd(0.1) }).unwrap();
        let gradients = trainer.full_gradient();
        let ids = trainer.params().ids();
        ids.flat_map(|id| gradients.get(id).unwrap().to_vec()).collect::<Vec<f32>>()
    };
    let (whole, parts) = (gradient(50), gradient(32));
    let largest = whole.iter().fold(0f32, |m, g| m.max(g.abs()));
    for (a, b) in whole.iter().zip(&parts) {
        assert!((a - b).abs() <= 1e-5 * largest, "{a} and {b}");
    }
}

#[test]
fn samples_of_another_shape_and_steps_too_large_are_errors() {
    let samples = Small::digits(64, 0);
    let refused = |layers: &[_], config: Config| match samples.trainer(layers, config) {
        Err(e) => e.to_string(),
        Ok(_) => panic!("this should be refused"),
    };
    let batch = Config { batch: 33, accumulate: 2, ..Config::default() };
    let message = refused(&mlp(8), batch);
    assert!(message.contains("2 x 33") && message.contains("64 training samples"), "{message}");
    let message = refused(&mlp(8)[..3], Config::default());
    assert!(message.contains("[8]") && message.contains("10 classes"), "{message}");
    let norm = [Layer::Flatten.named("f"), Layer::batch_norm().named("bn"), mlp(8).remove(3)];
    let message = refused(&norm, Config { batch: 1, ..Config::default() });
    assert!(message.contains("batch of 1") && message.contains("2 samples"), "{message}");
    assert!(refused(&mlp(8), Config { clip: Some(0.0), ..sgd(0.1) }).contains("clip"));
    assert!(refused(&mlp(8), sgd(f32::NAN)).contains("step size"));
    assert!(refused(&mlp(8), sgd(0.0)).contains("step size"));
    let rule = Rule::Momentum { beta: 1.0 };
    assert!(refused(&mlp(8), Config { rule, ..sgd(0.1) }).contains("out of range"));

    let layers = [Layer::linear(10).named("fc")];
    let network = Network::new([64], &layers, &mut Random::new(1)).unwrap();
    let trainer = Trainer::new(exec(), samples.data(), network, Config::default());
    let message = trainer.err().unwrap().to_string();
    assert!(message.contains("[64]") && message.contains("[1, 8, 8]"), "{message}");

    let split = Split { train: vec![], ..samples.split.clone() };
    let empty = proxtape::train::Data { split: &split, ..samples.data() };
    let trainer = Trainer::new(exec(), empty, crate::setup::network(&mlp(8)), Config::default());
    assert!(trainer.err().unwrap().to_string().contains("0 training samples"));
}
