//! The regularised step: PyTorch's momentum and the exact prox in its tensor operations beside ours.

use crate::Match;
use crate::reading::{Goal, Reading, Unit};
use proxtape_workloads::update::{Kind, Penalty, SHAPES, step};
use std::time::Duration;

const ROUNDS: usize = 3;
const SLICE: Duration = Duration::from_millis(300);

const GOAL: Goal = Goal::Times(50.0);

pub(crate) fn compare_all(all: &Match) {
    for [rows, cols] in SHAPES {
        for (penalty, by) in [(Penalty::Rows, "row"), (Penalty::Columns, "column")] {
            let torch = all.torch(format!("update {rows} {cols} {by}"));
            let ours = all.ours(step(all.exec(), [rows, cols], Kind::Momentum, penalty).call);
            let [ours, torch] = all.compare(ROUNDS, SLICE, [ours, torch]);
            all.print(&Reading {
                case: format!("{rows}x{cols}"),
                what: by,
                unit: Unit::Micros,
                ours,
                peers: &[("PyTorch", torch)],
                goal: Some(GOAL),
                limit: None,
            });
        }
    }
}
