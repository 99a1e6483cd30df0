//! The error of the readers of data.

use crate::ReadError;
use std::fmt;

/// Why data could not be read or used.
///
/// It prints as `FILE: PLACE: expected .., found ..; ADVICE` on one line:
///
/// ```
/// let error = proxtape::data::idx::read_folder("no/such/folder").unwrap_err();
/// assert!(error.to_string().starts_with("no/such/folder: expected a folder with"));
/// ```
pub type DataError = ReadError<Place>;

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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Whole => Ok(()),
            Place::Byte(at) => write!(f, "byte {at}"),
            Place::Line(line) => write!(f, "line {line}"),
            Place::Cell { line, column } => write!(f, "line {line}, column {column}"),
            Place::Sample(index) => write!(f, "sample {index}"),
            Place::Argument(name) => f.write_str(name),
        }
    }
}
