//! Convolution: PyTorch beside ours, layer by layer and phase by phase.

use crate::Match;
use crate::table::{Table, meets, micros, ratio};
use proxtape_workloads::conv::{LAYERS, Phase, flops, phase};
use proxtape_workloads::limits;
use proxtape_workloads::stopwatch::compare;
use std::time::Duration;

const ROUNDS: usize = 7;
const SLICE: Duration = Duration::from_millis(30);

/// As fast as this many times PyTorch, or this share of the FMA peak: whichever is less.
const GOAL: (f64, f64) = (1.3, 0.92);

pub(crate) fn compare_all(all: &Match) {
    let head =
        ["layer", "phase", "ours, us", "PyTorch", "times as fast", "share of FMA peak", "goal"];
    let mut table = Table::new(&all.title("Convolution against PyTorch"), &head);
    for layer in LAYERS {
        for p in Phase::ALL {
            let s = layer.shape;
            let name = match p {
                Phase::Forward => "forward",
                Phase::InputGradient => "input",
                Phase::WeightGradient => "weight",
            };
            let case = format!(
                "conv {} {} {} {} {} {} {} {name}",
                s.n, s.c, s.h, s.oc, s.kh, s.stride[0], s.padding[0]
            );
            let (peak, cost) = limits::fma(all.exec(), all.threads);
            let contestants =
                [all.ours(phase(all.exec(), &layer, p).call), all.ours(peak), all.torch(case)];
            let [ours, peak, torch] = compare(ROUNDS, SLICE, contestants);
            let least = peak * flops(&s) / cost.flops;
            let (faster, share) = (torch / ours, least / ours);
            table.row(&[
                layer.name.to_owned(),
                p.name().to_owned(),
                micros(ours),
                micros(torch),
                ratio(faster, meets(faster, GOAL.0) || meets(share, GOAL.1)),
                format!("{:.0} %", 100.0 * share),
                format!("{} or {:.0} %", GOAL.0, 100.0 * GOAL.1),
            ]);
        }
    }
    table.print();
}
