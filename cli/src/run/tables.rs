//! The tables at the end of a training.

use crate::output::escape;
use crate::output::number::{grouped, percent, small, threads};
use crate::output::table::Table;
use crate::run::summary::{Counts, Layer, Reached, Summary};

/// All that a training has reached.
pub(crate) fn text(summary: &Summary) -> String {
    let mut text = format!("\n{}\n{}", layers(&summary.layers).render(), totals(&summary.counts));
    if summary.refit {
        text.push_str("prox residual and stationarity are those before the refit\n");
    }
    if let Some(reached) = &summary.target {
        let Reached { of, wanted, kept } = reached;
        let missed = if reached.is_met() { "" } else { ": missed by more than 5 % of it" };
        text.push_str(&format!(
            "{:<16}{:.2} % of the {of} kept, {:.2} % wanted{missed}\n",
            "target",
            100.0 * kept,
            100.0 * wanted
        ));
    }
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<16}{value}\n"));
    let model = escape::line(&summary.run) + "/model.safetensors";
    line("model", format!("{} bytes in {model}", grouped(summary.bytes)));
    let Summary { train_seconds, samples_per_second, threads: n, isa, .. } = summary;
    let rate = grouped(*samples_per_second as u64);
    line("time", format!("{train_seconds:.2} s, {rate} samples/s, {}, {isa}", threads(*n)));
    let validation = (summary.validation_accuracy, summary.validation_loss);
    if summary.lambda > 0.0 {
        line("lambda", format!("{:.3e}", summary.lambda));
    }
    for (name, (accuracy, loss)) in
        [("validation", validation), ("test", (summary.test_accuracy, summary.test_loss))]
    {
        if let (Some(accuracy), Some(loss)) = (accuracy, loss) {
            line(name, accuracy_and_loss(accuracy, loss));
        }
    }
    text.trim_end().to_owned()
}

/// One line for both.
pub(crate) fn accuracy_and_loss(accuracy: f64, loss: f64) -> String {
    format!("{:.2} % right, loss {loss:.4}", 100.0 * accuracy)
}

/// A table with one row for each layer.
pub(crate) fn layers(layers: &[Layer]) -> Table {
    let mut table = Table::new(&[
        "layer",
        "shape",
        "weights",
        "kept",
        "%",
        "zero groups",
        "evenness",
        "prox residual",
        "stationarity",
    ]);
    for layer in layers {
        let shape: Vec<_> = layer.shape.iter().map(usize::to_string).collect();
        let zero = layer.groups - layer.groups_kept;
        let or_dash = |x: Option<f64>| x.map_or("-".to_owned(), small);
        table.row(vec![
            layer.name.clone(),
            shape.join("x"),
            grouped(layer.weights),
            grouped(layer.weights_kept),
            percent(layer.weights_kept, layer.weights),
            format!("{} of {}", grouped(zero), grouped(layer.groups)),
            format!("{:.2}", layer.evenness),
            or_dash(layer.prox_residual),
            or_dash(layer.stationarity),
        ]);
    }
    table
}

/// The counts of the whole model.
pub(crate) fn totals(counts: &Counts) -> String {
    let Counts { weights, weights_kept, biases, groups, groups_kept, macs, macs_nonzero } = *counts;
    let part = |part: u64, whole: u64| {
        format!("{} of {} ({} %)", grouped(part), grouped(whole), percent(part, whole))
    };
    let [kept, all] = [weights_kept as u64, weights as u64];
    let mut text =
        format!("{:<16}{}, and {} biases\n", "weights kept", part(kept, all), grouped(biases));
    let groups = part(groups_kept as u64, groups as u64);
    text.push_str(&format!("{:<16}{groups}\n", "groups kept"));
    text.push_str(&format!(
        "{:<16}{} dense, {} with a weight that is not zero\n",
        "MACs a sample",
        grouped(macs),
        grouped(macs_nonzero)
    ));
    text
}
