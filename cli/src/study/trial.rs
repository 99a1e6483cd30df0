//! A trial: one training of a study, and the files in its folder.

use super::Method;
use crate::failure::Failure;
use crate::recipe::Recipe;
use crate::run::divergence::{self, Divergence};
use crate::run::folder::{RunFolder, expect_own};
use crate::run::summary::Summary;
use crate::system::file::{is_there, read_text};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A trial: a method at a strength with a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trial {
    pub(crate) method: Method,
    /// lambda, or the share that pruning keeps; 0 for `none`.
    pub(crate) strength: f32,
    pub(crate) seed: u64,
}

impl Trial {
    /// The name of its run folder.
    pub(crate) fn name(&self) -> String {
        let Trial { method, strength, seed } = self;
        match method.range() {
            Some(_) => format!("{method}-{strength:e}-{seed}"),
            None => format!("{method}-{seed}"),
        }
    }

    /// Its recipe.
    pub(crate) fn recipe(&self, base: &Recipe) -> Recipe {
        self.method.recipe(base, self.strength, self.seed)
    }

    /// The strength, where it has a meaning.
    pub(crate) fn lambda(&self) -> Option<f32> {
        self.method.range().map(|_| self.strength)
    }

    /// For people.
    pub(crate) fn description(&self) -> String {
        let strength = match (self.method, self.lambda()) {
            (_, None) => String::new(),
            (Method::Magnitude, Some(keep)) => format!(", {}", self.method.strength_text(keep)),
            (method, Some(lambda)) => format!(", lambda {}", method.strength_text(lambda)),
        };
        format!("{}{strength}, seed {}", self.method.label(), self.seed)
    }
}

/// The purpose of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// To choose a strength by.
    Choice,
    /// A row of the table: it is compacted, too.
    Result,
}

/// A wanted trial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) trial: Trial,
    pub(crate) role: Role,
    /// Whether its strength is the chosen one.
    pub(crate) chosen: bool,
}

/// The contents of the run folder of a finished trial.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Or why there is none: the training diverged.
    pub(crate) summary: Result<Summary, String>,
    /// None before it was tried.
    pub(crate) compact: Option<Compacted>,
}

/// The file of a finished training, beside those of its run.
pub(crate) const COMPACT: &str = "compact.json";

/// `compact.json`: the object of `compact --json`, or why there is none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Compacted {
    pub(crate) refused: Option<String>,
    /// The file of the dense network.
    model: String,
    before: Before,
    after: Option<After>,
    latency: Vec<Latency>,
}

/// Of the dense network; the summary has the same numbers.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Before {
    weights: u64,
    weights_nonzero: u64,
    macs: u64,
    macs_nonzero: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct After {
    bytes: u64,
    macs: u64,
    macs_nonzero: u64,
}

impl After {
    fn fits(&self, before: &Before) -> bool {
        self.macs_nonzero <= self.macs && self.macs <= before.macs
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Latency {
    batch: usize,
    before_seconds: f64,
    after_seconds: f64,
}

/// The batch size of the latency in the tables.
pub(crate) const BATCH: usize = 1;

impl Compacted {
    /// An error unless it is of the network of a folder.
    fn check(&self, path: &Path, folder: &Path, summary: &Summary) -> Result<(), Failure> {
        let model = self.model.trim_end_matches("model.safetensors").trim_end_matches(['/', '\\']);
        expect_own(path, "\"model\"", name(model), folder)?;
        if self.refused.is_some() {
            return Ok(());
        }
        let (expected, found) = (summary.counts, self.before);
        let pairs = [
            ("weights", expected.weights as u64, found.weights),
            ("weights_nonzero", expected.weights_kept as u64, found.weights_nonzero),
            ("macs", expected.macs, found.macs),
            ("macs_nonzero", expected.macs_nonzero, found.macs_nonzero),
        ];
        match pairs.into_iter().find(|(_, expected, found)| expected != found) {
            None if self.after.is_none_or(|after| after.fits(&self.before)) => Ok(()),
            None => Err(Failure::failed(format!(
                "{}: expected fewer multiply-accumulates after the compaction than before it, and fewer yet \
                 with a weight, found others; remove the file, and the network will be compacted again",
                path.display()
            ))),
            Some((name, expected, found)) => Err(Failure::failed(format!(
                "{}: \"{name}\" before: expected {expected} as in summary.json, found {found}; remove the \
                 file, and the network will be compacted again",
                path.display()
            ))),
        }
    }

    pub(crate) fn bytes(&self) -> Option<u64> {
        self.after.map(|after| after.bytes)
    }

    /// All, and those with a weight that is not zero.
    pub(crate) fn macs(&self) -> Option<[u64; 2]> {
        self.after.map(|after| [after.macs, after.macs_nonzero])
    }

    /// Seconds of the network as trained and as compacted.
    pub(crate) fn latency(&self) -> Option<[f64; 2]> {
        let one = self.latency.iter().find(|latency| latency.batch == BATCH);
        one.map(|one| [one.before_seconds, one.after_seconds])
    }
}

impl Finished {
    /// From a run folder, if its training is finished.
    pub(crate) fn read(folder: &Path) -> Result<Option<Finished>, Failure> {
        let summary = folder.join("summary.json");
        let summary = match is_there(&summary)? {
            true => Ok(own(&summary, folder)?),
            false => {
                let run = RunFolder::at(folder);
                let Some(Divergence { why, run: name }) = divergence::read(&run)? else {
                    return Ok(None);
                };
                expect_own(&run.diverged(), "line 2", &name, folder)?;
                Err(why)
            }
        };
        let path = folder.join(COMPACT);
        let compact: Option<Compacted> = is_there(&path)?.then(|| read_json(&path)).transpose()?;
        if let (Some(compact), Ok(summary)) = (&compact, &summary) {
            compact.check(&path, folder, summary)?;
        }
        Ok(Some(Finished { summary, compact }))
    }

    /// Whether nothing is left to do.
    pub(crate) fn serves(&self, role: Role) -> bool {
        self.summary.is_err() || role == Role::Choice || self.compact.is_some()
    }
}

/// The summary of the training in a folder. One of another run was put there by somebody.
fn own(path: &Path, folder: &Path) -> Result<Summary, Failure> {
    let summary: Summary = read_json(path)?;
    expect_own(path, "\"run\"", name(&summary.run), folder)?;
    Ok(summary)
}

/// The last part of a path of this or of another system.
fn name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, Failure> {
    serde_json::from_str(&read_text(path)?).map_err(|e| {
        Failure::failed(format!(
            "{}: expected what `proxtape` wrote there, found {e}; remove the folder of this \
             training, and it will run again",
            path.display()
        ))
    })
}
