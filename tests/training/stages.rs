//! Shrink, settle, refit: each against a plainer training that must give the same bits.

use crate::setup::{Small, bits, conv_net, finish, mlp, take};
use proxtape::optim::{Family, Penalty, Rule, Schedule, ScheduleShape};
use proxtape::train::{Config, Event, Keep, Refit, Settle, Stage, Trainer};
use proxtape::{Kind, Params};

const CONSTANT: Schedule = Schedule { eta: 0.05, warmup: 0.0, shape: ScheduleShape::Constant };
const COSINE: ScheduleShape = ScheduleShape::Cosine { floor: 0.1 };
const ADAM: Rule = Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.01 };

/// 160 samples in batches of 32: 5 steps an epoch.
fn config(epochs: u32) -> Config {
    Config {
        epochs,
        batch: 32,
        schedule: CONSTANT,
        penalty: Penalty { lambda: 3e-3, ..Penalty::new(Family::L11L12) },
        ..Config::default()
    }
}

fn trained(samples: &Small, config: Config) -> Params {
    let mut trainer = samples.trainer(&mlp(16), config).unwrap();
    finish(&mut trainer).unwrap();
    trainer.last().clone()
}

/// Advances to the end of `epochs` epochs.
fn advance(trainer: &mut Trainer<'_>, epochs: u32) {
    let mut done = 0;
    while done < epochs {
        done += u32::from(matches!(trainer.advance().unwrap(), Event::Epoch(_)));
    }
}

fn weights(params: &Params) -> Vec<f32> {
    let weights = params.ids().filter(|&id| params.kind(id) == Kind::Weight);
    weights.flat_map(|id| params.value(id)).copied().collect()
}

#[test]
fn every_epoch_has_its_stage() {
    let samples = Small::digits(160, 40);
    let settle = Some(Settle { epochs: 2, eta: 0.2 });
    let refit = Some(Refit { epochs: 1, eta: 0.3 });
    let mut trainer = samples.trainer(&mlp(8), Config { settle, refit, ..config(5) }).unwrap();
    let (mut steps, mut stages) = (Vec::new(), Vec::new());
    loop {
        match trainer.advance().unwrap() {
            Event::Step(step) => steps.push((step.epoch, step.samples, step.eta)),
            Event::Epoch(epoch) => stages.push(epoch.stage),
            Event::Done => break,
        }
    }
    let [shrink, settle, refit] = [Stage::Shrink, Stage::Settle, Stage::Refit];
    assert_eq!(stages, [shrink, shrink, settle, settle, refit]);
    let want = [[(0, 32, 0.05); 5], [(1, 32, 0.05); 5]].concat().into_iter();
    let want = want.chain([(2, 160, 0.2), (3, 160, 0.2)]).chain([(4, 32, 0.3); 5]);
    assert_eq!(steps, want.collect::<Vec<_>>());
}

#[test]
fn settle_takes_the_full_gradient_from_rest() {
    let samples = Small::digits(160, 0);
    let settle = Some(Settle { epochs: 4, eta: 0.05 });
    let settled = trained(&samples, Config { settle, ..config(4) });
    let accumulated = trained(&samples, Config { accumulate: 5, ..config(4) });
    assert_eq!(bits(&settled), bits(&accumulated));

    // From rest: after a minibatch epoch the first step is g, not g + beta m.
    let settle = Some(Settle { epochs: 1, eta: 0.05 });
    let shrunk = Config { penalty: Penalty::new(Family::None), ..config(1) };
    let mut trainer = samples.trainer(&mlp(16), Config { epochs: 2, settle, ..shrunk }).unwrap();
    advance(&mut trainer, 1);
    let id = trainer.last().find("fc1.weight").unwrap();
    let before = trainer.last().value(id).to_vec();
    let gradient = trainer.full_gradient();
    take(&mut trainer, 1).unwrap();
    let after = trainer.last().value(id);
    assert!(before.iter().zip(after).any(|(before, after)| before != after));
    for ((w, after), g) in before.iter().zip(after).zip(gradient.get(id).unwrap()) {
        assert!((w - 0.05 * g - after).abs() <= 1e-6, "{w} by {g} to {after}");
    }
}

/// What settling is for: the support of a minibatch step is mostly noise.
#[test]
fn settled_support_is_smaller_and_as_good() {
    let samples = Small::digits(640, 200);
    let schedule = Schedule { shape: ScheduleShape::Cosine { floor: 0.0 }, ..CONSTANT };
    let shrunk = Config { schedule, ..config(20) };
    let settle = Some(Settle { epochs: 20, eta: 0.05 });
    let kept = |params: &Params| weights(params).iter().filter(|&&w| w != 0.0).count();
    let mut trainer = samples.trainer(&mlp(64), Config { epochs: 40, settle, ..shrunk }).unwrap();
    let mut ends = Vec::new();
    loop {
        match trainer.advance().unwrap() {
            Event::Step(_) => {}
            Event::Epoch(epoch) => {
                ends.push((kept(trainer.last()), epoch.validation.unwrap().loss));
            }
            Event::Done => break,
        }
    }
    let ((noisy, noisy_loss), (settled, settled_loss)) = (ends[19], ends[39]);
    assert!(settled * 10 < noisy * 9, "{noisy} weights, and {settled} when settled");
    assert!(settled_loss < 1.1 * noisy_loss, "loss {noisy_loss}, and {settled_loss}");
}

/// At this step size the loss climbs from 0.14 to 50 where nothing halves it.
#[test]
fn settle_halves_a_step_that_is_too_large() {
    let samples = Small::digits(640, 200);
    let settle = Some(Settle { epochs: 30, eta: 2.0 });
    let mut trainer =
        samples.trainer(&mlp(64), Config { epochs: 40, settle, ..config(10) }).unwrap();
    let (mut etas, mut losses) = (Vec::new(), Vec::new());
    loop {
        match trainer.advance().unwrap() {
            Event::Step(step) if step.samples == 640 => etas.push(step.eta),
            Event::Step(_) => {}
            Event::Epoch(epoch) => losses.push(epoch.validation.unwrap().loss),
            Event::Done => break,
        }
    }
    assert_eq!((etas.len(), etas[0]), (30, 2.0));
    let halved: Vec<_> = etas.windows(2).map(|pair| pair[0] / pair[1]).collect();
    assert!(halved.iter().all(|&by| by == 1.0 || by == 2.0), "{etas:?}");
    assert!(halved.contains(&2.0), "{etas:?}");
    let (shrunk, settled) = (losses[9], losses[39]);
    assert!(settled < 1.25 * shrunk, "loss {shrunk}, and {settled} when settled: {losses:?}");
}

#[test]
fn refit_is_plain_training_of_the_weights_that_are_left() {
    let samples = Small::digits(160, 0);
    // Nothing is zero at the start: a refit alone is a training without a penalty.
    let refit = Some(Refit { epochs: 3, eta: 0.1 });
    let schedule = Schedule { eta: 0.7, warmup: 2.0, shape: COSINE };
    let refitted = trained(&samples, Config { refit, schedule, ..config(3) });
    let schedule = Schedule { eta: 0.1, warmup: 0.0, shape: COSINE };
    let penalty = Penalty::new(Family::None);
    assert_eq!(
        bits(&refitted),
        bits(&trained(&samples, Config { penalty, schedule, ..config(3) }))
    );
}

#[test]
fn refit_keeps_every_zero_and_moves_the_rest() {
    let samples = Small::digits(160, 0);
    for rule in [Rule::Sgd, Rule::Momentum { beta: 0.9 }, Rule::Nesterov { beta: 0.9 }, ADAM] {
        let refit = Some(Refit { epochs: 4, eta: 0.01 });
        let mut trained = Config { rule, refit, ..config(8) };
        trained.penalty.lambda = 0.01;
        trained.schedule.eta = match rule {
            Rule::Sgd => 0.5,
            ADAM => 0.01,
            _ => 0.05,
        };
        let mut trainer = samples.trainer(&conv_net(4), trained).unwrap();
        advance(&mut trainer, 4);
        assert!(trainer.optimizer().is_frozen());
        let before = weights(trainer.last());
        let zeros = before.iter().filter(|&&w| w == 0.0).count();
        assert!((20..before.len() - 20).contains(&zeros), "{rule:?}: {zeros} zeros");
        finish(&mut trainer).unwrap();
        for (before, after) in before.iter().zip(weights(trainer.last())) {
            match *before == 0.0 {
                true => assert_eq!(after.to_bits(), 0, "{rule:?}: a zero moved to {after}"),
                false => assert_ne!(after, *before, "{rule:?}"),
            }
        }
    }
}

/// A weight that stays zero only because it is frozen: thawed, it moves at once.
#[test]
fn thawed_support_grows() {
    let samples = Small::digits(160, 0);
    let penalty = Penalty::new(Family::None);
    for (refit, moves) in [(Some(Refit { epochs: 1, eta: 0.05 }), false), (None, true)] {
        let mut network = crate::setup::network(&mlp(16));
        let fc2 = network.params().find("fc2.weight").unwrap();
        network.params_mut().value_mut(fc2)[..80].fill(0.0);
        let trained = Config { refit, penalty: penalty.clone(), ..config(1) };
        let exec = crate::setup::exec();
        let mut trainer = Trainer::new(exec, samples.data(), network, trained).unwrap();
        take(&mut trainer, 1).unwrap();
        let moved = trainer.last().value(fc2)[..80].iter().any(|&w| w != 0.0);
        assert_eq!(moved, moves, "{refit:?}");
    }
}

/// An early epoch is good and dense: it is neither kept nor a reason to stop.
#[test]
fn best_epoch_and_patience_are_those_of_the_last_stage() {
    let samples = Small::digits(160, 60);
    let refit = Some(Refit { epochs: 3, eta: 1e-6 });
    let penalty = Penalty { lambda: 0.05, ..Penalty::new(Family::L1) };
    let trained = Config { refit, penalty, patience: Some(1), keep: Keep::Best, ..config(12) };
    let mut trainer = samples.trainer(&mlp(16), trained).unwrap();
    let mut losses = Vec::new();
    loop {
        match trainer.advance().unwrap() {
            Event::Step(_) => {}
            Event::Epoch(epoch) => losses.push(epoch.validation.unwrap().loss),
            Event::Done => break,
        }
    }
    let lowest = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
    assert!(lowest < 8, "the penalty made the loss worse: {losses:?}");
    assert!(losses.len() >= 10, "patience ran out before the refit: {losses:?}");
    assert!(trainer.best().unwrap().0 >= 9, "the best epoch is one of the refit");
}

#[test]
fn stages_that_do_not_fit_are_an_error() {
    let samples = Small::digits(160, 0);
    let refused = |settle, refit| {
        let config = Config { settle, refit, ..config(4) };
        samples.trainer(&mlp(8), config).err().unwrap().to_string()
    };
    let (settle, refit) =
        (|epochs, eta| Some(Settle { epochs, eta }), |epochs, eta| Some(Refit { epochs, eta }));
    for (settle, refit, name, found) in [
        (settle(5, 0.1), None, "settle", "5 epochs"),
        (settle(3, 0.1), refit(2, 0.1), "refit", "1 are left"),
        (settle(0, 0.1), None, "settle", "0 epochs"),
        (None, refit(1, f32::NAN), "refit", "NaN"),
        (None, refit(1, 0.0), "refit", "and 0"),
    ] {
        let message = refused(settle, refit);
        assert!(message.contains(name) && message.contains(found), "{message}");
    }
}
