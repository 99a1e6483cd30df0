//! One record of a table: its cells and where they stand in the file.

use crate::data::{DataError, Place};

/// The cells of one record.
#[derive(Clone, Default)]
pub(super) struct Record {
    /// The line on which it starts, from 1.
    pub(super) line: u64,
    /// All cells, end to end.
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cells, without the spaces around them.
    pub(super) fn cells(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|column| self.cell(column))
    }

    pub(super) fn cell(&self, column: usize) -> &[u8] {
        trimmed(self.whole_cell(column))
    }

    /// A cell with the spaces around it.
    fn whole_cell(&self, column: usize) -> &[u8] {
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        &self.bytes[start..self.ends[column]]
    }

    /// How many lines a cell goes over.
    pub(super) fn lines(&self, column: usize) -> usize {
        1 + line_ends(self.whole_cell(column))
    }

    /// The line on which a cell starts.
    pub(super) fn opened(&self, column: usize) -> u64 {
        let before = (0..column).map(|column| line_ends(self.whole_cell(column)) as u64);
        self.line + before.sum::<u64>()
    }

    /// The error for a cell of more lines than `most`.
    pub(super) fn too_long(&self, column: usize, most: usize) -> DataError {
        let (line, lines) = (self.opened(column), self.lines(column));
        let place = Place::Cell { line, column: column as u64 + 1 };
        let expected = format!("a cell of at most {most} lines");
        let found = format!("a quote that opens on line {line} and closes {} later", lines - 1);
        DataError::new(place, expected, found, "close the quote where its cell ends")
    }

    /// A place in this record.
    pub(super) fn place(&self, column: usize) -> Place {
        Place::Cell { line: self.line, column: column as u64 + 1 }
    }

    /// Whether there is nothing but spaces.
    pub(super) fn is_blank(&self) -> bool {
        self.len() == 1 && self.cell(0).is_empty()
    }
}

/// A cell without the spaces around it; no-break spaces are some.
fn trimmed(mut cell: &[u8]) -> &[u8] {
    let space = "\u{a0}".as_bytes();
    loop {
        let less = cell.trim_ascii();
        let less = less.strip_prefix(space).unwrap_or(less);
        let less = less.strip_suffix(space).unwrap_or(less);
        if less.len() == cell.len() {
            return cell;
        }
        cell = less;
    }
}

/// The line ends in a cell; `\r\n` is one.
fn line_ends(cell: &[u8]) -> usize {
    let mut last = 0;
    let ends = cell.iter().filter(|&&byte| {
        let second = last == b'\r' && byte == b'\n';
        last = byte;
        (byte == b'\n' || byte == b'\r') && !second
    });
    ends.count()
}
