//! The start of a training: new in a new folder, or from the saved state of a run.

use super::certificates::Certified;
use super::clock::Clock;
use crate::failure::Failure;
use crate::output::shell;
use crate::output::terminal::Terminal;
use crate::recipe;
use crate::run::folder::RunFolder;
use crate::run::origin::{Origin, changed};
use crate::system::draft::write_text;
use proxtape::checkpoint::{self, Checkpoint};
use proxtape::train::Trainer;
use std::path::Path;

/// The start of a training.
pub(super) struct Start {
    pub(super) folder: RunFolder,
    pub(super) clock: Clock,
    /// The epochs that are over.
    pub(super) epochs: u32,
    /// The last step size.
    pub(super) eta: f32,
    /// Those from before a refit.
    pub(super) certificates: Certified,
}

/// The facts that a state shares with the training that resumes it.
pub(super) struct Mark {
    pub(super) recipe: String,
    pub(super) origin: Origin,
    /// Where it was read from.
    pub(super) source: String,
    pub(super) isa: &'static str,
}

impl Mark {
    /// How many samples each part has.
    fn samples(&self) -> String {
        let Origin { training, validation, test, .. } = &self.origin;
        format!("{training} + {validation} + {test}")
    }

    /// An error unless a state belongs to these samples; they may lie elsewhere than they did.
    fn expect_data(
        &self,
        path: &Path,
        state: &Checkpoint,
        terminal: Terminal,
    ) -> Result<(), Failure> {
        let of = format!("{}, which the run was started with", path.display());
        let Some(text) = state.texts.get("run.data") else {
            let found = self.samples();
            let expected = state.texts.get("run.samples").map_or("nothing", String::as_str);
            if expected != found {
                return Err(changed(&self.source, &of, [expected, &found]));
            }
            terminal.say(format_args!(
                "note: {}: the state keeps no hash of its data, so whether {} still holds it is not \
                 known",
                path.display(),
                self.source
            ));
            return Ok(());
        };
        let origin: Origin = serde_json::from_str(text)
            .map_err(|e| Failure::failed(format!("{}: \"run.data\": {e}", path.display())))?;
        origin.expect(&self.origin, &self.source, &of)
    }

    pub(super) fn note(&self, state: &mut Checkpoint) {
        state.note("run.recipe", &self.recipe);
        state.note("run.samples", self.samples());
        // Names and numbers are plain data.
        state.note("run.data", serde_json::to_string(&self.origin).unwrap_or_default());
        state.note("run.isa", self.isa);
    }
}

impl Start {
    /// A new run, with its recipe in its folder.
    pub(super) fn fresh(out: Option<&Path>, name: &str, mark: &Mark) -> Result<Start, Failure> {
        let folder = RunFolder::create(out, name)?;
        write_text(&folder.recipe(), &mark.recipe)?;
        Ok(Start::at_the_beginning(folder))
    }

    /// A run that was begun and never saved: its recipe alone is there.
    pub(super) fn at_the_beginning(folder: RunFolder) -> Start {
        Start {
            folder,
            clock: Clock::default(),
            epochs: 0,
            eta: 0.0,
            certificates: Certified::NotYet,
        }
    }

    /// Puts a training back to where the run in a folder was saved.
    pub(super) fn resume(
        folder: RunFolder,
        trainer: &mut Trainer<'_>,
        mark: &Mark,
        terminal: Terminal,
    ) -> Result<Start, Failure> {
        let path = folder.state();
        let state = checkpoint::read_sealed(&path)?;
        let found = |key: &str| state.texts.get(key).map_or("nothing", String::as_str);
        if !recipe::is_same(found("run.recipe"), &mark.recipe) {
            return Err(Failure::failed(format!(
                "{}: expected the recipe that the run was started with, found another; undo the change, \
                 or start a new run from it by `proxtape train {}`",
                folder.recipe().display(),
                shell::word(&folder.recipe())
            )));
        }
        mark.expect_data(&path, &state, terminal)?;
        if found("run.isa") != mark.isa {
            terminal.say(format_args!(
                "note: the run was started with {} and goes on with {}, so its bits will differ from \
                 those of an unbroken run",
                found("run.isa"),
                mark.isa
            ));
        }
        let failed =
            |e: &dyn core::fmt::Display| Failure::failed(format!("{}: {e}", path.display()));
        trainer.restore(&state).map_err(|e| failed(&e))?;
        let clock = Clock::restore(&state).map_err(|e| failed(&e))?;
        let epochs = state.number("epoch").map_err(|e| failed(&e))?;
        let eta = state.number("run.eta").map(f32::from_bits).map_err(|e| failed(&e))?;
        let certificates = Certified::restore(&state, trainer.model().weights().len());
        let certificates = certificates.map_err(|e| failed(&e))?;
        Ok(Start { folder, clock, epochs, eta, certificates })
    }
}
