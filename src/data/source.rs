//! Where samples come from: what is read, and what the files brought.

#[cfg(feature = "csv")]
use super::csv;
use super::{DataError, Dataset, Fractions, Schema, Split, cifar, digits, idx};
use std::path::PathBuf;

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

/// The name of a source, for programs that choose one at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spec {
    /// The embedded 8 x 8 digits.
    Digits,
    /// A folder of IDX files: see [`idx::read_folder`].
    Idx(PathBuf),
    /// A folder of CIFAR-10 files: see [`cifar::read_folder`].
    Cifar10(PathBuf),
    /// A table: see [`csv::read`].
    #[cfg(feature = "csv")]
    Csv {
        /// The file.
        path: PathBuf,
        /// How it is read.
        options: csv::Options,
    },
}

/// Reads what `spec` names.
///
/// # Errors
/// Those of the reader.
pub fn read(spec: &Spec) -> Result<Source, DataError> {
    match spec {
        Spec::Digits => digits::load().map(Source::from),
        Spec::Idx(folder) => idx::read_folder(folder),
        Spec::Cifar10(folder) => cifar::read_folder(folder),
        #[cfg(feature = "csv")]
        Spec::Csv { path, options } => csv::read(path, options),
    }
}

/// Reads what `spec` names for a model that is trained already: columns and classes are those of
/// `schema`, as [`Dataset::schema`] told them of the samples that it was trained on.
///
/// # Errors
/// Those of the reader, and if a column is missing or a sample is of none of the classes.
pub fn read_as(spec: &Spec, schema: &Schema) -> Result<Source, DataError> {
    match spec {
        Spec::Idx(folder) => idx::read_folder_as(folder, schema),
        #[cfg(feature = "csv")]
        Spec::Csv { path, options } => {
            let expected = Some(schema.clone());
            csv::read(path, &csv::Options { expected, ..options.clone() })
        }
        // Their classes are known beforehand.
        Spec::Digits | Spec::Cifar10(_) => read(spec),
    }
}
