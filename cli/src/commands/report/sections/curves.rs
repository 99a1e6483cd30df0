//! The curves of a training, from metrics.jsonl.

use crate::output::html::{
    Axis, Band, Lines, Scale, Section, Series, details, figure, note, row, table,
};
use crate::output::number::{grouped, percent, short};
use crate::output::table::Table;
use crate::run::metrics::Line;

/// Below this many percent of the weights, a linear axis shows nothing any more.
const LITTLE: f64 = 20.0;

pub(in crate::commands::report) fn section(lines: &[Line]) -> Section {
    let section = Section::new("training", "Training");
    if lines.is_empty() {
        return section.add(note("No epoch is noted in metrics.jsonl, so there are no curves."));
    }
    let section = match lines[0].epoch {
        0 | 1 => section,
        first => section.add(note(format_args!(
            "The lines of the epochs before epoch {first} are missing in metrics.jsonl."
        ))),
    };
    let charts = [loss(lines), accuracy(lines), kept(lines)];
    let stages = "Stages are shaded: shrink takes minibatch steps with the penalty, settle takes one \
        step along the gradient over all samples in each epoch, refit trains what is left without the \
        penalty.";
    let staged = lines.iter().any(|line| line.stage != lines[0].stage);
    let section = section.add(row(charts));
    let section = if staged { section.text(stages) } else { section };
    section.add(details(
        format_args!("The numbers of all {} epochs", lines.len()),
        table(&epochs(lines)),
    ))
}

fn loss(lines: &[Line]) -> crate::output::html::Element {
    let series = two(lines, |line| Some(line.loss), |line| line.validation_loss);
    let values = series.iter().flat_map(|s| s.points.iter().map(|p| p.1));
    let y = Axis::new(Scale::from_zero(values), "Loss (nats)", short);
    let chart = chart("Loss over the epochs", lines, y, series);
    figure(
        [chart],
        "Loss: the mean cross entropy of a sample in nats, the penalty not counted. Lower is better. \
         The training line is the mean over the batches of an epoch, while the weights move.",
    )
}

fn accuracy(lines: &[Line]) -> crate::output::html::Element {
    let part = |x: f64| 100.0 * x;
    let series =
        two(lines, |line| Some(part(line.accuracy)), |line| line.validation_accuracy.map(part));
    // The first epochs would take the room of all others.
    let mut values: Vec<f64> = series.iter().flat_map(|s| s.points.iter().map(|p| p.1)).collect();
    values.sort_by(f64::total_cmp);
    let low = values.get(values.len() / 10).copied().unwrap_or(0.0);
    let high = values.last().copied().unwrap_or(100.0);
    let scale = match Scale::linear([low, high]) {
        Scale::Linear(from, to) => Scale::Linear(from.max(0.0), to.min(100.0)),
        scale => scale,
    };
    let chart =
        chart("Accuracy over the epochs", lines, Axis::new(scale, "Accuracy (%)", short), series);
    figure(
        [chart],
        "Accuracy: the share of samples that are decided right, in percent. Higher is better. The axis \
         does not start at 0, and the first epochs may lie below it.",
    )
}

fn kept(lines: &[Line]) -> crate::output::html::Element {
    let part = |kept: usize, all: usize| 100.0 * kept as f64 / all.max(1) as f64;
    let one = |name: &str, color, dashed, of: &dyn Fn(&Line) -> f64| Series {
        name: name.to_owned(),
        color,
        dashed,
        points: lines.iter().map(|line| (f64::from(line.epoch), of(line))).collect(),
    };
    let series = vec![
        one("weights", 0, false, &|line| part(line.weights_kept, line.weights)),
        one("groups", 1, true, &|line| part(line.groups_kept, line.groups)),
    ];
    let values = || series.iter().flat_map(|s| s.points.iter().map(|p| p.1));
    let logarithmic = values().any(|x| x < LITTLE) && values().all(|x| x > 0.0);
    let scale = match logarithmic {
        true => Scale::log(values().chain([100.0])),
        false => Scale::Linear(0.0, 100.0),
    };
    let chart = chart(
        "Weights and groups kept over the epochs",
        lines,
        Axis::new(scale, "Kept (%)", short),
        series,
    );
    let axis = if logarithmic { " The axis is logarithmic." } else { "" };
    let caption = "Size: the share of weights that are not exactly zero, and of groups with such a \
        weight, in percent, at the end of each epoch.";
    figure([chart], format_args!("{caption}{axis}"))
}

/// The training and, where there is one, the validation line.
fn two(
    lines: &[Line],
    training: impl Fn(&Line) -> Option<f64>,
    validation: impl Fn(&Line) -> Option<f64>,
) -> Vec<Series> {
    let series = |name: &str, color, dashed, of: &dyn Fn(&Line) -> Option<f64>| Series {
        name: name.to_owned(),
        color,
        dashed,
        points: lines.iter().filter_map(|line| Some((f64::from(line.epoch), of(line)?))).collect(),
    };
    let both =
        vec![series("training", 0, true, &training), series("validation", 1, false, &validation)];
    both.into_iter().filter(|series| !series.points.is_empty()).collect()
}

fn chart(
    title: &str,
    lines: &[Line],
    y: Axis,
    series: Vec<Series>,
) -> crate::output::html::Element {
    let epochs = lines.last().map_or(1, |line| line.epoch);
    let scale = Scale::Linear(0.5, f64::from(epochs) + 0.5);
    let x = Axis { ticks: epochs.min(5) as usize, ..Axis::new(scale, "Epoch", short) };
    Lines { bands: bands(lines), ..Lines::new(title, x, y, series) }.draw()
}

/// The stages, where there is more than one.
fn bands(lines: &[Line]) -> Vec<Band> {
    let stages: Vec<_> = lines.chunk_by(|a, b| a.stage == b.stage).collect();
    if stages.len() < 2 {
        return Vec::new();
    }
    let band = |part: &&[Line]| Band {
        from: f64::from(part[0].epoch) - 0.5,
        to: f64::from(part[part.len() - 1].epoch) + 0.5,
        name: part[0].stage.to_string(),
    };
    stages.iter().map(band).collect()
}

fn epochs(lines: &[Line]) -> Table {
    let mut table = Table::new(&[
        "epoch",
        "stage",
        "loss",
        "accuracy %",
        "validation loss",
        "validation %",
        "weights kept",
        "%",
        "groups kept",
        "step size",
        "seconds",
    ]);
    let or_dash = |x: Option<f64>, text: fn(f64) -> String| x.map_or("-".to_owned(), text);
    for line in lines {
        table.row(vec![
            line.epoch.to_string(),
            line.stage.to_string(),
            format!("{:.4}", line.loss),
            format!("{:.2}", 100.0 * line.accuracy),
            or_dash(line.validation_loss, |x| format!("{x:.4}")),
            or_dash(line.validation_accuracy, |x| format!("{:.2}", 100.0 * x)),
            grouped(line.weights_kept),
            percent(line.weights_kept, line.weights),
            grouped(line.groups_kept),
            format!("{:.1e}", line.eta),
            format!("{:.1}", line.seconds),
        ]);
    }
    table
}
