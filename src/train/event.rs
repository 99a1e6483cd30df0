//! What happened between two looks at a training.

use super::{Evaluation, Stage};

/// What [`Trainer::advance`](super::Trainer::advance) did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// One optimiser step.
    Step(Step),
    /// The last step of an epoch was taken before, and the validation part was evaluated.
    Epoch(Epoch),
    /// All epochs are done, or patience has run out.
    Done,
}

/// One optimiser step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The epoch, from 0.
    pub epoch: u32,
    /// The step within the epoch, from 0.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// The samples whose mean gradient it took.
    pub samples: usize,
    /// The mean loss of the batch, penalty not counted.
    pub loss: f64,
    /// The step size.
    pub eta: f32,
    /// The strength of the penalty, where no layer has its own; 0 in a refit.
    pub lambda: f32,
}

/// One epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// The epoch, from 0.
    pub epoch: u32,
    /// What it did.
    pub stage: Stage,
    /// The mean training loss over the epoch's steps, penalty not counted.
    pub loss: f64,
    /// The share of training samples that were right when they were seen.
    pub accuracy: f64,
    /// The validation part, or `None` if there is none.
    pub validation: Option<Evaluation>,
    /// Whether this is the best epoch so far by validation loss.
    pub best: bool,
}
