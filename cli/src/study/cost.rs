//! Predicted times of trials: from a few steps of each method, then from the finished ones.

use super::Method;
use crate::failure::Failure;
use crate::recipe::Recipe;
use crate::run::network::{Initial, build};
use crate::run::samples::Samples;
use crate::system::machine::Machine;
use core::time::Duration;
use proxtape::train::{Event, Trainer};
use std::time::Instant;

/// Steps that are measured, and the time after which fewer will do.
const STEPS: usize = 20;
const TIME: Duration = Duration::from_millis(150);

/// A forward pass beside a step: the backward pass takes twice as long.
const FORWARD: f64 = 1.0 / 3.0;

/// Seconds by method.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    seconds: Vec<(Method, f64)>,
    /// Of the trials that have run since: the predicted and the measured seconds.
    foreseen: f64,
    took: f64,
}

impl Costs {
    pub(crate) fn set(&mut self, method: Method, seconds: f64) {
        self.seconds.push((method, seconds));
    }

    fn of(&self, method: Method) -> f64 {
        let known = self.seconds.iter().find(|(other, _)| *other == method);
        known.map_or(0.0, |(_, seconds)| *seconds)
    }

    /// Counts a training that was run as a whole.
    pub(crate) fn count(&mut self, method: Method, took: Duration) {
        self.foreseen += self.of(method);
        self.took += took.as_secs_f64();
    }

    /// Seconds of trainings to come.
    pub(crate) fn sum(&self, methods: impl Iterator<Item = Method>) -> f64 {
        let ratio = if self.foreseen > 0.0 { self.took / self.foreseen } else { 1.0 };
        ratio * methods.map(|method| self.of(method)).sum::<f64>()
    }
}

/// Seconds of a whole training, from a few of its steps.
pub(crate) fn probe(recipe: &Recipe, samples: &Samples, machine: &Machine) -> Result<f64, Failure> {
    let set = &samples.source.train;
    let network = build(recipe, set, Initial::Seed)?;
    let exec = recipe.exec(machine.exec());
    let mut trainer = Trainer::new(exec, samples.data(), network, recipe.config())?;
    // The first step meets cold caches.
    let _ = trainer.advance();
    let start = Instant::now();
    let mut steps = 0;
    while steps == 0 || (steps < STEPS && start.elapsed() < TIME) {
        match trainer.advance() {
            Ok(Event::Step(_)) => steps += 1,
            Ok(Event::Epoch(_)) => {}
            // So short a training, or one that diverges at once, is measured by its steps so far.
            Ok(Event::Done) | Err(_) => break,
        }
    }
    let step = start.elapsed().as_secs_f64() / steps.max(1) as f64;
    let batch = recipe.train.batch.get() * recipe.train.accumulate.get();
    let validation = samples.split.validation.len() as f64 / batch as f64;
    let epoch = step * (trainer.steps(0) as f64 + FORWARD * validation);
    Ok(epoch * f64::from(recipe.train.epochs.get()))
}
