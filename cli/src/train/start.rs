//! Where a training starts: at the beginning in a new folder, or where a run was saved.

use super::certificates::Certified;
use super::clock::Clock;
use crate::failure::Failure;
use crate::run_folder::{RunFolder, write_text};
use crate::voice::Voice;
use proxtape::checkpoint::{self, Checkpoint};
use proxtape::train::Trainer;
use std::path::Path;

/// Where a training starts.
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

/// What a state must have in common with the training that goes on from it.
pub(super) struct Mark {
    pub(super) recipe: String,
    pub(super) samples: String,
    pub(super) isa: &'static str,
}

impl Mark {
    pub(super) fn note(&self, state: &mut Checkpoint) {
        state.note("run.recipe", &self.recipe);
        state.note("run.samples", &self.samples);
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
        (mark, voice): (&Mark, Voice),
    ) -> Result<Start, Failure> {
        let path = folder.state();
        let state = checkpoint::read_sealed(&path)?;
        let found = |key: &str| state.texts.get(key).map_or("nothing", String::as_str);
        if found("run.recipe") != mark.recipe {
            return Err(Failure::failed(format!(
                "{}: expected the recipe that the run was started with, found another; undo the change, \
                 or start a new run from it by `proxtape train {0}`",
                folder.recipe().display()
            )));
        }
        if found("run.samples") != mark.samples {
            return Err(Failure::failed(format!(
                "{}: expected {} training, validation and test samples, found {}; the data has changed \
                 since the run was started",
                path.display(),
                found("run.samples"),
                mark.samples
            )));
        }
        if found("run.isa") != mark.isa {
            voice.say(format_args!(
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
        let certificates = Certified::restore(&state).map_err(|e| failed(&e))?;
        Ok(Start { folder, clock, epochs, eta, certificates })
    }
}
