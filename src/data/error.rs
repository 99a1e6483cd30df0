//! The one error of the readers: where, what was expected, what was found, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why data could not be read or used.
///
/// It prints as `FILE: PLACE: expected .., found ..; ADVICE` on one line:
///
/// ```
/// let error = proxtape::data::idx::read_folder("no/such/folder").unwrap_err();
/// assert!(error.to_string().starts_with("no/such/folder: expected a folder with"));
/// ```
#[derive(Debug)]
pub struct DataError(Box<Details>);

/// Boxed, so that a `Result` which is nearly always `Ok` stays small.
#[derive(Debug)]
struct Details {
    file: Option<PathBuf>,
    place: Place,
    expected: String,
    found: String,
    advice: String,
    source: Option<io::Error>,
}

/// Where in a file, or in a program's own data, an error lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The file as a whole.
    Whole,
    /// A byte offset, counted from 0. In a compressed file it counts the decompressed bytes.
    Byte(u64),
    /// A line of a text file, counted from 1.
    Line(u64),
    /// A cell of a table, both counted from 1.
    Cell {
        /// The line on which the record of the cell starts.
        line: u64,
        /// The column, counted in cells.
        column: u64,
    },
    /// A sample of a dataset, counted from 0.
    Sample(usize),
    /// A setting of the caller.
    Argument(&'static str),
}

impl DataError {
    pub(crate) fn new(
        place: Place,
        expected: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self(Box::new(Details {
            file: None,
            place,
            expected: expected.into(),
            found: found.into(),
            advice: advice.into(),
            source: None,
        }))
    }

    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.0.file = Some(path.to_path_buf());
        self
    }

    pub(crate) fn caused_by(mut self, source: io::Error) -> Self {
        self.0.source = Some(source);
        self
    }

    /// The file, if the data came from one.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The place in the file.
    pub fn place(&self) -> Place {
        self.0.place
    }

    /// What would have fitted.
    pub fn expected(&self) -> &str {
        &self.0.expected
    }

    /// What was there.
    pub fn found(&self) -> &str {
        &self.0.found
    }

    /// What to do about it.
    pub fn advice(&self) -> &str {
        &self.0.advice
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { file, place, expected, found, advice, .. } = &*self.0;
        if let Some(file) = file {
            write!(f, "{}: ", file.display())?;
        }
        match place {
            Place::Whole => {}
            Place::Byte(at) => write!(f, "byte {at}: ")?,
            Place::Line(line) => write!(f, "line {line}: ")?,
            Place::Cell { line, column } => write!(f, "line {line}, column {column}: ")?,
            Place::Sample(index) => write!(f, "sample {index}: ")?,
            Place::Argument(name) => write!(f, "{name}: ")?,
        }
        write!(f, "expected {expected}, found {found}; {advice}")
    }
}

impl std::error::Error for DataError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
