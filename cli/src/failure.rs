//! The end of a command: exit codes and errors.

use crate::output::escape;
use core::fmt;
use proxtape::MemoryError;
use proxtape::checkpoint::FileError;
use proxtape::data::DataError;
use proxtape::nn::ModelError;
use proxtape::train::TrainError;

/// The end of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything is done.
    Done,
    /// Stopped by this signal, or as if by it, with its state saved.
    Interrupted(i32),
}

/// The exit status of a process that a signal has ended.
pub(crate) fn status(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(1)
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for what cannot be.
    Usage(String),
    /// Something went wrong.
    Failed(String),
    /// This signal asked for an end; work was given up, and a resumed command does it again.
    Interrupted(i32),
}

impl Ending {
    pub(crate) fn code(self) -> u8 {
        match self {
            Ending::Done => 0,
            Ending::Interrupted(signal) => status(signal),
        }
    }
}

impl Failure {
    /// A message of one line, whatever the names in it hold.
    pub(crate) fn failed(what: impl fmt::Display) -> Failure {
        Failure::Failed(escape::line(what))
    }

    pub(crate) fn usage(what: impl fmt::Display) -> Failure {
        Failure::Usage(escape::line(what))
    }

    /// With a line under it.
    pub(crate) fn under(mut self, line: impl fmt::Display) -> Failure {
        if let Failure::Failed(text) | Failure::Usage(text) = &mut self {
            text.push('\n');
            text.push_str(&escape::line(line));
        }
        self
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Interrupted(signal) => status(*signal),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(what) => write!(f, "{what}\n\nFor more information, try '--help'."),
            Failure::Failed(what) => f.write_str(what),
            Failure::Interrupted(_) => f.write_str("ended by a signal"),
        }
    }
}

impl From<FileError> for Failure {
    fn from(e: FileError) -> Failure {
        Failure::failed(e)
    }
}

impl From<DataError> for Failure {
    fn from(e: DataError) -> Failure {
        Failure::failed(e)
    }
}

impl From<MemoryError> for Failure {
    fn from(e: MemoryError) -> Failure {
        Failure::failed(e)
    }
}

impl From<ModelError> for Failure {
    fn from(e: ModelError) -> Failure {
        Failure::failed(e)
    }
}

impl From<TrainError> for Failure {
    fn from(e: TrainError) -> Failure {
        Failure::failed(e)
    }
}
