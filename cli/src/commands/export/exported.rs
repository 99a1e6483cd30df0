//! The result of an export: the JSON object and the lines.

use crate::output::escape;
use crate::output::number::{grouped, small};
use crate::run::verification::Verification;
use serde::Serialize;

/// The object that `export --json` prints.
#[derive(Serialize)]
pub(super) struct Exported {
    /// The file of the model.
    pub(super) model: String,
    /// The file that was written.
    pub(super) file: String,
    pub(super) format: String,
    pub(super) bytes: u64,
    /// The shape of a raw sample.
    pub(super) input: Vec<usize>,
    /// The meaning of its values.
    pub(super) range: String,
    pub(super) classes: usize,
    #[serde(flatten)]
    pub(super) details: Details,
    pub(super) proof: Verification,
    pub(super) version: &'static str,
}

/// The facts of one format.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Details {
    Safetensors {},
    Onnx {
        opset: i64,
        ir_version: i64,
    },
    Rust {
        scratch_bytes: usize,
        /// Layers whose weights are kept without their zeros.
        sparse: Vec<String>,
    },
}

impl Exported {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            text.push_str(&format!("{name:<16}{}\n", escape::line(value)));
        };
        line("model", self.model.clone());
        line(&self.format, format!("{}, {} bytes", self.file, grouped(self.bytes)));
        line("input", format!("{:?}, {}", self.input, self.range));
        let classes = self.classes;
        match &self.details {
            Details::Safetensors {} => {
                line("layout", "names and layout as in PyTorch, recipe in the metadata".to_owned());
            }
            Details::Onnx { opset, ir_version } => {
                line("outputs", format!("logits and probabilities of {classes} classes"));
                line("version", format!("operator set {opset}, IR version {ir_version}"));
            }
            Details::Rust { scratch_bytes, sparse } => {
                line("outputs", format!("logits of {classes} classes, or class and probability"));
                line("memory", format!("{} bytes to work in", grouped(*scratch_bytes)));
                if !sparse.is_empty() {
                    line("without zeros", sparse.join(", "));
                }
            }
        }
        let Verification { samples, part, difference, decisions_changed, .. } = &self.proof;
        text.push_str(&format!(
            "{} {part} samples: outputs differ by at most {} of the largest one, {} decisions \
             changed\n",
            grouped(*samples),
            small(*difference),
            grouped(*decisions_changed),
        ));
        text
    }
}
