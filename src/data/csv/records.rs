//! Records of a table: lines, cells and quotes (RFC 4180), each byte looked at once.
//!
//! A cell may stand in quotes; there, two quotes are one, and separators and line ends are plain text.
//! Lines end with `\n`, `\r\n` or `\r`. What other readers let pass is an error here, since it moves cells
//! or swallows lines: a quote that is never closed, text after a closing quote, a quote within a
//! cell that starts without one.

use super::quoted;
use crate::data::{DataError, Place};
use std::io::BufRead;

/// A record may not be longer: a million columns of 20 characters take a tenth of it.
const RECORD_LIMIT: usize = 256 << 20;

/// The cells of one record.
#[derive(Clone, Default)]
pub(super) struct Record {
    /// The line on which it starts, from 1.
    pub(super) line: u64,
    /// All cells, end to end.
    bytes: Vec<u8>,
    ends: Vec<usize>,
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
    fn is_blank(&self) -> bool {
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

pub(super) struct Records<R> {
    reader: R,
    parser: Parser,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(reader: R, separator: u8) -> Self {
        let parser = Parser {
            separator,
            record: Record::default(),
            state: State::Start,
            line: 1,
            opened: 1,
            after_return: false,
        };
        Self { reader, parser }
    }

    /// The next record that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<&Record>, DataError> {
        loop {
            if !self.advance()? {
                return Ok(None);
            }
            if !self.parser.record.is_blank() {
                return Ok(Some(&self.parser.record));
            }
        }
    }

    /// Reads one record; false at the end of the file.
    fn advance(&mut self) -> Result<bool, DataError> {
        let Self { reader, parser } = self;
        parser.start();
        loop {
            let bytes = reader.fill_buf().map_err(|error| {
                let advice = "check the disk and the file; one that is compressed may be cut off";
                let place = Place::Line(parser.line);
                DataError::new(place, "a line of cells", error.to_string(), advice).caused_by(error)
            })?;
            if bytes.is_empty() {
                return parser.end();
            }
            let mut used = 0;
            for &byte in bytes {
                used += 1;
                if parser.push(byte)? {
                    reader.consume(used);
                    return Ok(true);
                }
            }
            reader.consume(used);
            parser.check_size()?;
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At the start of a cell.
    Start,
    Plain,
    Quoted,
    /// After a quote within a quoted cell: its end, or the first of two.
    Quote,
    /// After a closing quote and a space.
    Closed,
}

struct Parser {
    separator: u8,
    record: Record,
    state: State,
    /// The current line.
    line: u64,
    /// The line of the last opening quote.
    opened: u64,
    after_return: bool,
}

impl Parser {
    fn start(&mut self) {
        self.record.bytes.clear();
        self.record.ends.clear();
        self.record.line = self.line;
        self.state = State::Start;
    }

    /// Takes a byte; whether the record is complete.
    fn push(&mut self, byte: u8) -> Result<bool, DataError> {
        let line_end = byte == b'\n' || byte == b'\r';
        if line_end {
            // Of `\r\n` only the first one counts, and the second one ends no record.
            let second = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            self.line += u64::from(!second);
            if self.state == State::Quoted {
                self.record.bytes.push(byte);
                return Ok(false);
            }
            if second && self.record.ends.is_empty() && self.state == State::Start {
                self.record.line = self.line;
                return Ok(false);
            }
            self.record.ends.push(self.record.bytes.len());
            return Ok(true);
        }
        self.after_return = false;
        if byte == 0 {
            let advice = "name a table in text form, in UTF-8";
            return Err(DataError::new(self.place(self.line), "text", "a byte of 0", advice));
        }
        if byte == self.separator && self.state != State::Quoted {
            self.record.ends.push(self.record.bytes.len());
            self.state = State::Start;
            return Ok(false);
        }
        let space = byte == b' ' || byte == b'\t';
        self.state = match (self.state, byte) {
            (State::Start, b'"') => {
                self.opened = self.line;
                State::Quoted
            }
            (State::Start, _) if space => State::Start,
            (State::Plain, b'"') => return Err(self.stray_quote()),
            (State::Start | State::Plain, _) => {
                self.record.bytes.push(byte);
                State::Plain
            }
            (State::Quoted, b'"') => State::Quote,
            (State::Quoted, _) | (State::Quote, b'"') => {
                self.record.bytes.push(byte);
                State::Quoted
            }
            (State::Quote | State::Closed, _) if space => State::Closed,
            (State::Quote | State::Closed, _) => return Err(self.after_closing(byte)),
        };
        Ok(false)
    }

    /// Takes the end of the file; whether it completes a record.
    fn end(&mut self) -> Result<bool, DataError> {
        if self.state == State::Quoted {
            let advice =
                "close the quote, or remove it; all lines after it were taken for one cell";
            let expected = "a closing quote for the one that opens here";
            return Err(DataError::new(
                self.place(self.opened),
                expected,
                "the end of the file",
                advice,
            ));
        }
        if self.record.ends.is_empty() && self.state == State::Start {
            return Ok(false);
        }
        self.record.ends.push(self.record.bytes.len());
        self.state = State::Start;
        Ok(true)
    }

    /// The current cell, on a line.
    fn place(&self, line: u64) -> Place {
        Place::Cell { line, column: self.record.len() as u64 + 1 }
    }

    fn cell(&self) -> &[u8] {
        &self.record.bytes[self.record.ends.last().copied().unwrap_or(0)..]
    }

    fn stray_quote(&self) -> DataError {
        let expected = "a cell in quotes, or without any";
        let found = format!("a quote after {}", quoted(self.cell()));
        let advice =
            "remove the quote; or put quotes around the cell and write a quote in it twice";
        DataError::new(self.place(self.line), expected, found, advice)
    }

    fn after_closing(&self, byte: u8) -> DataError {
        let expected = match self.opened == self.line {
            true => "the end of the cell after its closing quote".to_string(),
            false => format!(
                "the end of the cell after the closing quote of the one that opens on line {}",
                self.opened
            ),
        };
        let found = quoted(&[byte]);
        let advice = "close each quote that opens, and write a quote within a cell twice";
        DataError::new(self.place(self.line), expected, found, advice)
    }

    fn check_size(&self) -> Result<(), DataError> {
        if self.record.bytes.len() + self.record.ends.len() <= RECORD_LIMIT {
            return Ok(());
        }
        let expected = format!("lines of at most {} MiB", RECORD_LIMIT >> 20);
        let advice = "check its line ends and quotes";
        Err(DataError::new(Place::Line(self.record.line), expected, "a longer one", advice))
    }
}
