//! Readers by name: one door to all of them.

#[cfg(feature = "csv")]
use super::csv;
use super::{DataError, Schema, Source, cifar, digits, idx};
use std::path::PathBuf;

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
/// `schema`, as [`Dataset::schema`](super::Dataset::schema) gave them for the samples that it was trained on.
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
