//! A training that explodes stops and leaves the parameters of the last good epoch.

use crate::setup::{Small, bits, mlp};
use proxtape::optim::{Rule, Schedule, ScheduleShape};
use proxtape::train::{Config, Event, TrainError};

/// Trains until it fails, checks that the last good parameters are back, and gives the error with
/// the epochs that went well.
fn explode(rule: Rule, schedule: Schedule) -> (TrainError, u32) {
    let samples = Small::digits(256, 40);
    let config = Config { epochs: 3, batch: 16, rule, schedule, ..Config::default() };
    let mut trainer = samples.trainer(&mlp(20), config).unwrap();
    let (mut good, mut epochs) = (bits(trainer.params()), 0);
    let error = loop {
        match trainer.advance() {
            Ok(Event::Epoch(_)) => (good, epochs) = (bits(trainer.params()), epochs + 1),
            Ok(Event::Step(_)) => {}
            Ok(Event::Done) => panic!("nothing exploded: {rule:?}, {schedule:?}"),
            Err(error) => break error,
        }
    };
    assert!(bits(trainer.params()) == good, "{rule:?}: the last good parameters are back");
    let mut all = trainer.params().ids().flat_map(|id| trainer.params().value(id));
    assert!(all.all(|x| x.is_finite()), "{rule:?}");
    (error, epochs)
}

const RULES: [Rule; 3] = [Rule::Sgd, Rule::Momentum { beta: 0.9 }, Rule::Nesterov { beta: 0.9 }];

#[test]
fn exploding_loss_is_an_error_that_names_the_place() {
    let constant = |eta| Schedule { eta, warmup: 0.0, shape: ScheduleShape::Constant };
    let (error, epochs) = explode(Rule::Momentum { beta: 0.9 }, constant(1e6));
    let TrainError::Loss { epoch, step, loss } = error else { panic!("{error:?}") };
    assert_eq!(epoch, epochs);
    assert!(!loss.is_finite());
    let message = error.to_string();
    let place = format!("the loss became {loss} in epoch {}, step {}", epoch + 1, step + 1);
    assert!(message.starts_with(&place) && message.contains("lower the step size"), "{message}");
    // At once: what is left is the start.
    for rule in RULES {
        assert_eq!(explode(rule, constant(1e30)).1, 0, "{rule:?}");
    }
}

/// The step size is multiplied by 1e30 after the second epoch.
#[test]
fn exploding_later_leaves_the_epochs_before() {
    let shape = ScheduleShape::Step { every: 2.0, factor: 1e30 };
    for rule in RULES {
        let (error, epochs) = explode(rule, Schedule { eta: 0.02, warmup: 0.0, shape });
        assert_eq!(epochs, 2, "{rule:?}: {error}");
    }
}
