//! A file on its way to its name: written beside it, maybe verified there, and then renamed. It is removed where
//! it is dropped before, where a signal ends the process, and, where that was killed, by the next process that
//! writes into the folder.

use crate::failure::Failure;
use crate::system::interrupt::Removal;
use proxtape::checkpoint::{Checkpoint, Replacement};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

#[derive(Debug)]
pub(crate) struct Draft {
    file: Replacement,
    removal: Removal,
}

impl Draft {
    /// Begins a file that will have this name.
    pub(crate) fn of(target: &Path) -> Result<Draft, Failure> {
        let file = Replacement::of(target)?;
        let removal = Removal::of(file.path());
        Ok(Draft { file, removal })
    }

    /// Where it is until it is kept.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn fill(
        &mut self,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), Failure> {
        Ok(self.file.fill(write)?)
    }

    pub(crate) fn fill_with(&mut self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        Ok(self.file.fill_with(checkpoint)?)
    }

    /// Gives the file its name.
    pub(crate) fn keep(self) -> Result<(), Failure> {
        let Draft { file, removal } = self;
        file.keep()?;
        drop(removal);
        Ok(())
    }
}

/// Writes a checkpoint, at once or not at all.
pub(crate) fn write(path: &Path, checkpoint: &Checkpoint) -> Result<(), Failure> {
    let mut draft = Draft::of(path)?;
    draft.fill_with(checkpoint)?;
    draft.keep()
}

/// Writes a text file, at once or not at all.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    let mut draft = Draft::of(path)?;
    draft.fill(|file| file.write_all(text.as_bytes()))?;
    draft.keep()
}
