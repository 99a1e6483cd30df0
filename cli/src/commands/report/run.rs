//! A run as its folder and its data have it.

use super::decisions::Decisions;
use crate::failure::Failure;
use crate::output::terminal::Terminal;
use crate::run::counts::Counted;
use crate::run::divergence::{self, Divergence};
use crate::run::evaluate::evaluate;
use crate::run::folder::{self, RunFolder};
use crate::run::metrics::{self, Line};
use crate::run::model_data;
use crate::run::model_file::Trained;
use crate::run::samples::Samples;
use crate::run::summary::Summary;
use crate::system::file::{is_there, read_text, refused};
use proxtape::Exec;
use proxtape::checkpoint;
use proxtape::train::Evaluation;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A run, from its files.
pub(super) struct Run {
    pub(super) folder: RunFolder,
    /// The model file and its size.
    pub(super) model: PathBuf,
    pub(super) bytes: u64,
    pub(super) trained: Trained,
    pub(super) counted: Counted,
    /// The epochs, as far as they were noted.
    pub(super) lines: Vec<Line>,
    /// The state, where there is one.
    pub(super) state: Option<State>,
    /// The summary, where the training has come to its end.
    pub(super) summary: Option<Summary>,
    /// The reason why it will not come to one.
    pub(super) diverged: Option<String>,
}

/// The part of a state that the report shows.
pub(super) struct State {
    /// Those that are over.
    pub(super) epochs: u32,
    pub(super) done: bool,
    pub(super) seconds: f64,
    pub(super) isa: Option<String>,
}

/// Measurements of the network on the data of its run.
pub(super) struct Measured {
    pub(super) samples: Samples,
    pub(super) validation: Evaluation,
    pub(super) test: Evaluation,
    pub(super) decisions: Decisions,
}

impl Run {
    /// Reads the folder of a run; only the model must be there.
    pub(super) fn read(folder: &Path) -> Result<Run, Failure> {
        let folder = RunFolder::at(folder);
        let model = folder.model();
        if !is_there(&model)? {
            return Err(Failure::failed(format!(
                "{}: expected the folder of a run, with model.safetensors, or of a comparison, with \
                 compare.json; found neither",
                folder.path().display()
            )));
        }
        let bytes = std::fs::metadata(&model).map_err(|e| refused(&model, "a file", &e))?.len();
        let trained = Trained::read(&model)?;
        let counted = Counted::of(&trained)?;
        // A training that runs adds a line before it saves the state that has seen its epoch.
        let state = State::read(&folder.state())?;
        let lines = metrics::read(&folder.metrics())?;
        let (summary, diverged) = (None, None);
        let mut run =
            Run { folder, model, bytes, trained, counted, lines, state, summary, diverged };
        run.summary = run.read_summary()?;
        metrics::expect_end(&run.folder.metrics(), &run.lines, run.least_epochs())?;
        Ok(run)
    }

    /// The epochs that are over, by the state or the summary: patience may end a training before
    /// its last one.
    fn least_epochs(&self) -> u32 {
        let epochs = match (&self.state, &self.summary) {
            (Some(state), _) => Some(state.epochs),
            (None, Some(summary)) if self.trained.recipe.train.patience.is_none() => {
                Some(summary.epochs)
            }
            _ => None,
        };
        epochs.unwrap_or(0)
    }

    /// The epochs that are over.
    pub(super) fn epochs(&self) -> u32 {
        self.lines.last().map_or(0, |line| line.epoch).max(self.least_epochs())
    }

    /// Takes the reason in diverged.txt, if it can be of this training: a resumed one removes the file.
    pub(super) fn read_divergence(&mut self, terminal: Terminal) -> Result<(), Failure> {
        let Some(Divergence { why, run }) = divergence::read(&self.folder)? else { return Ok(()) };
        let path = self.folder.diverged();
        if let Err(failure) = folder::expect_own(&path, "line 2", &run, self.folder.path()) {
            terminal.say(format_args!("note: the report is without {failure}"));
        } else if self.is_done() {
            terminal.say(format_args!(
                "note: {}: the training came to its end, so the report is without this file; remove it",
                path.display()
            ));
        } else {
            self.diverged = Some(why);
        }
        Ok(())
    }

    /// The name of each class.
    pub(super) fn class_names(&self) -> Vec<String> {
        match &self.trained.class_names[..] {
            [] => (0..self.trained.classes).map(|class| class.to_string()).collect(),
            names => names.to_vec(),
        }
    }

    /// summary.json, and its certificates to the counts of the layers.
    fn read_summary(&mut self) -> Result<Option<Summary>, Failure> {
        let path = self.folder.summary();
        if !is_there(&path)? {
            return Ok(None);
        }
        let summary: Summary = serde_json::from_str(&read_text(&path)?).map_err(|e| {
            let expected = "the object of `train --json`";
            Failure::failed(format!("{}: expected {expected}; found {e}", path.display()))
        })?;
        let summarised: HashMap<_, _> = summary.layers.iter().map(|l| (&l.name, l)).collect();
        for layer in &mut self.counted.layers {
            if let Some(last) = summarised.get(&layer.name) {
                layer.prox_residual = last.prox_residual;
                layer.stationarity = last.stationarity;
            }
        }
        Ok(Some(summary))
    }

    /// Whether the training came to its end.
    pub(super) fn is_done(&self) -> bool {
        let epochs = self.trained.recipe.train.epochs.get();
        self.summary.is_some()
            || self.state.as_ref().is_some_and(|state| state.done)
            || self.lines.last().is_some_and(|line| line.epoch >= epochs)
    }

    pub(super) fn measure(&self, exec: Exec, terminal: Terminal) -> Result<Measured, Failure> {
        let samples = model_data::own(&self.model, &self.trained, None, terminal)?;
        let [validation, test] = evaluate(exec, &self.model, &self.trained, &samples)?;
        let decisions = Decisions::of(exec, &self.trained, &samples)?;
        Ok(Measured { samples, validation, test, decisions })
    }
}

impl State {
    fn read(path: &Path) -> Result<Option<State>, Failure> {
        if !is_there(path)? {
            return Ok(None);
        }
        let state = checkpoint::read_sealed(path)?;
        let failed = |e| Failure::failed(format!("{}: {e}", path.display()));
        Ok(Some(State {
            epochs: state.number("epoch").map_err(failed)?,
            done: state.number::<u8>("done").map_err(failed)? != 0,
            seconds: state.number("run.seconds").map_err(failed)?,
            isa: state.texts.get("run.isa").cloned(),
        }))
    }
}
