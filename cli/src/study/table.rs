//! The table of a study: text, Markdown and CSV.

use super::metric::{METRICS, spread_text};
use super::plot;
use super::results::{Results, Row};
use super::{Kind, Metric, Spread};
use crate::output::escape;
use crate::output::number::threads;
use crate::output::table::Table;
use crate::recipe::redact;

/// The mean alone.
fn mean(spread: Option<Spread>, factor: f64, decimals: usize) -> String {
    spread_text(spread.map(|spread| Spread { std: None, ..spread }), factor, decimals)
}

/// A column: its head, and its cell of a row.
type Column = (&'static str, fn(&Row) -> String);

/// The measure of a sweep; a comparison has chosen by it.
const VALIDATION: &str = "validation %";

const COLUMNS: [Column; 13] = [
    ("regulariser", |row| row.label.to_owned()),
    ("lambda", |row| row.family.strength_text(row.lambda.unwrap_or(0.0))),
    ("accuracy %", |row| spread_text(row.numbers[Metric::TestAccuracy], 100.0, 2)),
    (VALIDATION, |row| spread_text(row.numbers[Metric::ValidationAccuracy], 100.0, 2)),
    ("weights", |row| spread_text(row.numbers[Metric::WeightsKept], 1.0, 0)),
    ("%", |row| share(row, Metric::WeightsKept, Metric::Weights)),
    ("groups", |row| spread_text(row.numbers[Metric::GroupsKept], 1.0, 0)),
    ("%", |row| share(row, Metric::GroupsKept, Metric::Groups)),
    ("MACs", |row| spread_text(row.numbers[Metric::MacsCompact], 1.0, 0)),
    ("not zero", |row| spread_text(row.numbers[Metric::MacsCompactNonzero], 1.0, 0)),
    ("bytes", |row| mean(row.numbers[Metric::BytesCompact], 1.0, 0)),
    ("latency us", |row| spread_text(row.numbers[Metric::LatencySeconds], 1e6, 1)),
    ("seconds", |row| mean(row.numbers[Metric::TrainSeconds], 1.0, 1)),
];

fn share(row: &Row, part: Metric, whole: Metric) -> String {
    match (row.numbers.mean(part), row.numbers.mean(whole)) {
        (Some(part), Some(whole)) if whole > 0.0 => format!("{:.1}", 100.0 * part / whole),
        _ => "-".to_owned(),
    }
}

/// Those that a table of its kind has.
fn columns(results: &Results<'_>) -> impl Iterator<Item = &'static Column> + use<> {
    let kind = results.kind;
    COLUMNS.iter().filter(move |(head, _)| kind == Kind::Sweep || *head != VALIDATION)
}

/// The rows on the front have a mark.
fn cells(results: &Results<'_>, row: &Row) -> Vec<String> {
    let mut cells: Vec<String> = columns(results).map(|(_, cell)| cell(row)).collect();
    if row.front == Some(true) {
        cells[0].push_str(" *");
    }
    cells
}

/// The meaning of the numbers, line by line.
fn legend(results: &Results<'_>) -> Vec<String> {
    let rows = &results.rows;
    let seeds = match results.seeds {
        [one] => format!("seed {one}"),
        [first, .., last] => format!("mean and standard deviation over seeds {first} to {last}"),
        [] => String::new(),
    };
    let fewer: Vec<String> = rows
        .iter()
        .filter(|row| row.seeds < results.seeds.len())
        .map(|row| format!("{} {}", row.label, row.seeds))
        .collect();
    let fewer = match fewer.is_empty() {
        true => String::new(),
        false => format!(" (so many of them: {})", fewer.join(", ")),
    };
    let mut lines = vec![
        format!("{seeds}{fewer}; accuracy on the test samples"),
        format!(
            "MACs and bytes after compaction, with the zeros inside counted; not zero: without \
             them; latency: one sample through the compacted network, median, {}, {}; seconds: training",
            threads(results.threads),
            results.isa
        ),
    ];
    lines.push(match (results.kind, results.keep, results.tolerance) {
        (Kind::Sweep, ..) => "*: the front; none is smaller and as right on validation".to_owned(),
        (_, Some(keep), _) => format!(
            "lambda: the one whose share of kept weights is nearest to {:.1} %, seed {}",
            100.0 * keep,
            results.seeds[0]
        ),
        (_, None, Some(tolerance)) => format!(
            "lambda: the one with the fewest weights whose validation accuracy is within {tolerance} \
             points of the network without a penalty, seed {}",
            results.seeds[0]
        ),
        (_, None, None) => {
            format!("lambda: the one of the most accurate on validation, seed {}", results.seeds[0])
        }
    });
    lines.extend(results.notes.iter().map(|note| format!("note: {}", escape::line(note))));
    lines
}

/// For a terminal.
pub(super) fn text(results: &Results<'_>) -> String {
    let heads: Vec<&str> = columns(results).map(|(head, _)| *head).collect();
    let mut table = Table::new(&heads);
    for row in &results.rows {
        table.row(cells(results, row));
    }
    let drawn = match results.kind {
        Kind::Compare => String::new(),
        Kind::Sweep => plot::draw(&results.rows) + "\n",
    };
    format!("\n{}\n{drawn}{}\n", table.render(), legend(results).join("\n"))
}

/// As a file.
pub(super) fn markdown(results: &Results<'_>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let escaped = |cells: &[String]| cells.iter().map(|c| escape::markdown(c)).collect::<Vec<_>>();
    let heads: Vec<String> = columns(results).map(|(head, _)| (*head).to_owned()).collect();
    let mut text = line(&escaped(&heads));
    let align = |c: usize| if c == 0 { "---".to_owned() } else { "---:".to_owned() };
    text.push_str(&line(&(0..heads.len()).map(align).collect::<Vec<_>>()));
    for row in &results.rows {
        text.push_str(&line(&escaped(&cells(results, row))));
    }
    // The table is made to be passed on, and a note may have the path of a file.
    let redacted = |line: String| escape::markdown(&redact::text(&line));
    text.extend(legend(results).into_iter().map(|line| format!("\n{}\n", redacted(line))));
    text
}

/// Every metric, mean and deviation, in full.
pub(super) fn csv(results: &Results<'_>) -> String {
    let mut text = "family,lambda,seeds,front".to_owned();
    for (name, _) in METRICS {
        text.push_str(&format!(",{name}_mean,{name}_std"));
    }
    text.push('\n');
    let or_empty = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
    for row in &results.rows {
        let lambda = row.lambda.map_or(String::new(), |lambda| lambda.to_string());
        let front = row.front.map_or(String::new(), |front| front.to_string());
        text.push_str(&format!("{},{lambda},{},{front}", row.family, row.seeds));
        for (_, metric) in METRICS {
            let std = row.numbers[metric].and_then(|spread| spread.std);
            text.push_str(&format!(",{},{}", or_empty(row.numbers.mean(metric)), or_empty(std)));
        }
        text.push('\n');
    }
    text
}
