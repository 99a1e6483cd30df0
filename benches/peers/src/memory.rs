//! Peak resident memory of training ResNet-20 at batch 64, each library in a process of its own.

use crate::Match;
use crate::reading::{Reading, Unit};
use proxtape::Exec;
use proxtape_workloads::step::{NETWORKS, Network, Regularization, Training};
use std::process::Command;
use std::time::Duration;

const NETWORK: Network = NETWORKS[3];
/// What is taken is there after the first step; a few more show that nothing grows.
const STEPS: usize = 5;
const SLICE: Duration = Duration::from_secs(2);

pub(crate) fn compare_all(all: &Match) {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).args(["train", "1"]).output().expect("it starts again");
    let text = String::from_utf8(output.stdout).expect("a number");
    let ours: f64 = text.trim().parse().expect("a number");
    // The process that answers has done nothing else before.
    let case = format!("memory {} {}", NETWORK.name, NETWORK.batch);
    let torch = all.torch.as_ref().map_or(f64::INFINITY, |torch| torch.ask(&case, SLICE));
    all.print(&Reading {
        case: format!("{} {}", NETWORK.name, NETWORK.batch),
        what: "training",
        unit: Unit::Megabytes,
        ours,
        peers: &[("PyTorch", torch)],
        goal: None,
        limit: None,
    });
}

/// Trains for a few steps and prints the peak in bytes: the other side of [`compare_all`].
pub(crate) fn train(exec: Exec) {
    let layers = NETWORK.layers();
    let mut training = Training::new(exec, &NETWORK, &layers, Regularization::L11L12);
    (0..STEPS).for_each(|_| training.step());
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells its peak");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    println!("{}", 1024 * kib.expect("a peak in kB").trim().parse::<u64>().expect("a number"));
}
