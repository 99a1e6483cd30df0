//! The result of a compaction: the JSON object and the tables.

use super::latency::Latency;
use super::verification::Verifications;
use crate::output::escape;
use crate::output::number::{grouped, small, threads};
use crate::output::table::Table;
use crate::run::model_file::Trained;
use serde::Serialize;
use std::collections::HashMap;

/// The object that `compact --json` prints.
#[derive(Serialize)]
pub(crate) struct Compaction {
    /// The file of the dense network.
    pub(super) model: String,
    /// The file of the compacted one.
    pub(super) compact: String,
    pub(super) before: Costs,
    pub(super) after: Costs,
    pub(crate) proof: Verifications,
    #[serde(rename = "latency")]
    pub(super) latencies: Vec<Latency>,
    pub(crate) threads: usize,
    pub(crate) isa: &'static str,
    pub(super) version: &'static str,
    pub(super) layers: Vec<Layer>,
}

/// The costs of a network.
#[derive(Serialize)]
pub(super) struct Costs {
    /// Of its file.
    bytes: u64,
    weights: u64,
    weights_nonzero: u64,
    /// Multiply-accumulates for one sample: all, and those with a weight that is not zero.
    macs: u64,
    macs_nonzero: u64,
}

impl Costs {
    pub(super) fn of(trained: &Trained, bytes: u64) -> Costs {
        let (model, params) = (trained.network.model(), trained.network.params());
        let mut costs = Costs {
            bytes,
            weights: 0,
            weights_nonzero: 0,
            macs: model.macs(params),
            macs_nonzero: 0,
        };
        for weight in model.weights() {
            let values = params.value(weight.id);
            let nonzero = values.iter().filter(|&&w| w != 0.0).count() as u64;
            costs.weights += values.len() as u64;
            costs.weights_nonzero += nonzero;
            costs.macs_nonzero += weight.uses * nonzero;
        }
        costs
    }
}

/// The shape of a weight before and after; null where the layer left as a whole.
#[derive(Serialize)]
pub(super) struct Layer {
    name: String,
    before: Vec<usize>,
    after: Option<Vec<usize>>,
}

impl Layer {
    /// Those of the dense network, and their remains in the compacted one.
    pub(super) fn between(dense: &Trained, small: &Trained) -> Vec<Layer> {
        let left = small.network.model().weights().iter();
        let left: HashMap<_, _> =
            left.map(|w| (&w.layer, small.network.params().shape(w.id))).collect();
        let layers = dense.network.model().weights().iter().map(|weight| Layer {
            name: weight.layer.clone(),
            before: dense.network.params().shape(weight.id).to_vec(),
            after: left.get(&weight.layer).map(|shape| shape.to_vec()),
        });
        layers.collect()
    }
}

impl Compaction {
    /// The shapes before and after.
    pub(crate) fn layers_table(&self) -> Table {
        let mut layers = Table::new(&["layer", "before", "after", "weights", "left"]);
        for layer in &self.layers {
            let extents =
                |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
            let count = |shape: &[usize]| grouped(shape.iter().product::<usize>());
            let after = layer.after.as_deref();
            layers.row(vec![
                layer.name.clone(),
                extents(&layer.before),
                after.map_or("-".to_owned(), extents),
                count(&layer.before),
                after.map_or("0".to_owned(), count),
            ]);
        }
        layers
    }

    /// The costs of both networks.
    pub(crate) fn costs_table(&self) -> Table {
        let mut costs = Table::new(&["", "before", "after", "ratio"]);
        let (a, b) = (&self.before, &self.after);
        for (name, before, after) in [
            ("bytes", a.bytes, b.bytes),
            ("weights", a.weights, b.weights),
            ("not zero", a.weights_nonzero, b.weights_nonzero),
            ("MACs a sample", a.macs, b.macs),
            ("not zero", a.macs_nonzero, b.macs_nonzero),
        ] {
            let ratio = ratio(before as f64, after as f64);
            costs.row(vec![name.to_owned(), grouped(before), grouped(after), ratio]);
        }
        costs
    }

    /// The latencies, and the layers whose zeros are left out.
    pub(crate) fn times_table(&self) -> Table {
        let head = ["", "before", "after", "ratio", "without zeros", "ratio", "in"];
        let mut times = Table::new(&head);
        let micros = |seconds: f64| format!("{:.1} us", 1e6 * seconds);
        for latency in &self.latencies {
            let Latency { before_seconds, after_seconds, sparse_seconds, .. } = latency;
            let layers = &latency.sparse_layers;
            times.row(vec![
                format!("latency of {}", latency.batch),
                micros(*before_seconds),
                micros(*after_seconds),
                ratio(*before_seconds, *after_seconds),
                micros(*sparse_seconds),
                ratio(*before_seconds, *sparse_seconds),
                if layers.is_empty() { "no layer".to_owned() } else { layers.join(" ") },
            ]);
        }
        times
    }

    pub(crate) fn text(&self) -> String {
        let Verifications { compacted, sparse_difference, sparse_decisions_changed } = &self.proof;
        format!(
            "{}\n{}\n{}\n\
             latency is the median of a batch, {}, {}\n\
             {} {} samples: outputs differ by at most {} of the largest one, {} decisions changed;\n\
             without zeros by at most {}, {} decisions changed\n{}\n",
            self.layers_table().render(),
            self.costs_table().render(),
            self.times_table().render(),
            threads(self.threads),
            self.isa,
            grouped(compacted.samples),
            compacted.part,
            small(compacted.difference),
            grouped(compacted.decisions_changed),
            small(*sparse_difference),
            grouped(*sparse_decisions_changed),
            escape::line(&self.compact),
        )
    }
}

/// How many times less.
fn ratio(before: f64, after: f64) -> String {
    if after == 0.0 { "-".to_owned() } else { format!("{:.2}", before / after) }
}
