//! Whether the first record is a header or a sample, where nobody says so.
//!
//! For a model that knows names, a header is a record with these names, or one whose cells are no
//! numbers. Otherwise, in this order:
//! 1. No feature cell is a number, and one is a word, not a gap such as `NA`: a header.
//! 2. All cells are whole numbers in a row, from 0 or 1 (a table without names, as some programs write
//!    it, or a sample): refused.
//! 3. Its label cell is a label of the lines below: a sample.
//! 4. A feature cell is a word: a header.
//! 5. The label cell is a word, and the feature cells are three or more whole numbers in a row, from 0
//!    or 1: a header.
//! 6. The label cell is a number, as all labels below are, and the feature cells are no such row; or
//!    there is no line below: a sample.
//! 7. Else refused: it may be the one sample of its class, or a header of numbers.

use super::layout::names;
use super::record::Record;
use super::{number, quoted};
use crate::data::{Columns, DataError, Place};

/// The evidence of the first record alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Header,
    Sample,
    /// The labels below decide.
    Open,
}

/// What cells of samples hold where a value is missing, in small letters.
const GAPS: [&str; 9] = ["", "na", "n/a", "nan", "null", "none", "inf", "-", "?"];

/// Looks at the first record of a table for a model that knows names.
pub(super) fn expected(first: &Record, wanted: &Columns, separator: u8) -> First {
    let Ok(names) = names(first) else {
        return First::Header; // Where the fault is reported.
    };
    let here = |name: &String| names.contains(name);
    let label_is_word = number::parse(wanted.label.as_bytes(), separator).is_err();
    let named = label_is_word && here(&wanted.label) || wanted.features.iter().all(here);
    let numbers = first.cells().filter(|cell| number::parse(cell, separator).is_ok()).count();
    if named || numbers + 1 < first.len() { First::Header } else { First::Sample }
}

/// Looks at the first record of any other table.
pub(super) fn alone(first: &Record, label_column: usize, separator: u8) -> First {
    let features = || features(first, label_column);
    let number = features().any(|cell| number::parse(cell, separator).is_ok());
    match number || !features().any(|cell| is_word(cell, separator)) {
        true => First::Open,
        false => First::Header,
    }
}

/// All cells but that of the label.
fn features(first: &Record, label_column: usize) -> impl Iterator<Item = &[u8]> {
    let others = first.cells().enumerate().filter(move |&(column, _)| column != label_column);
    others.map(|(_, cell)| cell)
}

/// Whether a cell is neither a number nor a gap.
fn is_word(cell: &[u8], separator: u8) -> bool {
    number::parse(cell, separator).is_err() && !is_gap(cell)
}

/// Whether a cell says that its value is missing.
fn is_gap(cell: &[u8]) -> bool {
    GAPS.contains(&&*String::from_utf8_lossy(cell).to_lowercase())
}

/// Decides by the labels of the lines below.
pub(super) fn by_labels<'a>(
    first: &Record,
    label_column: usize,
    separator: u8,
    labels: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> Result<First, DataError> {
    let refuse = |found: &str| {
        let advice = "tell by the option header whether the first line is one";
        let expected = "a first line that is clearly a header, or clearly a sample";
        Err(DataError::new(Place::Line(first.line), expected, found, advice))
    };
    let value = |cell: &[u8]| number::parse(cell, separator).ok().map(|(value, _)| value);
    if in_a_row(first.cells().map(value)) {
        return refuse("whole numbers in a row");
    }
    let label = first.cell(label_column);
    let number = value(label);
    let same = |other: &str| {
        other.as_bytes() == label || number.is_some() && value(other.as_bytes()) == number
    };
    if labels.clone().any(same) {
        return Ok(First::Sample);
    }
    let features = || features(first, label_column);
    if features().any(|cell| is_word(cell, separator)) {
        return Ok(First::Header);
    }
    let row = features().count() >= 3 && in_a_row(features().map(value));
    if row && is_word(label, separator) {
        return Ok(First::Header);
    }
    let numbers_below = labels.clone().all(|label| value(label.as_bytes()).is_some());
    if labels.len() == 0 || number.is_some() && numbers_below && !row {
        return Ok(First::Sample);
    }
    refuse(&match features().all(is_gap) {
        true => format!("gaps, and {}", quoted(label)),
        false => format!("numbers, and the label {}, which no other line has", quoted(label)),
    })
}

/// Whether the values are 0, 1, 2 and so on, or 1, 2, 3.
fn in_a_row(values: impl Iterator<Item = Option<f64>>) -> bool {
    let mut first = None;
    values.enumerate().all(|(place, value)| match value {
        None => false,
        Some(value) => {
            let start = *first.get_or_insert(value);
            (start == 0.0 || start == 1.0) && value == start + place as f64
        }
    })
}
