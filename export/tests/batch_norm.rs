//! A batch norm behind a weight is a part of that weight in a Rust file.

use proxtape::Random;
use proxtape::data::Normalization;
use proxtape::nn::{Activation, Layer, Named, Network};
use proxtape_export::Pipeline;
use proxtape_export::rust::{About, Plan, text};

/// Whether the file multiplies and shifts channels by a function of its own.
fn has_affine(layers: &[Named]) -> bool {
    let network = Network::new([1, 4, 4], layers, &mut Random::new(1)).unwrap();
    let normalization = Normalization { scale: 1.0, mean: vec![0.0], std: vec![1.0] };
    let pipeline = Pipeline::new(&network, &normalization).unwrap();
    let about = About { recipe: "r", scale: 1.0, class_names: &[], columns: &[] };
    text(&Plan::new(&pipeline), &about).contains("fn affine(")
}

#[test]
fn batch_norm_goes_into_the_weight_that_it_alone_reads() {
    let conv = || Named::from(Layer::conv2d(2, 3, 1));
    let norm = || Named::from(Layer::batch_norm());
    let dropout = || Named::from(Layer::Dropout { p: 0.5 });
    let end = || [Layer::GlobalAvgPool.into()];
    let with = |layers: Vec<Named>| has_affine(&[layers, end().into()].concat());
    assert!(!with(vec![conv(), norm()]));
    assert!(!with(vec![conv(), dropout(), norm()]), "a dropout is nothing in inference");
    assert!(with(vec![conv(), Activation::Relu.into(), norm()]));
    let block = |body| Named::from(Layer::Residual { body, shortcut: vec![] });
    assert!(with(vec![conv(), block(vec![norm()])]), "the shortcut reads the convolution, too");
}
