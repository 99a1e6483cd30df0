//! Mistakes that a compaction could make: the comparison of the other tests must see each of them.

use crate::network::{Filled, TOLERANCE, conv, pool};
use proxtape::Random;
use proxtape::nn::{Activation, Layer, Named, Network};

/// conv, relu, what is between, conv: with channel 1 of the first a constant.
fn network(padding: usize, between: Option<Layer>) -> Filled {
    let mut layers = vec![conv(3, 3, 1, 1).named("conv1"), Activation::Relu.named("relu")];
    layers.extend(between.map(Named::from));
    layers.push(conv(2, 3, 1, padding).named("conv2"));
    layers.push(Layer::GlobalAvgPool.named("pool"));
    let mut network = Filled::new([2, 6, 6], layers, &mut Random::new(3));
    network.zero_rows("conv1", &[1]);
    network.value("conv1.bias")[1] = 0.5;
    network
}

/// Folds a constant out of channel 1 into the bias of conv2, padding or not.
fn fold(network: &Filled, constant: f32) -> f64 {
    let mut mistaken = network.0.clone();
    let other = mistaken.params_mut();
    let [w, b] = ["conv2.weight", "conv2.bias"].map(|name| other.find(name).unwrap());
    for o in 0..2 {
        let span = (o * 3 + 1) * 9..(o * 3 + 2) * 9;
        let sum: f32 = other.value(w)[span.clone()].iter().sum();
        other.value_mut(b)[o] += constant * sum;
        other.value_mut(w)[span].fill(0.0);
    }
    network.difference(&mistaken)
}

#[track_caller]
fn assert_seen(difference: f64) {
    assert!(difference > 10.0 * TOLERANCE, "the mistake makes a difference of {difference} only");
}

#[test]
fn fold_is_right_where_nothing_is_planted() {
    assert!(fold(&network(0, None), 0.5) <= TOLERANCE);
}

#[test]
fn fold_through_padding_is_seen() {
    assert_seen(fold(&network(1, None), 0.5));
}

#[test]
fn fold_through_a_padded_average_is_seen() {
    let [_, average] = pool(2, 2, 1);
    assert_seen(fold(&network(0, Some(average)), 0.5));
}

#[test]
fn fold_without_the_activation_is_seen() {
    assert_seen(fold(&network(0, Some(Activation::Sigmoid.into())), 0.5));
}

#[test]
fn constant_that_is_forgotten_is_seen() {
    assert_seen(fold(&network(0, None), 0.0));
}

#[test]
fn other_channel_than_the_dead_one_is_seen() {
    let network = network(0, None);
    let mut mistaken = network.0.clone();
    let other = mistaken.params_mut();
    let w = other.find("conv2.weight").unwrap();
    other.value_mut(w)[..9].fill(0.0);
    assert_seen(network.difference(&mistaken));
}

/// The right and a wrong network of a kernel of 5 x 5 of which 3 x 3 is left.
#[test]
fn kernel_that_keeps_its_padding_is_seen() {
    let chain = |kernel, padding| {
        [
            conv(2, kernel, 1, padding).named("conv"),
            Layer::GlobalAvgPool.into(),
            Activation::Tanh.into(),
        ]
    };
    let mut wide = Filled::new([1, 6, 6], chain(5, 2), &mut Random::new(4));
    let mut right = Filled::new([1, 6, 6], chain(3, 1), &mut Random::new(4));
    let mut wrong = Filled::new([1, 6, 6], chain(3, 2), &mut Random::new(4));
    let bias = wide.value("conv.bias").to_vec();
    for (at, w) in wide.value("conv.weight").iter_mut().enumerate() {
        let (o, r, c) = (at / 25, at % 25 / 5, at % 5);
        if !(1..4).contains(&r) || !(1..4).contains(&c) {
            *w = 0.0;
        } else {
            for network in [&mut right, &mut wrong] {
                network.value("conv.weight")[o * 9 + (r - 1) * 3 + c - 1] = *w;
            }
        }
    }
    for network in [&mut right, &mut wrong] {
        network.value("conv.bias").copy_from_slice(&bias);
    }
    assert!(wide.difference(&right) <= TOLERANCE);
    assert_seen(wide.difference(&wrong));
}

#[test]
fn selection_off_by_one_is_seen() {
    let layers =
        [Layer::linear(3).named("fc1"), Activation::Relu.into(), Layer::linear(2).named("fc2")];
    let mut network = Filled::new([6], layers, &mut Random::new(6));
    network.zero_columns("fc1", &[0, 4]);
    let small = network.checked().network;
    let mut layers = small.layers().to_vec();
    layers[0].layer = Layer::Select { indices: vec![1, 2, 3, 4] };
    let mut wrong = Network::zeros([6], &layers).unwrap();
    wrong.params_mut().copy_from(small.params());
    assert_seen(network.difference(&wrong));
}
