//! The step size over time, alone and as the trainer uses it.

use crate::setup::{Small, mlp};
use proxtape::optim::{Schedule, ScheduleShape};
use proxtape::train::{Config, Event};

#[test]
fn schedules_have_the_values_they_state() {
    let constant = Schedule { eta: 0.4, warmup: 2.0, shape: ScheduleShape::Constant };
    for (epoch, want) in [(0.0, 0.0), (0.5, 0.1), (1.0, 0.2), (2.0, 0.4), (7.0, 0.4)] {
        assert_eq!(constant.at(epoch, 10.0), want, "constant, {epoch}");
    }
    let shape = ScheduleShape::Step { every: 3.0, factor: 0.5 };
    let step = Schedule { eta: 0.4, warmup: 0.0, shape };
    for (epoch, want) in [(0.0, 0.4), (2.9, 0.4), (3.0, 0.2), (5.9, 0.2), (6.0, 0.1), (9.5, 0.05)] {
        assert_eq!(step.at(epoch, 10.0), want, "step, {epoch}");
    }
    let shape = ScheduleShape::Cosine { floor: 0.1 };
    let cosine = Schedule { eta: 0.4, warmup: 2.0, shape };
    let third = 0.04 + 0.36 * 0.75; // (1 + cos 60 degrees) / 2
    for (epoch, want) in
        [(1.0, 0.2), (2.0, 0.4), (4.0, third), (5.0, 0.22), (8.0, 0.04), (9.0, 0.04)]
    {
        let got = cosine.at(epoch, 8.0);
        assert!((got - want).abs() < 1e-6, "cosine, {epoch}: {got}, not {want}");
    }
    // A warm-up as long as the training divides nothing by zero.
    assert!(Schedule { warmup: 8.0, ..cosine }.at(8.0, 8.0).is_finite());
}

fn etas(schedule: Schedule) -> Vec<f32> {
    let samples = Small::digits(128, 0);
    let config = Config { epochs: 4, batch: 32, schedule, ..Config::default() };
    let mut trainer = samples.trainer(&mlp(8), config).unwrap();
    let mut etas = Vec::new();
    loop {
        match trainer.advance().unwrap() {
            Event::Step(step) => etas.push(step.eta),
            Event::Epoch(_) => {}
            Event::Done => return etas,
        }
    }
}

/// Four steps an epoch: a drop "after every 2 epochs" is one between steps 8 and 9.
#[test]
fn step_sizes_stay_in_range_whatever_the_schedule() {
    let shape = |shape| Schedule { eta: 3e38, warmup: 1.0, shape };
    for schedule in [
        shape(ScheduleShape::Step { every: 1e-38, factor: 1e30 }),
        shape(ScheduleShape::Step { every: 1e-45, factor: 0.0 }),
        shape(ScheduleShape::Cosine { floor: 1e38 }),
    ] {
        for epoch in [0.0, 0.5, 1.0, 9.0, 1e9] {
            assert!((0.0..=f32::MAX).contains(&schedule.at(epoch, 10.0)), "{schedule:?} {epoch}");
        }
    }
    for wrong in [
        ScheduleShape::Step { every: 0.0, factor: 0.1 },
        ScheduleShape::Step { every: 1.0, factor: -0.1 },
        ScheduleShape::Step { every: f32::NAN, factor: 0.1 },
        ScheduleShape::Cosine { floor: -1.0 },
        ScheduleShape::Cosine { floor: f32::INFINITY },
    ] {
        let samples = Small::digits(64, 0);
        let config =
            Config { schedule: Schedule { shape: wrong, ..shape(wrong) }, ..Config::default() };
        let error = samples.trainer(&mlp(4), config).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("schedule") && error.contains("out of range"), "{error}");
    }
}

#[test]
fn step_size_drops_between_two_epochs() {
    let shape = ScheduleShape::Step { every: 2.0, factor: 0.5 };
    let etas = etas(Schedule { eta: 0.02, warmup: 0.0, shape });
    assert_eq!(etas, [[0.02; 8], [0.01; 8]].concat());
}

#[test]
fn every_step_of_warm_up_and_cosine_moves() {
    let shape = ScheduleShape::Cosine { floor: 0.0 };
    let etas = etas(Schedule { eta: 0.02, warmup: 1.0, shape });
    assert_eq!(etas.len(), 16);
    assert!(etas.iter().all(|&eta| eta > 0.0), "no step is wasted: {etas:?}");
    assert!(etas[..4].is_sorted() && etas[4..].is_sorted_by(|a, b| a >= b), "{etas:?}");
}
