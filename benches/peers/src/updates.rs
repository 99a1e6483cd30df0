//! The regularised step: PyTorch's momentum and the exact prox in its tensor operations beside ours.

use crate::Match;
use crate::table::{Table, meets, micros, ratio};
use proxtape_workloads::stopwatch::compare;
use proxtape_workloads::update::{Kind, Penalty, SHAPES, step};
use std::time::Duration;

const ROUNDS: usize = 3;
const SLICE: Duration = Duration::from_millis(300);

const GOAL: f64 = 50.0;

pub(crate) fn compare_all(all: &Match) {
    let head = ["weight", "groups", "ours, us", "PyTorch", "times as fast", "goal"];
    let mut table = Table::new(&all.title("Momentum and exact l1,1 + l1,2 prox"), &head);
    for [rows, cols] in SHAPES {
        for (penalty, by) in [(Penalty::Rows, "row"), (Penalty::Columns, "column")] {
            let torch = all.torch(format!("update {rows} {cols} {by}"));
            let ours = all.ours(step(all.exec(), [rows, cols], Kind::Momentum, penalty).call);
            let [ours, torch] = compare(ROUNDS, SLICE, [ours, torch]);
            let faster = torch / ours;
            table.row(&[
                format!("{rows}x{cols}"),
                by.to_owned(),
                micros(ours),
                micros(torch),
                ratio(faster, meets(faster, GOAL)),
                GOAL.to_string(),
            ]);
        }
    }
    table.print();
}
