//! Why a file could not be read or written: where, what was expected, what was found, what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file could not be read or written.
///
/// It prints as `FILE: PLACE: expected .., found ..; ADVICE` on one line:
///
/// ```
/// use proxtape::checkpoint;
/// let error = checkpoint::read("no/such/file".as_ref()).unwrap_err();
/// assert!(error.to_string().starts_with("no/such/file: expected a safetensors file, found"));
/// ```
#[derive(Debug)]
pub struct FileError(Box<Details>);

/// Boxed, so that a `Result` which is nearly always `Ok` stays small.
#[derive(Debug)]
struct Details {
    file: PathBuf,
    place: Place,
    expected: String,
    found: String,
    advice: String,
    source: Option<io::Error>,
}

/// Where in a file an error lies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The file as a whole.
    Whole,
    /// A byte, counted from 0.
    Byte(u64),
    /// The tensor of a name.
    Tensor(String),
}

impl FileError {
    pub(super) fn new(
        place: Place,
        expected: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> FileError {
        FileError(Box::new(Details {
            file: PathBuf::new(),
            place,
            expected: expected.into(),
            found: found.into(),
            advice: advice.into(),
            source: None,
        }))
    }

    /// The system refused what was asked of it.
    pub(super) fn refused(expected: &str, error: io::Error, advice: &str) -> FileError {
        let mut refused = FileError::new(Place::Whole, expected, error.to_string(), advice);
        refused.0.source = Some(error);
        refused
    }

    pub(super) fn in_file(mut self, path: &Path) -> FileError {
        self.0.file = path.to_path_buf();
        self
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.0.file
    }

    /// The place in the file.
    pub fn place(&self) -> &Place {
        &self.0.place
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

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { file, place, expected, found, advice, .. } = &*self.0;
        write!(f, "{}: ", file.display())?;
        match place {
            Place::Whole => {}
            Place::Byte(at) => write!(f, "byte {at}: ")?,
            Place::Tensor(name) => write!(f, "tensor {}: ", quoted(name))?,
        }
        write!(f, "expected {expected}, found {found}; {advice}")
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

/// A name from a file, fit to print: on one line and not too long.
pub(super) fn quoted(name: &str) -> String {
    format!("{:?}", cut(name, 80))
}

/// A text from a file, fit to print as it is: what it quotes may hold anything.
pub(super) fn shortened(text: &str, chars: usize) -> String {
    let mut out = String::new();
    for c in cut(text, chars).chars() {
        match c {
            '"' | '\'' | '\\' => out.push(c),
            c => out.extend(c.escape_debug()),
        }
    }
    out
}

/// The start of a text that would fill the screen.
fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_files_are_printed_without_hidden_characters() {
        let hidden = ('\u{0}'..='\u{1f}').chain('\u{7f}'..='\u{9f}').chain('\u{200b}'..='\u{200f}');
        let hidden = hidden.chain('\u{2028}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        for c in hidden.chain(['\u{ad}', '\u{61c}', '\u{feff}', '\u{e0001}', '\u{e0041}']) {
            for told in [quoted(&format!("a{c}b")), shortened(&format!("a{c}b"), 9)] {
                assert!(!told.contains(c) && told.contains("a\\"), "{told}");
            }
        }
        assert_eq!(quoted("é漢字😀"), "\"é漢字😀\"");
        assert_eq!(shortened("\"é漢字😀\\", 9), "\"é漢字😀\\");
        assert_eq!(shortened("abcdef", 3), "abc...");
    }
}
