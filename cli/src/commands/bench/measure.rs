//! A workload and its limit, interleaved.

use proxtape::Exec;
use proxtape_workloads::Call;
use proxtape_workloads::limits::{self, Cost, Limit};
use proxtape_workloads::stopwatch::{Contestant, compare, contestant};
use serde::Serialize;
use std::time::Duration;

/// The time of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// Seven rounds of 10 ms for each workload and each of its limits: some 20 s in all.
    Careful,
    /// Each once: the numbers are rough.
    Quick,
}

impl Effort {
    fn compare<const N: usize>(self, contestants: [Contestant<'_>; N]) -> [f64; N] {
        let (rounds, slice) = match self {
            Effort::Careful => (7, Duration::from_millis(10)),
            Effort::Quick => (1, Duration::ZERO),
        };
        compare(rounds, slice, contestants)
    }
}

/// The rates of a workload.
#[derive(Serialize)]
pub(super) struct Measured {
    /// Of one call.
    pub(super) seconds: f64,
    pub(super) gflops: Option<f64>,
    /// Operands read and written, as often as the algorithm must.
    pub(super) gb_per_second: Option<f64>,
    /// The limit that it is compared with.
    pub(super) limit: String,
    /// The seconds of the limit over its own: 1 is all that can be had.
    pub(super) share: f64,
}

/// Measures workloads beside the limits of the machine.
pub(super) struct Meter {
    exec: Exec,
    effort: Effort,
    peak: Call,
    /// Multiplications and additions of one call of `peak`.
    peak_flops: f64,
    /// The best rate of `peak` so far.
    fma: f64,
}

/// 128 MiB in two operands: more than the caches of most machines.
const MEMORY: usize = 32 * 1024 * 1024;

impl Meter {
    pub(super) fn new(exec: Exec, threads: usize, effort: Effort) -> Meter {
        let (peak, cost) = limits::fma(exec, threads);
        Meter { exec, effort, peak, peak_flops: cost.flops, fma: 0.0 }
    }

    /// Multiplications and additions a second, the best that was seen.
    pub(super) fn fma(&self) -> f64 {
        self.fma
    }

    /// Bytes read and written a second in memory.
    pub(super) fn memory(&self) -> f64 {
        let (stream, cost) = limits::stream(self.exec, MEMORY);
        let [seconds] = self.effort.compare([contestant(stream)]);
        4.0 * cost.moved as f64 / seconds
    }

    /// The rates of a call, and its share of the limit.
    pub(super) fn measure(&mut self, call: Call, limit: Limit) -> Measured {
        match limit {
            Limit::Roofline(cost) => self.roofline(call, cost),
            Limit::Other(other) => {
                let calls = [contestant(call), contestant(other.call)];
                let [seconds, least] = self.effort.compare(calls);
                let share = least / seconds;
                Measured { seconds, gflops: None, gb_per_second: None, limit: other.name, share }
            }
        }
    }

    fn roofline(&mut self, call: Call, cost: Cost) -> Measured {
        let (stream, streamed) = limits::stream(self.exec, cost.held);
        let calls = [contestant(call), contestant(&mut self.peak), contestant(stream)];
        let [seconds, peak, stream] = self.effort.compare(calls);
        self.fma = self.fma.max(self.peak_flops / peak);
        let computing = peak * cost.flops / self.peak_flops;
        let moving = stream * cost.moved as f64 / streamed.moved as f64;
        let (limit, least) =
            if computing > moving { ("fma", computing) } else { ("bandwidth", moving) };
        let bytes = 4.0 * cost.moved as f64;
        Measured {
            seconds,
            gflops: (cost.flops > 0.0).then(|| cost.flops / seconds / 1e9),
            gb_per_second: (cost.flops == 0.0).then(|| bytes / seconds / 1e9),
            limit: limit.to_owned(),
            share: least / seconds,
        }
    }
}
