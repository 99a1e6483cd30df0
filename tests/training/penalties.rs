//! From one penalty to a regulariser for each weight, and every family in a training.

use crate::setup::{Small, conv_net, finish, mlp, network};
use proxtape::optim::{
    Band, Cges, Elastic, Exclusive, FAMILIES, Family, FamilyFacts, GroupLasso, GroupScale,
    Grouping, Groups, L1, L11L12, LayerPenalty, Mixing, Penalty, Regularizer, Rule, ScheduleShape,
    SparseGroupLasso,
};
use proxtape::train::{Config, TrainError};

/// mu of each layer: l1,1 + l1,2 at lambda 1 without scaling has rho = mu and lambda1 = 1 - mu.
fn shares(mixing: Mixing, layers: &[proxtape::nn::Named]) -> Vec<f32> {
    let network = network(layers);
    let scale = GroupScale::None;
    let penalty = Penalty { lambda: 1.0, mixing, scale, ..Penalty::new(Family::L11L12) };
    let resolved = penalty.resolve(&network).unwrap();
    let mu = resolved.iter().map(|r| match r.parts[0].regularizer {
        Regularizer::L11L12(L11L12 { lambda1, rho }) => {
            assert!((lambda1 + rho - 1.0).abs() < 1e-6, "the terms share lambda");
            rho
        }
        other => panic!("{other:?}"),
    });
    mu.collect()
}

#[test]
fn mixing_moves_with_depth_as_stated() {
    let three = || {
        let mut layers = mlp(8);
        layers.insert(3, proxtape::nn::Layer::linear(6).named("middle"));
        layers
    };
    assert_eq!(shares(Mixing::Constant(0.3), &three()), [0.3; 3]);
    assert_eq!(shares(Mixing::Rising(0.25), &three()), [0.25, 0.5, 0.75]);
    assert_eq!(shares(Mixing::Falling(0.25), &three()), [0.75, 0.5, 0.25]);
    assert_eq!(shares(Mixing::Rising(0.0), &mlp(8)), [0.0, 1.0]);
    let explicit = vec![0.1, 0.0, 1.0];
    assert_eq!(shares(Mixing::Explicit(explicit.clone()), &three()), *explicit);
    // One layer with weights stands in the middle.
    let mut one = mlp(8);
    one.truncate(2);
    assert_eq!(shares(Mixing::Rising(0.1), &one), [0.5]);
    assert_eq!(shares(Mixing::Falling(0.1), &one), [0.5]);
}

/// fc1: [20, 64], grouped by input: 64 groups of 20.
#[test]
fn strengths_are_shared_and_scaled_as_stated() {
    let network = network(&mlp(20));
    let of = |family, scale| {
        let mixing = Mixing::Constant(0.25);
        let penalty = Penalty { lambda: 8.0, mixing, scale, ..Penalty::new(family) };
        penalty.resolve(&network).unwrap()[0].parts[0].regularizer
    };
    let root = 20f32.sqrt();
    let size = GroupScale::GroupSize;
    let cases = [
        (of(Family::None, size), Regularizer::None),
        (of(Family::L1, size), Regularizer::L1(L1 { lambda1: 8.0 })),
        (of(Family::Elastic, size), Regularizer::Elastic(Elastic { lambda1: 6.0, beta: 2.0 })),
        (of(Family::L11L12, size), Regularizer::L11L12(L11L12 { lambda1: 6.0, rho: 0.1 })),
        (
            of(Family::L11L12, GroupScale::None),
            Regularizer::L11L12(L11L12 { lambda1: 6.0, rho: 2.0 }),
        ),
        (of(Family::Exclusive, size), Regularizer::Exclusive(Exclusive { rho: 0.4 })),
        (of(Family::GroupLasso, size), Regularizer::GroupLasso(GroupLasso { lambda2: 8.0 * root })),
        (
            of(Family::SparseGroupLasso, size),
            Regularizer::SparseGroupLasso(SparseGroupLasso { lambda1: 6.0, lambda2: 2.0 * root }),
        ),
        (of(Family::Cges, size), Regularizer::Cges(Cges { lambda2: 6.0 * root, rho: 0.1 })),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn layers_override_what_they_name_and_nothing_else() {
    let network = network(&conv_net(4));
    let own = LayerPenalty {
        layer: "fc".to_owned(),
        family: Some(Family::Exclusive),
        lambda: Some(3.0),
        mu: None,
        grouping: Some(Grouping::Output),
    };
    let usual = Penalty { lambda: 2.0, ..Penalty::new(Family::L1) };
    let resolved = Penalty { layers: vec![own.clone()], ..usual.clone() };
    let resolved = resolved.resolve(&network).unwrap();
    assert_eq!(resolved[0], usual.resolve(&network).unwrap()[0]);
    assert_eq!(
        resolved[0].parts[0].band,
        Band::from(Groups { outer: 1, groups: 4, inner: 9 }),
        "by filter"
    );
    // fc: [10, 64] by output: 10 groups of 4 channels of 4 x 4.
    assert_eq!(resolved[1].parts[0].band, Band::from(Groups { outer: 1, groups: 10, inner: 64 }));
    assert_eq!(
        resolved[1].parts[0].regularizer,
        Regularizer::Exclusive(Exclusive { rho: 3.0 / 64.0 })
    );
    // A layer's mu stands above the mixing, even where that is too short a list.
    let mu = |layer: &str| LayerPenalty {
        layer: layer.to_owned(),
        mu: Some(1.0),
        ..LayerPenalty::default()
    };
    let penalty = Penalty {
        lambda: 1.0,
        mixing: Mixing::Explicit(vec![]),
        layers: vec![mu("fc"), mu("conv")],
        ..Penalty::new(Family::Elastic)
    };
    for r in penalty.resolve(&network).unwrap() {
        assert_eq!(
            r.parts[0].regularizer,
            Regularizer::Elastic(Elastic { lambda1: 0.0, beta: 1.0 })
        );
    }
}

#[test]
fn penalties_that_do_not_fit_are_errors_that_say_why() {
    let network = network(&mlp(8));
    let named = |layer: &str| LayerPenalty { layer: layer.to_owned(), ..LayerPenalty::default() };
    let base = || Penalty { lambda: 1.0, ..Penalty::new(Family::L11L12) };
    let mixing = |mixing| Penalty { mixing, ..base() };
    let layers = |layers: &[LayerPenalty]| Penalty { layers: layers.to_vec(), ..base() };
    let cases = [
        (layers(&[named("fc3")]), &["\"fc3\"", "fc1, fc2"][..]),
        (layers(&[named("relu")]), &["\"relu\"", "fc1, fc2"]),
        (layers(&[named("fc1"), named("fc1")]), &["\"fc1\" twice"]),
        (mixing(Mixing::Constant(1.5)), &["layer \"fc1\"", "[0, 1]", "1.5"]),
        (mixing(Mixing::Constant(f32::NAN)), &["layer \"fc1\"", "NaN"]),
        (mixing(Mixing::Rising(-0.5)), &["layer \"fc1\"", "-0.5"]),
        (mixing(Mixing::Explicit(vec![0.5])), &["does not list 2"]),
        (mixing(Mixing::Explicit(vec![0.5, 2.0])), &["layer \"fc2\"", "not 2"]),
        (
            layers(&[LayerPenalty { mu: Some(-1.0), ..named("fc2") }]),
            &["layer \"fc2\"", "[0, 1]", "-1"],
        ),
        (Penalty { lambda: -1.0, ..base() }, &["lambda", "-1"]),
        (Penalty { lambda: f32::INFINITY, ..base() }, &["lambda", "inf"]),
        (
            Penalty { lambda: 3e38, ..Penalty::new(Family::GroupLasso) },
            &["layer \"fc1\"", "lambda times sqrt(8)", "3e38", "at most 1.2e38"],
        ),
        (Penalty { lambda: 3e38, ..Penalty::new(Family::SparseGroupLasso) }, &["sqrt(8)"]),
        (Penalty { lambda: f32::MAX, ..Penalty::new(Family::Cges) }, &["layer \"fc1\"", "sqrt(8)"]),
        (Penalty { linear: Grouping::Block(7), ..base() }, &["layer \"fc1\"", "7", "512"]),
        (Penalty::new(Family::TransformedL1 { a: 0.0 }), &["a of the transformed l1"]),
        (Penalty::new(Family::Mcp { gamma: f32::NAN }), &["gamma of MCP", "NaN"]),
    ];
    for (penalty, parts) in cases {
        let message = penalty.resolve(&network).unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "\"{message}\" should name {part}");
        }
    }
}

/// Every family, with both kinds of rule. The lambda of each moves the weights visibly.
#[test]
fn every_family_trains_without_nan() {
    let samples = Small::digits(128, 0);
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.0 };
    let norm = |params: &proxtape::Params| -> f64 {
        let weights = params.ids().filter(|&id| params.kind(id) == proxtape::Kind::Weight);
        weights.flat_map(|id| params.value(id)).map(|&w| f64::from(w).abs()).sum()
    };
    for (rule, eta) in [(Rule::Momentum { beta: 0.9 }, 0.02), (adam, 0.002)] {
        let train = |family, lambda| {
            let mut config = Config { epochs: 4, batch: 32, rule, ..Config::default() };
            config.penalty = Penalty { lambda, ..Penalty::new(family) };
            config.schedule.eta = eta;
            config.schedule.shape = ScheduleShape::Constant;
            let mut trainer = samples.trainer(&conv_net(4), config)?;
            finish(&mut trainer)?;
            let mut all = trainer.params().ids().flat_map(|id| trainer.params().value(id));
            assert!(all.all(|x| x.is_finite()), "{family}, {rule:?}");
            Ok::<f64, TrainError>(norm(trainer.params()))
        };
        let free = train(Family::None, 0.0).unwrap();
        for FamilyFacts { name, family, .. } in FAMILIES {
            match train(family, 0.01) {
                Err(TrainError::Config(message)) => {
                    assert_eq!((family, rule), (Family::CgesOneShot, adam), "{message}");
                    assert!(message.contains("Adam's metric"), "{message}");
                }
                Err(error) => panic!("{name}, {rule:?}: {error}"),
                Ok(_) if family == Family::CgesOneShot && rule == adam => {
                    panic!("cges-one-shot has no prox in Adam's metric")
                }
                Ok(norm) if family == Family::None => assert_eq!(norm, free),
                Ok(norm) => assert!(norm < free, "{name}, {rule:?}: {norm}, and {free} without"),
            }
        }
    }
}
