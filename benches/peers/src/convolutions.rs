//! Convolution: PyTorch beside ours, layer by layer and phase by phase.

use crate::Match;
use crate::reading::{Goal, Limit, Reading, Unit};
use proxtape_workloads::conv::{LAYERS, Phase, flops, phase};
use proxtape_workloads::limits;
use std::time::Duration;

const ROUNDS: usize = 7;
const SLICE: Duration = Duration::from_millis(30);

const GOAL: Goal = Goal::TimesOrShare(1.3, 0.92);

pub(crate) fn compare_all(all: &Match) {
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
            let [ours, peak, torch] = all.compare(ROUNDS, SLICE, contestants);
            let flops = flops(&s);
            all.print(&Reading {
                case: layer.name.to_owned(),
                what: p.name(),
                unit: Unit::Micros,
                ours,
                peers: &[("PyTorch", torch)],
                goal: Some(GOAL),
                limit: Some(Limit { flops, least: peak * flops / cost.flops }),
            });
        }
    }
}
