//! The one error of all readers and writers: where, what was expected, what was found, what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be read, written or used. `P` says where in it: a byte of a file, a cell of
/// a table, a tensor of a model.
///
/// It prints as `FILE: PLACE: expected .., found ..; ADVICE` on one line. [`DataError`] and `FileError`
/// of [`checkpoint`] are of this type. Where the system refused, [`source`](std::error::Error::source)
/// is its error, whose text stands in `found`.
///
/// [`DataError`]: crate::data::DataError
/// [`checkpoint`]: crate::checkpoint
#[derive(Debug)]
pub struct ReadError<P>(Box<Details<P>>);

/// Boxed, so that a `Result` which is nearly always `Ok` stays small.
#[derive(Debug)]
struct Details<P> {
    file: Option<PathBuf>,
    place: P,
    expected: String,
    found: String,
    advice: String,
    source: Option<io::Error>,
}

impl<P> ReadError<P> {
    pub(crate) fn new(
        place: P,
        expected: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> ReadError<P> {
        ReadError(Box::new(Details {
            file: None,
            place,
            expected: expected.into(),
            found: found.into(),
            advice: advice.into(),
            source: None,
        }))
    }

    pub(crate) fn in_file(mut self, path: &Path) -> ReadError<P> {
        self.0.file = Some(path.to_path_buf());
        self
    }

    pub(crate) fn caused_by(mut self, source: io::Error) -> ReadError<P> {
        self.0.source = Some(source);
        self
    }

    /// The file, where there is one.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The place in it.
    pub fn place(&self) -> P
    where
        P: Clone,
    {
        self.0.place.clone()
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

impl<P: fmt::Display> fmt::Display for ReadError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { file, place, expected, found, advice, .. } = &*self.0;
        if let Some(file) = file {
            write!(f, "{}: ", file.display())?;
        }
        // The whole has no name.
        let place = place.to_string();
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        write!(f, "expected {expected}, found {found}; {advice}")
    }
}

impl<P: fmt::Debug + fmt::Display> std::error::Error for ReadError<P> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
