//! `metrics.jsonl`: one line of JSON for each epoch.

use crate::failure::Failure;
use crate::run_folder::{refused, write_text};
use proxtape::train::Stage;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// One epoch.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) epoch: u32,
    /// shrink, settle or refit.
    #[serde(serialize_with = "name", deserialize_with = "stage")]
    pub(crate) stage: Stage,
    /// The mean loss of the epoch's batches, penalty not counted.
    pub(crate) loss: f64,
    /// The share of training samples that were right when they were seen.
    pub(crate) accuracy: f64,
    pub(crate) validation_loss: Option<f64>,
    pub(crate) validation_accuracy: Option<f64>,
    /// The step size of the last step.
    pub(crate) eta: f32,
    /// The strength of the penalty in the last step; 0 in a refit.
    #[serde(default)]
    pub(crate) lambda: f32,
    pub(crate) weights: usize,
    pub(crate) weights_kept: usize,
    pub(crate) groups: usize,
    pub(crate) groups_kept: usize,
    /// Since the training started, interruptions not counted.
    pub(crate) seconds: f64,
}

fn name<S: Serializer>(stage: &Stage, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(stage)
}

fn stage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Stage, D::Error> {
    let name = String::deserialize(deserializer)?;
    let found =
        [Stage::Shrink, Stage::Settle, Stage::Refit].into_iter().find(|s| s.to_string() == name);
    found.ok_or_else(|| D::Error::custom(format!("there is no stage \"{name}\"")))
}

/// The lines of a file, without one that a killed process has left unfinished; none without a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>, Failure> {
    let text = match fs::read_to_string(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|e| refused(path, "lines of JSON", &e))?,
    };
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).enumerate();
    let parse = |(i, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| {
            let expected = "an object with the numbers of an epoch, as `train` writes it";
            Failure::failed(format!(
                "{}: line {}: expected {expected}; found {e}",
                path.display(),
                i + 1
            ))
        })
    };
    lines.map(parse).collect()
}

/// The file, open to add lines.
pub(crate) struct Metrics {
    file: File,
    path: PathBuf,
}

impl Metrics {
    /// Opens the file of a run whose saved state has seen the end of `epochs` epochs: lines of later
    /// ones, which a killed process may have left, are cut off.
    pub(crate) fn open(path: &Path, epochs: u32) -> Result<Metrics, Failure> {
        #[derive(Deserialize)]
        struct Epoch {
            epoch: u32,
        }
        if let Ok(old) = fs::read_to_string(path) {
            let counts = |line: &&str| {
                serde_json::from_str(line).is_ok_and(|Epoch { epoch }| epoch <= epochs)
            };
            let kept: String = old.lines().filter(counts).flat_map(|line| [line, "\n"]).collect();
            if kept != old {
                write_text(path, &kept)?;
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|e| refused(path, "to add to the file", &e))?;
        Ok(Metrics { file, path: path.to_path_buf() })
    }

    /// Adds a line in one write.
    pub(crate) fn add(&mut self, line: &Line) -> Result<(), Failure> {
        let text = serde_json::to_string(line).map_err(Failure::failed)? + "\n";
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|e| refused(&self.path, "to add a line", &e))
    }
}
