//! The summary of a training as a JSON object; `tables.rs` prints it.
//!
//! The object is also the run's summary.json, and where that is, the training is done.

use proxtape::optim::Family;
use proxtape::sparsity;
use proxtape::train::{Evaluation, Measure, Target};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// The object that `train --json` prints.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// `done`.
    pub(crate) status: Cow<'static, str>,
    pub(crate) run: String,
    pub(crate) version: Cow<'static, str>,
    pub(crate) seed: u64,
    pub(crate) epochs: u32,
    pub(crate) steps: u64,
    /// The strength of the penalty in the last step that had one.
    pub(crate) lambda: f32,
    /// The target, and the share that is kept.
    pub(crate) target: Option<Reached>,
    /// Whether the last epochs were without the penalty.
    pub(crate) refit: bool,
    /// The epoch, from 1, whose parameters are kept, where the best ones are.
    pub(crate) best_epoch: Option<u32>,
    /// 0 to 1; null without a test part.
    pub(crate) test_accuracy: Option<f64>,
    pub(crate) test_loss: Option<f64>,
    pub(crate) test_samples: usize,
    /// Of the contents of the data; null where an older program wrote the file.
    #[serde(default)]
    pub(crate) data_hash: Option<String>,
    pub(crate) validation_accuracy: Option<f64>,
    pub(crate) validation_loss: Option<f64>,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// Of model.safetensors.
    pub(crate) bytes: u64,
    /// Steps, evaluation and saving, up to the last epoch's end.
    pub(crate) train_seconds: f64,
    /// Training samples per second of the steps alone.
    pub(crate) samples_per_second: f64,
    pub(crate) threads: usize,
    pub(crate) isa: Cow<'static, str>,
    pub(crate) layers: Vec<Layer>,
}

/// How a target was met.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// weights, groups or multiply-accumulates (those with a weight that is not zero).
    #[serde(serialize_with = "name", deserialize_with = "named")]
    pub(crate) of: Measure,
    /// The share that was wanted.
    pub(crate) wanted: f32,
    /// The share that is kept.
    pub(crate) kept: f64,
}

fn name<S: Serializer>(of: &Measure, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(of)
}

fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Measure, D::Error> {
    let name = Cow::<str>::deserialize(deserializer)?;
    let all = [Measure::Weights, Measure::Groups, Measure::Macs];
    let found = all.into_iter().find(|of| of.to_string() == name);
    found.ok_or_else(|| D::Error::custom(format!("expected what a target counts, found {name:?}")))
}

impl Reached {
    pub(crate) fn new(Target { of, share }: Target, report: &sparsity::Report) -> Reached {
        let (part, whole) = match of {
            Measure::Weights => (report.kept() as u64, report.weights() as u64),
            Measure::Groups => (report.groups_kept() as u64, report.groups() as u64),
            Measure::Macs => (report.macs_nonzero(), report.macs()),
        };
        Reached { of, wanted: share, kept: part as f64 / whole.max(1) as f64 }
    }

    /// Within 5 % of the target.
    pub(crate) fn is_met(&self) -> bool {
        (self.kept / f64::from(self.wanted) - 1.0).abs() <= 0.05
    }
}

/// The counts of a whole model.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) weights: usize,
    pub(crate) weights_kept: usize,
    /// Biases and normalisation parameters, which no penalty touches.
    pub(crate) biases: usize,
    pub(crate) groups: usize,
    pub(crate) groups_kept: usize,
    /// Multiply-accumulates for one sample: all, and those with a non-zero weight.
    pub(crate) macs: u64,
    pub(crate) macs_nonzero: u64,
}

impl From<&sparsity::Report> for Counts {
    fn from(report: &sparsity::Report) -> Counts {
        Counts {
            weights: report.weights(),
            weights_kept: report.kept(),
            biases: report.biases,
            groups: report.groups(),
            groups_kept: report.groups_kept(),
            macs: report.macs(),
            macs_nonzero: report.macs_nonzero(),
        }
    }
}

/// The counts and certificates of one layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) regularizer: String,
    pub(crate) weights: usize,
    pub(crate) weights_kept: usize,
    pub(crate) groups: usize,
    pub(crate) groups_kept: usize,
    /// Coefficient of variation of the l1 norms of the groups that are kept.
    pub(crate) evenness: f64,
    pub(crate) l11: f64,
    pub(crate) l12: f64,
    pub(crate) l21: f64,
    /// How well the last prox solved its equation, relative to tau; null if its weights are not
    /// those that are kept. Before the refit, if there was one.
    pub(crate) prox_residual: Option<f64>,
    /// The largest distance of minus the gradient to the subdifferential, in units of the
    /// objective; null for a file, which has no gradient. Before the refit, if there was one.
    pub(crate) stationarity: Option<f64>,
    pub(crate) macs: u64,
    pub(crate) macs_nonzero: u64,
}

impl Layer {
    /// The counts; certificates are the caller's to fill in.
    pub(crate) fn new(count: &sparsity::Layer, shape: &[usize], family: Family) -> Layer {
        Layer {
            name: count.name.clone(),
            shape: shape.to_vec(),
            regularizer: family.to_string(),
            weights: count.weights,
            weights_kept: count.kept,
            groups: count.groups,
            groups_kept: count.groups_kept,
            evenness: count.evenness,
            l11: count.l11,
            l12: count.l12,
            l21: count.l21,
            prox_residual: None,
            stationarity: None,
            macs: count.macs,
            macs_nonzero: count.macs_nonzero,
        }
    }
}

/// Refuses an evaluation whose loss is no finite number: its accuracy means nothing, and JSON would
/// have null for it, as if there were no samples.
pub(crate) fn sound(part: &str, evaluation: Evaluation) -> Result<Evaluation, String> {
    let Evaluation { loss, samples, .. } = evaluation;
    if samples == 0 || loss.is_finite() {
        return Ok(evaluation);
    }
    Err(format!(
        "expected a finite loss of the {part} samples, found {loss}: outputs of the network are no \
         finite numbers; its weights, or values of the samples, are too large"
    ))
}

/// Accuracy and loss, or nothing where there were no samples.
pub(crate) fn known(evaluation: Option<Evaluation>) -> (Option<f64>, Option<f64>) {
    let known = evaluation.filter(|e| e.samples > 0);
    (known.map(|e| e.accuracy), known.map(|e| e.loss))
}
