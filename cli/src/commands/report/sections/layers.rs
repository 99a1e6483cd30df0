//! Weights and groups kept, layer by layer.

use crate::commands::report::run::Run;
use crate::output::html::{Section, bars, figure, row, table};
use crate::output::number::{grouped, percent};
use crate::run::tables;

pub(in crate::commands::report) fn section(run: &Run) -> Section {
    let layers = &run.counted.layers;
    let part = |kept: usize, all: usize| kept as f64 / all.max(1) as f64;
    let text = |kept: usize, all: usize| format!("{} ({} %)", grouped(kept), percent(kept, all));
    let weights = layers.iter().map(|l| {
        (l.name.clone(), part(l.weights_kept, l.weights), text(l.weights_kept, l.weights))
    });
    let groups = layers
        .iter()
        .map(|l| (l.name.clone(), part(l.groups_kept, l.groups), text(l.groups_kept, l.groups)));
    let weights = figure(
        [bars(0, weights)],
        "Weights kept: the full bar is all weights of the layer, the coloured part those that are not \
         exactly zero.",
    );
    let groups = figure(
        [bars(1, groups)],
        "Groups kept: groups with at least one weight that is not zero, of all groups of the layer.",
    );
    Section::new("layers", "Layers").add(row([weights, groups])).add(table(&tables::layers(layers)))
}
