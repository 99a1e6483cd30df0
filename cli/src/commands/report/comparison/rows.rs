//! The table of a comparison: a row for each method at its strength.

use super::object::{Comparison, Row, strength};
use crate::output::html::{Element, Section, figure, list, note, table};
use crate::output::number::grouped;
use crate::output::table::Table;
use crate::study::{Spread, spread_text};

/// A column: its head, and its cell of a row.
type Column = (&'static str, fn(&Row) -> String);

const COLUMNS: [Column; 13] = [
    ("method", |row| {
        let label = if row.label.is_empty() { &row.family } else { &row.label };
        if row.front == Some(true) { format!("{label} *") } else { label.clone() }
    }),
    ("lambda", |row| strength(row.lambda)),
    ("accuracy %", |row| spread_text(row.test_accuracy, 100.0, 2)),
    ("validation %", |row| spread_text(row.validation_accuracy, 100.0, 2)),
    ("weights kept", |row| spread_text(row.weights_kept, 1.0, 0)),
    ("%", |row| share(row.weights_kept, row.weights)),
    ("groups kept", |row| spread_text(row.groups_kept, 1.0, 0)),
    ("%", |row| share(row.groups_kept, row.groups)),
    ("MACs", |row| spread_text(row.macs_compact, 1.0, 0)),
    ("non-zero MACs", |row| spread_text(row.macs_compact_nonzero, 1.0, 0)),
    ("bytes", |row| spread_text(row.bytes_compact, 1.0, 0)),
    ("latency us", |row| spread_text(row.latency_seconds, 1e6, 1)),
    ("training s", |row| spread_text(row.train_seconds, 1.0, 1)),
];

fn share(part: Option<Spread>, whole: Option<Spread>) -> String {
    match (part, whole) {
        (Some(part), Some(whole)) if whole.mean > 0.0 => {
            format!("{:.1}", 100.0 * part.mean / whole.mean)
        }
        _ => "-".to_owned(),
    }
}

pub(super) fn section(comparison: &Comparison) -> Section {
    let mut rows = Table::new(&COLUMNS.map(|(head, _)| head));
    for row in &comparison.rows {
        rows.row(COLUMNS.iter().map(|(_, cell)| cell(row)).collect());
    }
    let most = comparison.rows.iter().map(|row| row.seeds).max().unwrap_or(0);
    let seeds = match most {
        0 | 1 => "One training each".to_owned(),
        n => format!("Mean and standard deviation over up to {n} seeds"),
    };
    let front = match comparison.rows.iter().any(|row| row.front.is_some()) {
        true => " A star marks a row that no other one beats in size and validation accuracy.",
        false => "",
    };
    let caption = format!(
        "{seeds}. Accuracy is that on the test samples. MACs (multiply-accumulates for one sample) and \
         bytes are those after compaction, zeros inside counted; non-zero MACs are without them. Latency \
         is the median for one sample through the compacted network. The lambda of magnitude pruning \
         is the share of weights that stays.{front}"
    );
    let section = Section::new("result", "Result");
    let section = warning(comparison).into_iter().fold(section, Section::add);
    let section = section.add(figure([table(&rows)], caption));
    match comparison.notes.is_empty() {
        true => section,
        false => section.add(list(&comparison.notes)),
    }
}

/// A note on an unfinished comparison.
fn warning(comparison: &Comparison) -> Option<Element> {
    (comparison.status != "done").then(|| {
        note(format_args!(
            "This comparison is not finished: {} of {} trainings are done.",
            grouped(comparison.trials.len()),
            grouped(comparison.planned.max(comparison.trials.len()))
        ))
    })
}
