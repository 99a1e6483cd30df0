//! Early stopping, and which parameters stay.

use crate::setup::{Small, bits, finish, mlp};
use proxtape::train::{Config, Event, Keep};

fn config(patience: Option<u32>, keep: Keep) -> Config {
    Config { epochs: 60, batch: 32, patience, keep, ..Config::default() }
}

/// Noise learnt by heart: the validation loss only rises once that begins.
#[test]
fn training_stops_after_patience_epochs_without_a_better_one() {
    let samples = Small::noise(96, 64);
    for patience in [1, 3] {
        let mut trainer = samples.trainer(&mlp(40), config(Some(patience), Keep::Best)).unwrap();
        let (mut losses, mut best) = (Vec::new(), Vec::new());
        loop {
            match trainer.advance().unwrap() {
                Event::Step(_) => {}
                Event::Done => break,
                Event::Epoch(e) => {
                    let loss = e.validation.unwrap().loss;
                    assert_eq!(e.best, losses.iter().all(|&l| loss < l), "epoch {}", e.epoch);
                    losses.push(loss);
                    if e.best {
                        best = bits(trainer.last());
                    }
                }
            }
        }
        assert_eq!(trainer.advance().unwrap(), Event::Done, "done is done");
        let lowest = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
        assert_eq!(losses.len(), lowest + 1 + patience as usize, "{losses:?}");
        let (epoch, evaluation, _) = trainer.best().unwrap();
        assert_eq!((epoch as usize, evaluation.loss), (lowest, losses[lowest]));
        assert!(bits(trainer.params()) == best, "the best epoch's parameters are kept");
        assert!(bits(trainer.last()) != best);
    }
}

#[test]
fn keep_last_keeps_the_last_epoch() {
    let samples = Small::noise(96, 64);
    let mut trainer = samples.trainer(&mlp(40), config(Some(2), Keep::Last)).unwrap();
    finish(&mut trainer).unwrap();
    let (.., best) = trainer.best().unwrap();
    assert_ne!(bits(trainer.params()), bits(best));
    assert_eq!(bits(trainer.params()), bits(trainer.last()));
}

#[test]
fn patience_needs_a_validation_part() {
    let samples = Small::noise(96, 0);
    let message = samples.trainer(&mlp(8), config(Some(2), Keep::Last)).err().unwrap().to_string();
    assert!(message.contains("validation"), "{message}");
    let mut trainer = samples.trainer(&mlp(8), config(None, Keep::Best)).unwrap();
    finish(&mut trainer).unwrap();
    assert!(trainer.best().is_none());
}
