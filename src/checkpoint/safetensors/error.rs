//! The error of safetensors files, and texts from files that are fit to print.

use crate::ReadError;
use std::fmt;
use std::io;

/// Why a file could not be read or written.
///
/// It prints as `FILE: PLACE: expected .., found ..; ADVICE` on one line:
///
/// ```
/// use proxtape::checkpoint;
/// let error = checkpoint::read("no/such/file".as_ref()).unwrap_err();
/// assert!(error.to_string().starts_with("no/such/file: expected a safetensors file, found"));
/// ```
pub type FileError = ReadError<Place>;

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
    /// The system refused what was asked of it.
    pub(super) fn refused(expected: &str, error: io::Error, advice: &str) -> FileError {
        FileError::new(Place::Whole, expected, error.to_string(), advice).caused_by(error)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Whole => Ok(()),
            Place::Byte(at) => write!(f, "byte {at}"),
            Place::Tensor(name) => write!(f, "tensor {}", quoted(name)),
        }
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
