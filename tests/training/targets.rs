//! A target is met by moving lambda, whatever it counts and whichever the regulariser.

use crate::setup::{Small, conv_net, finish, mlp, resume_everywhere};
use proxtape::nn::Named;
use proxtape::optim::{
    Family, L1, Penalty, Ramp, Regularizer, Rise, Rule, Schedule, ScheduleShape,
};
use proxtape::sparsity::Report;
use proxtape::train::{Config, Event, Keep, Measure, Prune, Refit, Settle, Target, Trainer};

const SETTLE: Option<Settle> = Some(Settle { epochs: 4, eta: 0.05 });
const REFIT: Option<Refit> = Some(Refit { epochs: 2, eta: 0.02 });

/// 480 samples in batches of 32: 15 steps an epoch, 10 epochs of which shrink or settle.
fn config(family: Family, lambda: f32, (of, share): (Measure, f32)) -> Config {
    let shape = ScheduleShape::Cosine { floor: 0.05 };
    Config {
        epochs: 12,
        batch: 32,
        schedule: Schedule { eta: 0.05, warmup: 0.0, shape },
        penalty: Penalty { lambda, ..Penalty::new(family) },
        target: Some(Target { of, share }),
        settle: SETTLE,
        refit: REFIT,
        ..Config::default()
    }
}

fn kept(trainer: &Trainer<'_>, of: Measure) -> f64 {
    let report = Report::new(trainer.model(), trainer.last(), trainer.regularized());
    match of {
        Measure::Weights => report.kept() as f64 / report.weights() as f64,
        Measure::Groups => report.groups_kept() as f64 / report.groups() as f64,
        Measure::Macs => report.macs_nonzero() as f64 / report.macs() as f64,
    }
}

/// What is off, if anything.
fn misses(samples: &Small, layers: &[Named], config: Config) -> Option<String> {
    let Target { of, share } = config.target.unwrap();
    let Config { penalty: Penalty { family, lambda, .. }, settle, refit, rule, .. } = &config;
    let told = format!("{of} under {family} from {lambda}, {settle:?}, {refit:?}, {rule:?}");
    let mut trainer = samples.trainer(layers, config).unwrap();
    finish(&mut trainer).unwrap();
    let got = kept(&trainer, of);
    let met = (got / f64::from(share) - 1.0).abs() <= 0.05;
    (!met).then(|| format!("{got}, not {share}: {told}"))
}

const KINDS: [(Measure, f32); 3] =
    [(Measure::Weights, 0.2), (Measure::Groups, 0.5), (Measure::Macs, 0.3)];

/// From a lambda that is near, too small and too large, with and without the stages.
#[test]
fn every_kind_of_target_is_met_under_several_families() {
    let samples = Small::digits(480, 0);
    let mut missed = Vec::new();
    for (family, lambda) in [(Family::L1, 3e-3), (Family::L11L12, 5e-3), (Family::GroupLasso, 1e-3)]
    {
        for kind in KINDS {
            for scale in [0.1, 0.3, 1.0, 3.0, 10.0] {
                let config = config(family, scale * lambda, kind);
                let unsettled = Config { settle: None, ..config.clone() };
                let bare = Config { refit: None, ..unsettled.clone() };
                for config in [config, unsettled] {
                    missed.extend(misses(&samples, &mlp(48), config));
                }
                // From a tenth of a good lambda the last steps alone come within 10 % of groups.
                if scale > 0.1 {
                    missed.extend(misses(&samples, &mlp(48), bare));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn other_rules_and_families_meet_it_too() {
    let samples = Small::digits(480, 0);
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-6, decay: 0.0 };
    let schedule = Schedule { eta: 0.01, warmup: 0.0, shape: ScheduleShape::Constant };
    for (rule, family, lambda) in [
        (Rule::Sgd, Family::SparseGroupLasso, 3e-3),
        (Rule::Nesterov { beta: 0.9 }, Family::TransformedL1 { a: 1.0 }, 1e-3),
        (adam, Family::L11L12, 5e-3),
        (Rule::Momentum { beta: 0.9 }, Family::Mcp { gamma: 3.0 }, 3e-3),
        (Rule::Momentum { beta: 0.9 }, Family::L0, 1e-4),
        (Rule::Momentum { beta: 0.9 }, Family::Exclusive, 3e-2),
    ] {
        let settle = Some(Settle { epochs: 4, eta: if rule == adam { 0.003 } else { 0.05 } });
        let config = config(family, lambda, (Measure::Weights, 0.25));
        let config = Config { rule, settle, ..config };
        let config = if rule == adam { Config { schedule, ..config } } else { config };
        assert_eq!(misses(&samples, &mlp(48), config), None);
    }
    // Convolutions: a weight of theirs is 64 multiply-accumulates.
    for family in [Family::L1, Family::L11L12] {
        let penalty = (family, 3e-3, (Measure::Macs, 0.3));
        let config = config(penalty.0, penalty.1, penalty.2);
        assert_eq!(misses(&samples, &conv_net(8), config), None);
    }
}

#[test]
fn resumed_controller_goes_on_to_the_same_bits() {
    let samples = Small::digits(160, 40);
    let ramp = Ramp { warmup: 0.2, rise: 0.2, shape: Rise::Cubic };
    for settle in [SETTLE, None] {
        let config = || {
            let mut config = config(Family::L11L12, 1e-3, (Measure::Weights, 0.3));
            config.penalty.ramp = ramp;
            Config { settle, ..config }
        };
        let start = || samples.trainer(&mlp(16), config()).unwrap();
        resume_everywhere(start, 3, "a target");
    }
}

/// The lambda of every step, with its stage's epoch.
fn lambdas(samples: &Small, config: Config) -> Vec<(u32, f32)> {
    let mut trainer = samples.trainer(&mlp(16), config).unwrap();
    let mut lambdas = Vec::new();
    loop {
        match trainer.advance().unwrap() {
            Event::Step(step) => lambdas.push((step.epoch, step.lambda)),
            Event::Epoch(_) => {}
            Event::Done => return lambdas,
        }
    }
}

#[test]
fn ramp_has_the_values_it_states() {
    let linear = Ramp { warmup: 0.25, rise: 0.5, shape: Rise::Linear };
    for (t, want) in [(0.0, 0.0), (0.25, 0.0), (0.5, 0.5), (0.625, 0.75), (0.75, 1.0), (1.0, 1.0)] {
        assert_eq!(linear.at(t), want, "linear, {t}");
    }
    let cubic = Ramp { shape: Rise::Cubic, ..linear };
    for (t, want) in [(0.25, 0.0), (0.375, 1.0 - 27.0 / 64.0), (0.5, 0.875), (0.9, 1.0)] {
        assert_eq!(cubic.at(t), want, "cubic, {t}");
    }
    assert_eq!([0.0, 0.3, 1.0].map(|t| Ramp::default().at(t)), [1.0; 3]);

    // Four steps an epoch: two epochs shrink, one settles, one refits.
    let samples = Small::digits(128, 0);
    let ramp = Ramp { warmup: 0.5, rise: 0.5, shape: Rise::Linear };
    let penalty = Penalty { lambda: 8.0, ramp, ..Penalty::new(Family::L1) };
    let settle = Some(Settle { epochs: 1, eta: 0.1 });
    let refit = Some(Refit { epochs: 1, eta: 0.1 });
    let config = Config { epochs: 4, batch: 32, penalty, settle, refit, ..Config::default() };
    let got: Vec<f32> = lambdas(&samples, config).iter().map(|&(_, lambda)| lambda).collect();
    assert_eq!(got, [&[0.0; 4][..], &[1.0, 3.0, 5.0, 7.0], &[8.0], &[0.0; 4]].concat());
}

/// What the certificates are about: the lambda of the last step with the penalty.
#[test]
fn lambda_that_was_last_in_use_is_told() {
    let samples = Small::digits(480, 0);
    let config = config(Family::L1, 1e-3, (Measure::Weights, 0.2));
    let all = lambdas(&samples, config.clone());
    let last = all.iter().rev().find(|(epoch, _)| *epoch < 10).unwrap().1;
    let mut different = all.clone();
    different.dedup_by_key(|(_, lambda)| *lambda);
    assert!(last != 1e-3 && different.len() > 4, "lambda moves: {different:?}");
    let mut trainer = samples.trainer(&mlp(16), config).unwrap();
    finish(&mut trainer).unwrap();
    assert_eq!(trainer.lambda(), last);
    let in_use = Regularizer::L1(L1 { lambda1: last });
    let mut parts = trainer.regularized().iter().flat_map(|r| &r.parts);
    assert!(parts.all(|part| part.regularizer == in_use));
}

#[test]
fn target_that_cannot_be_met_is_an_error() {
    let samples = Small::digits(160, 40);
    let refused = |config: Config| match samples.trainer(&mlp(8), config) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("this should be refused"),
    };
    let usual = || config(Family::L1, 1e-3, (Measure::Weights, 0.2));
    for family in [Family::None, Family::L2] {
        let message = refused(config(family, 1e-3, (Measure::Weights, 0.2)));
        assert!(message.contains("100.0 % cannot become zero"), "{message}");
        assert!(message.contains("fc1, fc2") && message.contains("l11-l12"), "{message}");
    }
    let message = refused(config(Family::L1, 0.0, (Measure::Weights, 0.2)));
    assert!(message.contains("a lambda to start from"), "{message}");
    // One weight of each of the 72 groups of 592 weights stays under l1,2.
    let message = refused(config(Family::Exclusive, 1e-3, (Measure::Macs, 0.1)));
    assert!(message.contains("12.2 % cannot"), "{message}");
    refused(config(Family::Exclusive, 1e-3, (Measure::Groups, 0.9)));
    for share in [0.0, -0.2, 1.1, f32::NAN] {
        let message = refused(config(Family::L1, 1e-3, (Measure::Groups, share)));
        assert!(message.contains("share of the groups"), "{message}");
    }
    let message = refused(Config { prune: Some(Prune { keep: 0.1 }), ..usual() });
    assert!(message.contains("take one"), "{message}");
    let best = Config { keep: Keep::Best, ..usual() };
    assert!(samples.trainer(&mlp(8), best.clone()).is_ok(), "the refit has one support");
    let message = refused(Config { refit: None, ..best });
    assert!(message.contains("last step"), "{message}");
    let refit = Some(Refit { epochs: 12, eta: 0.1 });
    let message = refused(Config { settle: None, refit, ..usual() });
    assert!(message.contains("epochs with the penalty"), "{message}");

    let mut ramped = usual();
    ramped.penalty.ramp = Ramp { warmup: 0.6, rise: 0.5, shape: Rise::Linear };
    assert!(refused(ramped).contains("0.6 and 0.5"));
}
