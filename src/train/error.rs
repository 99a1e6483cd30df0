//! Why a training cannot start or go on.

use crate::checkpoint::CheckpointError;
use crate::data::DataError;
use crate::memory::MemoryError;
use crate::optim::{PenaltyError, StateError};
use core::fmt;

/// Why a training cannot start or go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainError {
    /// The configuration does not fit the model or the data.
    Config(String),
    /// The penalty does not fit the model.
    Penalty(PenaltyError),
    /// The data cannot be split or augmented as the configuration says.
    Data(DataError),
    /// The loss is not a finite number; the parameters are those of the last good epoch.
    Loss {
        /// The epoch, from 0.
        epoch: u32,
        /// The step within the epoch, from 0.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// A weight is not a number; the parameters are those of the last good epoch.
    Weights {
        /// The epoch, from 0.
        epoch: u32,
        /// The step within the epoch, from 0.
        step: usize,
    },
    /// There is less memory than the training takes.
    Memory(MemoryError),
    /// A saved state does not belong to this training.
    State(String),
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrainError::Config(what) => f.write_str(what),
            TrainError::Penalty(e) => e.fmt(f),
            TrainError::Data(e) => e.fmt(f),
            TrainError::Loss { epoch, step, loss } => write!(
                f,
                "the loss became {loss} in epoch {}, step {}; lower the step size or clip the \
                 gradient",
                epoch + 1,
                step + 1
            ),
            TrainError::Weights { epoch, step } => write!(
                f,
                "a weight became not a number in epoch {}, step {}; lower the step size or clip \
                 the gradient",
                epoch + 1,
                step + 1
            ),
            TrainError::Memory(e) => e.fmt(f),
            TrainError::State(what) => f.write_str(what),
        }
    }
}

/// The variants that hold an error print it and nothing else, so `source` is that error's: a chain of
/// causes names each once.
impl std::error::Error for TrainError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TrainError::Penalty(e) => e.source(),
            TrainError::Data(e) => e.source(),
            TrainError::Memory(e) => e.source(),
            TrainError::Config(_)
            | TrainError::Loss { .. }
            | TrainError::Weights { .. }
            | TrainError::State(_) => None,
        }
    }
}

impl From<PenaltyError> for TrainError {
    fn from(e: PenaltyError) -> TrainError {
        TrainError::Penalty(e)
    }
}

impl From<DataError> for TrainError {
    fn from(e: DataError) -> TrainError {
        TrainError::Data(e)
    }
}

impl From<MemoryError> for TrainError {
    fn from(e: MemoryError) -> TrainError {
        TrainError::Memory(e)
    }
}

impl From<StateError> for TrainError {
    fn from(e: StateError) -> TrainError {
        TrainError::State(e.to_string())
    }
}

impl From<CheckpointError> for TrainError {
    fn from(e: CheckpointError) -> TrainError {
        TrainError::State(format!("the saved state does not fit this training: {e}"))
    }
}
