//! Training steps and inference: PyTorch, burn and candle beside ours.

use crate::reading::{Goal, Reading, Unit};
use crate::{Match, burn, candle};
use proxtape_workloads::step::{
    Inference, NETWORKS, Network, Regularization, Training, without_batch_norm,
};
use proxtape_workloads::stopwatch::Contestant;
use std::time::Duration;

const ROUNDS: usize = 5;
const SLICE: Duration = Duration::from_millis(300);

/// How many times as fast as PyTorch: a whole step with the exact prox, forward and backward
/// alone, inference.
fn torch_goals(network: &Network) -> [f64; 3] {
    match network.name {
        "lenet300" => [8.0, 1.3, 1.3],
        "lenet5" => [4.0, 3.0, 1.5],
        _ => [2.0, 1.6, 1.5],
    }
}

/// How many times as fast as burn and as candle, without a prox.
fn rust_goal(network: &Network) -> f64 {
    match network.name {
        "lenet300" => 1.2,
        "lenet5" => 4.0,
        _ => 3.3,
    }
}

/// How many times as fast as itself on one thread, for networks of convolutions on two.
const THREADS_GOAL: f64 = 1.7;

pub(crate) fn compare_all(all: &Match) {
    for network in &NETWORKS {
        let row = |what: &str, peer: &str, [ours, its]: [f64; 2], goal: f64| {
            if ours.is_finite() {
                all.print(&Reading {
                    case: format!("{} {}", network.name, network.batch),
                    what,
                    unit: Unit::Millis,
                    ours,
                    peers: &[(peer, its)],
                    goal: Some(Goal::Times(goal)),
                    limit: None,
                });
            }
        };
        let [whole, backward, inference] = torch_goals(network);
        row("step with prox", "PyTorch", against_torch(all, network, What::Whole), whole);
        let pair = against_torch(all, network, What::Backward);
        row("forward and backward", "PyTorch", pair, backward);
        row("inference", "PyTorch", against_torch(all, network, What::Inference), inference);
        let [ours, burn, candle] = without_prox(all, network);
        let what = match network.name {
            "vgg-small" => "step without prox or batch norm",
            _ => "step without prox",
        };
        row(what, "burn", [ours, burn], rust_goal(network));
        row(what, "candle", [ours, candle], rust_goal(network));
        if all.threads > 1 && network.name != "lenet300" {
            row("step with prox", "1 thread", against_one_thread(all, network), THREADS_GOAL);
        }
    }
}

#[derive(Clone, Copy)]
enum What {
    Whole,
    Backward,
    Inference,
}

fn against_torch(all: &Match, network: &Network, what: What) -> [f64; 2] {
    let (exec, layers) = (all.exec(), network.layers());
    let training = || Training::new(exec, network, &layers, Regularization::L11L12);
    let (name, ours): (_, Contestant<'_>) = match what {
        What::Whole => {
            let mut training = training();
            ("whole", all.ours(move || training.step()))
        }
        What::Backward => {
            let mut training = training();
            ("backward", all.ours(move || training.differentiate()))
        }
        What::Inference => {
            let mut inference = Inference::new(exec, network, &layers);
            ("inference", all.ours(move || inference.run()))
        }
    };
    let case = format!("step {} {} {name}", network.name, network.batch);
    all.compare(ROUNDS, SLICE, [ours, all.torch(case)])
}

/// Ours, burn and candle on the same layers; burn and candle have no residual network here.
fn without_prox(all: &Match, network: &Network) -> [f64; 3] {
    let (Some(burn), Some(candle)) = (burn::step(network), candle::step(network)) else {
        return [f64::INFINITY; 3];
    };
    let layers = without_batch_norm(network.layers());
    let mut training = Training::new(all.exec(), network, &layers, Regularization::None);
    all.compare(ROUNDS, SLICE, [all.ours(move || training.step()), burn, candle])
}

fn against_one_thread(all: &Match, network: &Network) -> [f64; 2] {
    let layers = network.layers();
    let [ours, alone] = [all.exec(), all.alone()].map(|exec| {
        let mut training = Training::new(exec, network, &layers, Regularization::L11L12);
        all.ours(move || training.step())
    });
    all.compare(ROUNDS, SLICE, [ours, alone])
}
