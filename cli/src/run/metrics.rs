//! `metrics.jsonl`: one line of JSON for each epoch.

use crate::failure::Failure;
use crate::output::terminal::Terminal;
use crate::system::draft::write_text;
use crate::system::file;
use crate::system::file::refused;
use core::fmt::Display;
use proxtape::train::Stage;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::{File, OpenOptions};
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
    found.ok_or_else(|| D::Error::custom(format!("there is no stage {name:?}")))
}

/// The lines of a file, without one that a killed process has left unfinished; none without a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>, Failure> {
    lines(path, &text(path)?)
}

/// The same of a text; `path` names it in errors.
pub(crate) fn lines(path: &Path, text: &str) -> Result<Vec<Line>, Failure> {
    check_end(path, text)?;
    let lines: Vec<Line> = whole(text)
        .lines()
        .enumerate()
        .map(|(i, line)| parse(path, i, line))
        .collect::<Result<_, _>>()?;
    // The first may be a later one: of a run whose file was removed.
    for (i, both) in lines.windows(2).enumerate() {
        let next = u64::from(both[0].epoch) + 1;
        if u64::from(both[1].epoch) != next {
            return Err(broken(path, i + 2, next, format_args!("epoch {}", both[1].epoch)));
        }
    }
    Ok(lines)
}

/// An error where lines are there, but not those of all the epochs that the saved state has seen.
pub(crate) fn expect_end(path: &Path, lines: &[Line], epochs: u32) -> Result<(), Failure> {
    match lines.last() {
        Some(last) if last.epoch < epochs => {
            let next = u64::from(last.epoch) + 1;
            Err(broken(path, lines.len() + 1, next, "the end"))
        }
        _ => Ok(()),
    }
}

fn broken(path: &Path, line: usize, epoch: u64, found: impl Display) -> Failure {
    Failure::failed(format!(
        "{}: line {line}: expected epoch {epoch}, found {found}; put the lines back as they were, or remove \
         the file, and the run goes on without them",
        path.display()
    ))
}

/// An error unless the text after the last whole line can be the start of one.
fn check_end(path: &Path, text: &str) -> Result<(), Failure> {
    const START: &str = "{\"epoch\":";
    let end = &text[whole(text).len()..];
    if end.starts_with(START) || START.starts_with(end) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{}: the last line: expected an object with the numbers of an epoch, or the start of one, found \
         something else; remove it",
        path.display()
    )))
}

/// The lines that were finished. A line is added in one write, but a killed process, or a full disk,
/// may leave the last one without its end.
fn whole(text: &str) -> &str {
    &text[..text.rfind('\n').map_or(0, |end| end + 1)]
}

fn parse(path: &Path, i: usize, line: &str) -> Result<Line, Failure> {
    let fault = |found: &dyn Display| {
        let expected = "an object with the numbers of an epoch, as `train` writes it";
        Failure::failed(format!(
            "{}: line {}: expected {expected}; found {found}; mend the line, or \
             remove the file, and the run goes on without its lines",
            path.display(),
            i + 1
        ))
    };
    let line: Line = serde_json::from_str(line).map_err(|e| fault(&e))?;
    let shares = [Some(line.accuracy), line.validation_accuracy];
    match shares.into_iter().flatten().find(|share| !(0.0..=1.0).contains(share)) {
        Some(share) => Err(fault(&format_args!("an accuracy of {share}"))),
        None => Ok(line),
    }
}

/// The text of a file; none without a file.
fn text(path: &Path) -> Result<String, Failure> {
    match file::text(path, file::TEXT) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|e| refused(path, "lines of JSON", &e)),
    }
}

/// The file, open to add lines.
pub(crate) struct Metrics {
    file: File,
    path: PathBuf,
}

impl Metrics {
    /// Opens the file of a run whose saved state has seen the end of `epochs` epochs: lines of later
    /// ones, which a killed process may have left, are cut off. A line is on the disk before the state that
    /// has seen its epoch, so no kill takes one of those: without the file the run goes on, and says so, but
    /// a file that lacks its end is an error.
    pub(crate) fn open(path: &Path, epochs: u32, terminal: Terminal) -> Result<Metrics, Failure> {
        let old = text(path)?;
        let mut kept = String::new();
        let mut count = 0;
        let lines = lines(path, &old)?;
        expect_end(path, &lines, epochs)?;
        for (line, text) in lines.iter().zip(whole(&old).lines()) {
            if line.epoch <= epochs {
                kept.extend([text, "\n"]);
                count += 1;
            }
        }
        if count < epochs {
            terminal.say(format_args!(
                "note: {}: the lines of {} of {epochs} epochs are missing",
                path.display(),
                epochs - count
            ));
        }
        if kept != old {
            write_text(path, &kept)?;
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

    /// Sees to it that the lines outlast a power cut.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        self.file.sync_data().map_err(|e| refused(&self.path, "to keep its lines", &e))
    }
}
