//! A training that was interrupted goes on to the same bits.

use crate::setup::{Small, bits, conv_net, finish, mlp, resume_everywhere, take};
use proxtape::checkpoint::Checkpoint;
use proxtape::data::Augment;
use proxtape::optim::{Family, Penalty, Rule, Schedule, ScheduleShape};
use proxtape::train::{Config, Event, Keep, Refit, Settle, TrainError};

/// Everything that has a state: momentum, tau, dropout, augmentation, batch norm, a schedule, the
/// stages, the best epoch.
fn config(rule: Rule) -> Config {
    let shape = ScheduleShape::Cosine { floor: 0.1 };
    Config {
        epochs: 5,
        batch: 32,
        rule,
        schedule: Schedule { eta: 0.02, warmup: 0.5, shape },
        penalty: Penalty { lambda: 2e-3, ..Penalty::new(Family::L11L12) },
        settle: Some(Settle { epochs: 1, eta: 0.02 }),
        refit: Some(Refit { epochs: 2, eta: 0.01 }),
        augment: Some(Augment { flip: 0.3, shift: 1 }),
        patience: Some(1),
        keep: Keep::Best,
        seed: 3,
        ..Config::default()
    }
}

const MOMENTUM: Rule = Rule::Momentum { beta: 0.9 };
const ADAM: Rule = Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.01 };

/// 130 samples in batches of 32: 4 steps an epoch. Every event is a place to stop.
#[test]
fn resumed_training_goes_on_to_the_same_bits() {
    let samples = Small::digits(130, 40);
    for rule in [MOMENTUM, ADAM] {
        let start = || samples.trainer(&conv_net(4), config(rule)).unwrap();
        let events = resume_everywhere(start, 1, &format!("{rule:?}"));
        assert!(events.len() > 10, "{} events", events.len());
    }
}

/// A settle step that was halved stays halved.
#[test]
fn resumed_settling_goes_on_to_the_same_bits() {
    let samples = Small::digits(160, 40);
    let settle = Some(Settle { epochs: 12, eta: 2.0 });
    let schedule = Schedule { eta: 0.05, warmup: 0.0, shape: ScheduleShape::Constant };
    let penalty = Penalty { lambda: 1e-3, ..Penalty::new(Family::L11L12) };
    let config = || {
        let penalty = penalty.clone();
        Config { epochs: 18, batch: 32, schedule, penalty, settle, ..Config::default() }
    };
    let start = || samples.trainer(&mlp(16), config()).unwrap();
    let events = resume_everywhere(start, 1, "settling");
    let halved = |event: &Event| matches!(event, Event::Step(step) if step.eta == 1.0);
    assert!(events.iter().any(halved));
}

/// A step that walks over all samples, and the end of an epoch, can be given up after any of their
/// batches: the training is as it was before them, and goes on to the same bits.
#[test]
fn step_that_is_given_up_leaves_no_trace() {
    let samples = Small::digits(130, 40);
    let start = || samples.trainer(&conv_net(4), config(MOMENTUM)).unwrap();
    let mut unbroken = start();
    finish(&mut unbroken).unwrap();
    let (mut broken, mut given_up) = (start(), 0);
    loop {
        let before = broken.state();
        // 4 batches of training samples, 2 of validation: asked before each of them in turn.
        for patience in 0..=4 {
            let mut left = patience;
            let mut asked = || {
                left -= 1;
                left < 0
            };
            match broken.advance_unless(&mut asked).unwrap() {
                Some(Event::Done) => {
                    assert!(given_up >= 4 + 2 * 5, "only {given_up} were given up");
                    assert!(bits(broken.params()) == bits(unbroken.params()));
                    assert!(broken.state() == unbroken.state());
                    return;
                }
                Some(_) => break,
                None => {
                    given_up += 1;
                    assert!(broken.state() == before);
                }
            }
        }
        assert!(broken.full_gradient_unless(&mut || true).is_none());
    }
}

/// The state is what the next bits depend on: each part of it that is lost shows. It is taken after
/// the first step of the second epoch, and two steps follow.
#[test]
fn every_part_of_the_state_matters() {
    let samples = Small::digits(130, 40);
    let mut unbroken = samples.trainer(&conv_net(4), config(MOMENTUM)).unwrap();
    take(&mut unbroken, 5).unwrap();
    let state = unbroken.state();
    take(&mut unbroken, 2).unwrap();
    let resume = |state: &Checkpoint| {
        let mut resumed = samples.trainer(&conv_net(4), config(MOMENTUM)).unwrap();
        resumed.restore(state).unwrap();
        take(&mut resumed, 2).unwrap();
        bits(resumed.last())
    };
    assert!(resume(&state) == bits(unbroken.last()));
    for tensor in ["conv.weight", "bn.running_var", "optimizer.m"] {
        let mut changed = state.clone();
        let found = changed.tensors.iter_mut().find(|(name, ..)| name == tensor).unwrap();
        found.2.iter_mut().for_each(|x| *x += 0.5);
        assert!(resume(&changed) != bits(unbroken.last()), "{tensor}");
    }
    for text in ["augmentation.word", "dropout.word"] {
        let mut changed = state.clone();
        changed.note(text, 0);
        assert!(resume(&changed) != bits(unbroken.last()), "{text}");
    }
}

/// A number of a state is one that the training can leave there, or it is refused: none may overflow
/// later, or make a loop of its own length.
#[test]
fn numbers_that_no_training_leaves_are_refused() {
    let samples = Small::digits(130, 40);
    let config = || Config { keep: proxtape::train::Keep::Best, ..config(MOMENTUM) };
    let trainer = || samples.trainer(&conv_net(4), config()).unwrap();
    let mut first = trainer();
    while first.best().is_none() {
        first.advance().unwrap();
    }
    take(&mut first, 2).unwrap();
    let state = first.state();
    trainer().restore(&state).unwrap();
    let (largest, nan, negative) = (u64::MAX, u64::from(f32::NAN.to_bits()), f64::to_bits(-1.0));
    for (text, value) in [
        ("epoch", largest),
        ("epoch", 0),
        ("epoch", 2),
        ("step", largest),
        ("step", 0),
        ("optimizer.steps", largest),
        ("optimizer.steps", 0),
        ("seen", largest),
        ("seen", 0),
        ("right", largest),
        ("stale", u64::from(u32::MAX)),
        ("done", 2),
        ("loss", f64::NAN.to_bits()),
        ("penalty.factor", nan),
        ("penalty.factor", u64::from((-1.0f32).to_bits())),
        ("settle.lowest", f64::NAN.to_bits()),
        ("settle.share", u64::from(2.0f32.to_bits())),
        ("augmentation.seed", largest),
        ("augmentation.stream", largest),
        ("dropout.stream", 0),
        ("best.epoch", 9),
        ("best.loss", f64::INFINITY.to_bits()),
        ("best.accuracy", negative),
        ("best.samples", largest),
    ] {
        let mut changed = state.clone();
        assert!(changed.texts.contains_key(text), "{text}");
        changed.note(text, value);
        let error = trainer().restore(&changed).unwrap_err();
        assert!(matches!(error, TrainError::State(_)), "{text} {value}: {error}");
    }
}

#[test]
fn state_of_another_training_is_an_error() {
    let samples = Small::digits(130, 40);
    let state = samples.trainer(&mlp(8), config(MOMENTUM)).unwrap().state();
    let refused = |layers: &[_], config: Config, state: &Checkpoint| {
        let mut trainer = samples.trainer(layers, config).unwrap();
        match trainer.restore(state) {
            Err(error @ TrainError::State(_)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let message = refused(&mlp(9), config(MOMENTUM), &state);
    assert!(message.contains("fc1.weight") && message.contains("[8, 64]"), "{message}");
    assert!(message.contains("[9, 64]"), "{message}");
    let message = refused(&conv_net(4), config(MOMENTUM), &state);
    assert!(message.contains("conv.weight"), "{message}");
    let message = refused(&mlp(8), config(ADAM), &state);
    assert!(message.contains("optimiser state"), "{message}");
    let none = Config { penalty: Penalty::new(Family::None), ..config(MOMENTUM) };
    assert!(refused(&mlp(8), none, &state).contains("optimiser state"));

    let mut late = state.clone();
    late.note("epoch", 9);
    assert!(refused(&mlp(8), config(MOMENTUM), &late).contains("epoch 9"));
    let mut damaged = state.clone();
    damaged.note("step", "soon");
    let message = refused(&mlp(8), config(MOMENTUM), &damaged);
    assert!(message.contains("\"step\"") && message.contains("soon"), "{message}");
    for (tensor, value) in
        [("fc1.weight", f32::NAN), ("good.fc2.bias", f32::INFINITY), ("optimizer.m", f32::NAN)]
    {
        let mut damaged = state.clone();
        damaged.tensors.iter_mut().find(|(name, ..)| name == tensor).unwrap().2[3] = value;
        let message = refused(&mlp(8), config(MOMENTUM), &damaged);
        let told = [tensor, &format!("found {value} at index 3")];
        assert!(told.iter().all(|part| message.contains(part)), "{message}");
    }
    let mut damaged = samples.trainer(&mlp(8), config(ADAM)).unwrap().state();
    damaged.tensors.iter_mut().find(|(name, ..)| name == "optimizer.v").unwrap().2[0] = -1.0;
    let message = refused(&mlp(8), config(ADAM), &damaged);
    assert!(message.contains("\"optimizer.v\": expected finite values of at least 0"), "{message}");
    let mut cut = state;
    cut.texts.remove("dropout.seed");
    assert!(refused(&mlp(8), config(MOMENTUM), &cut).contains("dropout.seed"));
}

#[test]
fn finished_training_stays_finished() {
    let samples = Small::digits(130, 40);
    let mut first = samples.trainer(&mlp(8), config(MOMENTUM)).unwrap();
    finish(&mut first).unwrap();
    let mut again = samples.trainer(&mlp(8), config(MOMENTUM)).unwrap();
    again.restore(&first.state()).unwrap();
    assert_eq!(again.advance().unwrap(), Event::Done);
    assert_eq!(bits(again.params()), bits(first.params()));
}
