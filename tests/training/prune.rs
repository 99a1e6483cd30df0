//! Magnitude pruning before a refit: exactly so many weights stay, and they are the largest.

use crate::setup::{Small, bits, finish, mlp, take, value};
use proxtape::optim::{Family, Penalty};
use proxtape::train::{Config, Prune, Refit, Trainer};
use proxtape::{Params, sparsity::Report};

/// 160 samples in batches of 32: 5 steps an epoch; the refit is the third.
fn config(keep: f32) -> Config {
    let refit = Some(Refit { epochs: 1, eta: 0.01 });
    Config { epochs: 3, batch: 32, prune: Some(Prune { keep }), refit, ..Config::default() }
}

fn weights(params: &Params) -> Vec<f32> {
    ["fc1.weight", "fc2.weight"].iter().flat_map(|name| value(params, name)).copied().collect()
}

/// A step so small that it moves nothing but what the pruning moves.
fn pruned(start: impl Fn(&mut Params), keep: f32) -> (Vec<f32>, Vec<f32>) {
    let samples = Small::digits(160, 0);
    let mut network = crate::setup::network(&mlp(16));
    start(network.params_mut());
    let before = weights(network.params());
    let refit = Some(Refit { epochs: 1, eta: 1e-30 });
    let config = Config { epochs: 1, refit, ..config(keep) };
    let mut trainer = Trainer::new(crate::setup::exec(), samples.data(), network, config).unwrap();
    assert_eq!(weights(trainer.last()), before, "nothing is pruned before the first step");
    take(&mut trainer, 1).unwrap();
    (before, weights(trainer.last()))
}

#[test]
fn largest_weights_of_all_layers_stay() {
    for (keep, count) in [(0.05, 59), (0.3, 355), (1.0, 1184), (1e-9, 0)] {
        let (before, after) = pruned(|_| {}, keep);
        let mut sizes: Vec<f32> = before.iter().map(|w| w.abs()).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(after.iter().filter(|&&w| w != 0.0).count(), count, "{keep}");
        for (before, after) in before.iter().zip(after) {
            let stays = sizes[..count].last().is_some_and(|least| before.abs() >= *least);
            assert_eq!(after.to_bits(), if stays { before.to_bits() } else { 0 }, "{keep}");
        }
    }
}

#[test]
fn first_of_equal_weights_stay_and_zeros_count_as_pruned() {
    let fill = |params: &mut Params| {
        let [fc1, fc2] = ["fc1.weight", "fc2.weight"].map(|name| params.find(name).unwrap());
        params.value_mut(fc1).fill(-0.5);
        params.value_mut(fc2).fill(0.75);
        params.value_mut(fc2)[..100].fill(0.0);
    };
    // 118 stay: all 60 of size 3/4, and the first 58 of size 1/2.
    let (_, after) = pruned(fill, 0.1);
    let kept = |range: &[f32]| range.iter().filter(|&&w| w != 0.0).count();
    assert_eq!((kept(&after[..58]), kept(&after[58..1024]), kept(&after[1024..])), (58, 0, 60));
    // There are fewer than 0.95 of them to begin with.
    let (before, after) = pruned(fill, 0.95);
    assert_eq!(before, after);
}

#[test]
fn refit_trains_what_pruning_left() {
    let samples = Small::digits(160, 60);
    let mut trainer = samples.trainer(&mlp(16), config(0.1)).unwrap();
    take(&mut trainer, 11).unwrap();
    let before = weights(trainer.last());
    finish(&mut trainer).unwrap();
    let after = weights(trainer.last());
    assert_eq!(after.iter().filter(|&&w| w != 0.0).count(), 118);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(*before == 0.0, *after == 0.0);
    }
    assert_ne!(before, after);
    let report = Report::new(trainer.model(), trainer.last(), trainer.regularized());
    assert_eq!(report.kept(), 118);
}

#[test]
fn resumed_around_the_pruning_to_the_same_bits() {
    let samples = Small::digits(160, 60);
    let mut unbroken = samples.trainer(&mlp(16), config(0.1)).unwrap();
    finish(&mut unbroken).unwrap();
    for steps in [9, 10, 11, 12] {
        let mut first = samples.trainer(&mlp(16), config(0.1)).unwrap();
        take(&mut first, steps).unwrap();
        let mut second = samples.trainer(&mlp(16), config(0.1)).unwrap();
        second.restore(&first.state()).unwrap();
        finish(&mut second).unwrap();
        assert!(bits(second.last()) == bits(unbroken.last()), "after {steps} steps");
    }
}

#[test]
fn pruning_that_keeps_nothing_or_has_no_refit_is_an_error() {
    let samples = Small::digits(160, 0);
    let refused = |config| samples.trainer(&mlp(8), config).expect_err("an error").to_string();
    for keep in [0.0, -0.1, 1.5, f32::NAN] {
        let message = refused(config(keep));
        assert!(message.contains("above 0 and up to 1"), "{message}");
    }
    let message = refused(Config { refit: None, ..config(0.5) });
    assert!(message.contains("has none"), "{message}");
    let penalty = Penalty { lambda: 1e-3, ..Penalty::new(Family::L2) };
    assert!(samples.trainer(&mlp(8), Config { penalty, ..config(0.5) }).is_ok());
}
