//! Samples as a reader gives them: a training set, and the test set that the files brought.

use super::{DataError, Dataset, Fractions, Split};

/// What a reader gives: a training set and, where the files bring one, a test set of the same shape
/// and classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// All samples but those of the test set.
    pub train: Dataset,
    /// The test set that came with the data.
    pub test: Option<Dataset>,
    /// What the reader decided, and what looks odd: for people, a line each.
    pub notes: Vec<String>,
}

impl From<Dataset> for Source {
    fn from(train: Dataset) -> Self {
        Self { train, test: None, notes: Vec::new() }
    }
}

impl Source {
    /// Splits the samples. A test set that came with the data stays whole; else the test part is cut
    /// from the training set. Either way `test` indexes [`Source::test_set`], and `train` and
    /// `validation` index [`Source::train`].
    ///
    /// # Errors
    /// As [`Split::stratified`].
    pub fn split(&self, fractions: Fractions, seed: u64) -> Result<Split, DataError> {
        let Some(test) = &self.test else {
            return Split::stratified(self.train.labels(), fractions, seed);
        };
        let fractions = Fractions { test: 0.0, ..fractions };
        let split = Split::stratified(self.train.labels(), fractions, seed)?;
        // A dataset has at most 2^32 - 1 samples.
        Ok(Split { test: (0..test.len() as u32).collect(), ..split })
    }

    /// The dataset that [`Split::test`] indexes.
    pub fn test_set(&self) -> &Dataset {
        self.test.as_ref().unwrap_or(&self.train)
    }
}
