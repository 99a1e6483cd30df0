//! The choice of each method's strength: validation accuracy and size against lambda.

use super::object::{Comparison, Family, Trial, strength};
use crate::output::html::{
    Axis, Element, Lines, Scale, Section, Series, details, figure, note, row, table,
};
use crate::output::number::{grouped, percent, short};
use crate::output::table::Table;

pub(super) fn section(comparison: &Comparison, families: &[Family]) -> Section {
    let section = Section::new("lambda", "The choice of lambda");
    let seed = comparison.seeds.first().copied();
    let tried = |family: &Family| {
        let mut tried: Vec<&Trial> = comparison
            .trials
            .iter()
            .filter(|trial| {
                trial.family == family.name && seed.is_none_or(|seed| trial.seed == seed)
            })
            .filter(|trial| trial.lambda.is_some_and(|lambda| lambda > 0.0))
            .collect();
        tried.sort_by(|a, b| a.lambda.unwrap_or(0.0).total_cmp(&b.lambda.unwrap_or(0.0)));
        tried
    };
    let all: Vec<_> = families.iter().enumerate().map(|(i, f)| (i, f, tried(f))).collect();
    // One strength is no choice.
    let chosen_from: Vec<_> = all.into_iter().filter(|(.., tried)| tried.len() > 1).collect();
    if chosen_from.is_empty() {
        return section.add(note("No method was tried at more than one lambda."));
    }
    let dense = comparison.trials.iter().filter(|trial| trial.family == "none");
    let dense = dense.filter_map(|trial| trial.validation_accuracy).next();
    let floor = dense.zip(comparison.tolerance).map(|(accuracy, points)| 100.0 * accuracy - points);
    let accuracy = |trial: &&Trial| trial.validation_accuracy.map(|x| 100.0 * x);
    let values: Vec<f64> =
        chosen_from.iter().flat_map(|(.., tried)| tried.iter().filter_map(accuracy)).collect();
    let scale = scale(&values, floor);
    let charts = chosen_from
        .iter()
        .map(|(i, family, tried)| figure([chart(*i, family, tried, scale, floor)], &family.label));
    let rule = match (comparison.is_sweep(), comparison.keep, floor) {
        (true, ..) => "A sweep chooses none: it shows them all.".to_owned(),
        (_, Some(keep), _) => format!(
            "Chosen is the lambda whose share of kept weights is nearest to {:.1} %.",
            100.0 * keep
        ),
        (_, None, Some(floor)) => format!(
            "Chosen is the lambda with the fewest weights whose validation accuracy is at least {floor:.2} \
             %, the dotted line: that of the network without a penalty, less {} points.",
            comparison.tolerance.unwrap_or(0.0)
        ),
        _ => "The chosen lambda is marked.".to_owned(),
    };
    let text = format!(
        "Each method was trained at several lambdas with seed {}. Test samples have no part in the choice. \
         {rule} Each chart has validation accuracy in percent against lambda (logarithmic axis), all on \
         the same scale; lower points than it has are in the table.",
        seed.map_or("-".to_owned(), |seed| seed.to_string())
    );
    let numbers =
        numbers(chosen_from.iter().flat_map(|(_, family, tried)| {
            tried.iter().map(|trial| (family.label.clone(), *trial))
        }));
    section.text(text).add(row(charts)).add(details("All lambdas that were tried", table(&numbers)))
}

/// The same for all charts: from under the floor, or the better half, to the best.
fn scale(values: &[f64], floor: Option<f64>) -> Scale {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let best = sorted.last().copied().unwrap_or(100.0);
    let middle = sorted.get(sorted.len() / 3).copied().unwrap_or(0.0);
    let low = floor.map_or(middle, |floor| middle.min(floor - 0.5 * (best - floor).abs().max(0.2)));
    match Scale::linear([low, best]) {
        Scale::Linear(from, to) => Scale::Linear(from.max(0.0), to.min(100.0)),
        scale => scale,
    }
}

fn chart(
    color: usize,
    family: &Family,
    tried: &[&Trial],
    scale: Scale,
    floor: Option<f64>,
) -> Element {
    let points: Vec<(f64, f64)> = tried
        .iter()
        .filter_map(|trial| Some((trial.lambda?, 100.0 * trial.validation_accuracy?)))
        .collect();
    let scale_x = Scale::log(tried.iter().filter_map(|trial| trial.lambda));
    let x = Axis { ticks: 4, ..Axis::new(scale_x, "lambda", short) };
    let y = Axis::new(scale, "Validation accuracy (%)", short);
    let series = Series { name: String::new(), color, dashed: false, points };
    let title = format!("{}: validation accuracy against lambda", family.label);
    let chosen = tried.iter().find(|trial| trial.chosen).and_then(|trial| trial.lambda);
    let marks = chosen.map(|lambda| (lambda, format!("chosen: {}", strength(Some(lambda)))));
    let chart = Lines::new(title, x, y, vec![series]);
    Lines { level: floor, marks: marks.into_iter().collect(), ..chart }.draw()
}

fn numbers<'a>(trials: impl Iterator<Item = (String, &'a Trial)>) -> Table {
    let mut table =
        Table::new(&["method", "lambda", "validation %", "test %", "weights kept", "%", "chosen"]);
    for (label, trial) in trials {
        let points = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{:.2}", 100.0 * x));
        let (kept, all) = (trial.weights_kept, trial.weights);
        let chosen = match (&trial.diverged, trial.chosen) {
            (Some(_), _) => "diverged",
            (None, true) => "chosen",
            (None, false) => "",
        };
        table.row(vec![
            label,
            strength(trial.lambda),
            points(trial.validation_accuracy),
            points(trial.test_accuracy),
            kept.map_or("-".to_owned(), grouped),
            kept.zip(all).map_or("-".to_owned(), |(kept, all)| percent(kept, all)),
            chosen.to_owned(),
        ]);
    }
    table
}
