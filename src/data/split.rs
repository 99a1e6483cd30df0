//! Cutting a dataset in training, validation and test parts, each with its share of every class.
//!
//! The members of each class are shuffled and laid end to end, class after class; a part of share `f`
//! takes the place `p` when `floor(f (p + 1) + 1/2) > floor(f p + 1/2)`. This takes `round(f n)` samples
//! in all, and from each class its share, give or take one.

use super::{DataError, Place};
use crate::random::Random;

/// The streams of the seed that splits use (those of batches lie at 2 << 32).
const STREAM: u64 = 1 << 32;

/// The shares of the samples to set aside; the rest trains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fractions {
    /// For validation, `0 <= validation`.
    pub validation: f64,
    /// For the test, `0 <= test`. A source that brings a test set keeps that one, whatever stands here.
    pub test: f64,
}

/// Lists of sample indices, each ascending. No sample is in two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// For training and for the statistics of [`Normalization`](super::Normalization).
    pub train: Vec<u32>,
    /// For choices: early stopping, the strength of a regulariser.
    pub validation: Vec<u32>,
    /// For the final number only.
    pub test: Vec<u32>,
}

impl Split {
    /// Splits samples by their labels. The same labels, fractions and seed give the same split.
    ///
    /// # Errors
    /// If the fractions are negative or leave nothing for training, or a part that was asked for gets
    /// no sample.
    ///
    /// ```
    /// use proxtape::data::{Fractions, Split};
    /// let labels = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1];
    /// let split = Split::stratified(&labels, Fractions { validation: 0.2, test: 0.2 }, 3)?;
    /// assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (6, 2, 2));
    /// # Ok::<(), proxtape::data::DataError>(())
    /// ```
    pub fn stratified(labels: &[u32], fractions: Fractions, seed: u64) -> Result<Self, DataError> {
        let Fractions { validation, test } = fractions;
        // Written so that NaN fails too.
        if !(validation >= 0.0 && test >= 0.0 && validation + test < 1.0) {
            let expected = "shares of 0 or more that leave a part for training";
            let found = format!("{validation} for validation and {test} for the test");
            let advice = "use 0.1 and 0.2, for instance";
            return Err(DataError::new(Place::Argument("fractions"), expected, found, advice));
        }
        let Ok(n) = u32::try_from(labels.len()) else {
            let expected = "at most 2^32 - 1 samples";
            let found = labels.len().to_string();
            let advice = "use fewer samples";
            return Err(DataError::new(Place::Argument("labels"), expected, found, advice));
        };
        let mut order: Vec<u32> = (0..n).collect();
        let label = |&index: &u32| labels[index as usize];
        order.sort_by_key(label); // Stable, so within a class by index.
        let mut random = Random::stream(seed, STREAM);
        for class in order.chunk_by_mut(|a, b| label(a) == label(b)) {
            random.shuffle(class);
        }
        let (mut test_part, rest) = take(order, test);
        let (mut validation_part, mut train) = take(rest, validation / (1.0 - test));
        for part in [&mut train, &mut validation_part, &mut test_part] {
            part.sort_unstable();
        }
        let parts = [
            ("train", 1.0, &train),
            ("validation", validation, &validation_part),
            ("test", test, &test_part),
        ];
        for (name, share, part) in parts {
            if share > 0.0 && part.is_empty() {
                let found = format!("none of {n} samples");
                let advice = "use more samples, a larger share, or a share of 0";
                return Err(DataError::new(Place::Argument(name), "a sample", found, advice));
            }
        }
        Ok(Self { train, validation: validation_part, test: test_part })
    }
}

/// The places of `order` that a part of `share` takes, and the others.
fn take(order: Vec<u32>, share: f64) -> (Vec<u32>, Vec<u32>) {
    let before = |place: usize| (share * place as f64 + 0.5).floor();
    let takes = |place: usize| before(place + 1) > before(place);
    let (mut part, mut rest) = (Vec::new(), Vec::new());
    for (place, index) in order.into_iter().enumerate() {
        if takes(place) { part.push(index) } else { rest.push(index) }
    }
    (part, rest)
}
