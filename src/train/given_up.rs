//! A long step that is given up: the training is as it was before it.
//!
//! A step of `settle` walks over all samples. The weights move at its very end, but on the way each
//! batch draws random numbers, counts, and moves running statistics: these are put back.

use super::{Progress, Trainer};
use crate::random::Random;

/// What the batches of a step change before its end, but for running statistics.
pub(super) struct Before {
    progress: Progress,
    augmentation: Random,
    dropout: Random,
}

impl Trainer<'_> {
    /// Notes what the batches of a step will change.
    pub(super) fn note_before(&mut self) -> Before {
        self.running.clear();
        self.running.extend_from_slice(self.network.params.running());
        Before {
            progress: self.progress,
            augmentation: self.augmentation.clone(),
            dropout: self.graph.tape.random().clone(),
        }
    }

    /// Puts it back.
    pub(super) fn give_up(&mut self, before: Before) {
        let Before { progress, augmentation, dropout } = before;
        self.network.params.running_mut().copy_from_slice(&self.running);
        self.progress = progress;
        self.augmentation = augmentation;
        *self.graph.tape.random_mut() = dropout;
    }
}
