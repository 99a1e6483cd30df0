//! The order of an epoch, cut in batches.
//!
//! Epoch `e` of seed `s` is the shuffle of the training indices by the stream `(s, 2 << 32 | e)`. It
//! depends on no earlier epoch, so a run that is resumed at epoch 70 does not replay 69 others.

use super::{DataError, Place};
use crate::random::Random;

/// The streams of the seed that epochs use, one each (that of the split is 1 << 32).
const STREAM: u64 = 2 << 32;

/// What happens to the samples that do not fill a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastBatch {
    /// They make a short batch.
    Keep,
    /// They are left out of this epoch (and others in the next), so that all batches have one size.
    Drop,
}

/// The batches of one epoch after the other. Only [`Batches::new`] allocates.
///
/// ```
/// use proxtape::data::{Batches, LastBatch};
/// let mut batches = Batches::new(&[3, 5, 7, 9, 11], 2, LastBatch::Keep, 1)?;
/// assert_eq!(batches.steps(), 3);
/// batches.start_epoch(4);
/// let fourth: Vec<u32> = batches.iter().flatten().copied().collect();
/// batches.start_epoch(0);
/// batches.start_epoch(4);
/// assert!(batches.iter().flatten().eq(&fourth));
/// # Ok::<(), proxtape::data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    indices: Vec<u32>,
    order: Vec<u32>,
    size: usize,
    last: LastBatch,
    seed: u64,
    epoch: u32,
}

impl Batches {
    /// Batches of `size` from `indices`, at the start of epoch 0.
    ///
    /// # Errors
    /// If `size` is 0, or there is no batch in an epoch.
    pub fn new(
        indices: &[u32],
        size: usize,
        last: LastBatch,
        seed: u64,
    ) -> Result<Self, DataError> {
        let least = match last {
            LastBatch::Keep => 1,
            LastBatch::Drop => size,
        };
        if size == 0 || indices.len() < least || u32::try_from(indices.len()).is_err() {
            let place = Place::Argument("batch size");
            let expected = "samples for at least one batch, and a size of 1 or more";
            let found = format!("{} samples and a size of {size}", indices.len());
            let advice = "use a smaller batch or more samples";
            return Err(DataError::new(place, expected, found, advice));
        }
        let (order, indices) = (indices.to_vec(), indices.to_vec());
        let mut batches = Self { indices, order, size, last, seed, epoch: 0 };
        batches.start_epoch(0);
        Ok(batches)
    }

    /// Goes to the start of `epoch`, in whatever order epochs come.
    pub fn start_epoch(&mut self, epoch: u32) {
        self.epoch = epoch;
        self.order.copy_from_slice(&self.indices);
        Random::stream(self.seed, STREAM | u64::from(epoch)).shuffle(&mut self.order);
    }

    /// The epoch whose batches these are.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The number of batches of an epoch, at least 1.
    pub fn steps(&self) -> usize {
        match self.last {
            LastBatch::Keep => self.order.len().div_ceil(self.size),
            LastBatch::Drop => self.order.len() / self.size,
        }
    }

    /// The indices of one batch.
    ///
    /// # Panics
    /// If `step` is not below [`Batches::steps`].
    #[track_caller]
    pub fn batch(&self, step: usize) -> &[u32] {
        assert!(step < self.steps(), "batch: step is {step}, an epoch has {} steps", self.steps());
        let start = step * self.size;
        &self.order[start..self.order.len().min(start + self.size)]
    }

    /// All batches of the epoch, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        (0..self.steps()).map(|step| self.batch(step))
    }
}
