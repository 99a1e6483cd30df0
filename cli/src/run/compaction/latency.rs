//! Latency of a batch. The networks are interleaved, so that noise of the machine is shared by all.

use crate::failure::Failure;
use crate::run::inference::{Recorded, part};
use crate::run::model_file::Trained;
use crate::run::samples::Samples;
use crate::system::interrupt;
use core::time::Duration;
use proxtape::Exec;
use serde::Serialize;
use std::time::Instant;

/// Runs of each network before the clock counts, and the fewest that count.
const WARM: usize = 3;
const FEWEST: usize = 9;

/// Time for all networks, and the most runs in it: a median of 1,001 is as good as it gets.
const TIME: Duration = Duration::from_millis(600);
const MOST: usize = 1001;

/// Medians for one size of batch.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) batch: usize,
    /// How often each network ran.
    pub(super) runs: usize,
    pub(super) before_seconds: f64,
    pub(super) after_seconds: f64,
    /// Of the compacted network without the zeros that are left in it.
    pub(super) sparse_seconds: f64,
    /// The layers whose zeros are left out for this batch, because that is faster.
    pub(super) sparse_layers: Vec<String>,
}

/// Measures the dense network, the compacted one, and that one without its zeros, for each size of
/// batch.
pub(super) fn measure(
    exec: Exec,
    both: [&Trained; 2],
    samples: &Samples,
    batches: &[usize],
) -> Result<Vec<Latency>, Failure> {
    let (_, set, indices) = part(samples);
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let latency = |batch: usize| {
        let indices: Vec<u32> = indices.iter().copied().cycle().take(batch).collect();
        let [dense, small] = both;
        let mut recorded = [
            Recorded::new(exec, dense, batch)?,
            Recorded::new(exec, small, batch)?,
            Recorded::without_zeros(exec, small, batch)?,
        ];
        for recorded in &mut recorded {
            recorded.set(set, &indices);
            for _ in 0..WARM {
                recorded.run();
            }
        }
        let mut times = [const { Vec::new() }; 3];
        let start = Instant::now();
        while times[0].len() < FEWEST || (start.elapsed() < TIME && times[0].len() < MOST) {
            interrupt::check()?;
            for (network, times) in recorded.iter_mut().zip(&mut times) {
                let start = Instant::now();
                std::hint::black_box(network.run());
                times.push(start.elapsed().as_secs_f64());
            }
        }
        let runs = times[0].len();
        let sparse_layers = recorded[2].sparse_layers().map(str::to_owned).collect();
        let [before_seconds, after_seconds, sparse_seconds] = times.map(median);
        Ok(Latency { batch, runs, before_seconds, after_seconds, sparse_seconds, sparse_layers })
    };
    batches.iter().map(|&batch| latency(batch)).collect()
}
