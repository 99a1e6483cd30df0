//! Records of a table: lines, cells and quotes (RFC 4180), each byte looked at once.
//!
//! A cell may stand in quotes; there, two quotes are one, and separators and line ends are plain text.
//! Lines end with `\n`, `\r\n` or `\r`. What other readers let pass is an error here, since it moves cells
//! or swallows lines: a quote that is never closed, text after a closing quote, a quote within a
//! cell that starts without one.

use super::quoted;
use super::record::Record;
use super::unreadable::advice;
use crate::data::{DataError, Place};
use std::io::BufRead;

/// The most cells of a record: tables of genes have tens of thousands.
const MAX_CELLS: usize = 1 << 20;

/// The most bytes of a record: so many cells of 60 characters.
const MAX_BYTES: usize = 64 << 20;

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

    /// The same, where the first line of the reader has this number in the file.
    pub(super) fn starting_at(mut self, line: u64) -> Self {
        self.parser.line = line;
        self
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
                let advice = advice(&error);
                let place = Place::Line(parser.line);
                DataError::new(place, "a line of cells", error.to_string(), advice).caused_by(error)
            })?;
            if bytes.is_empty() {
                return parser.end();
            }
            parser.make_room(bytes.len())?;
            let mut used = 0;
            for &byte in bytes {
                used += 1;
                if parser.push(byte)? {
                    reader.consume(used);
                    parser.check_size()?;
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

    /// So that so many more bytes can be pushed.
    fn make_room(&mut self, count: usize) -> Result<(), DataError> {
        let Record { line, bytes, ends } = &mut self.record;
        bytes.try_reserve(count).and_then(|()| ends.try_reserve(count + 1)).map_err(|_| {
            let expected = "memory for a line of so many cells";
            let advice = "use a narrower table or a larger machine";
            DataError::new(Place::Line(*line), expected, "less", advice)
        })
    }

    fn check_size(&self) -> Result<(), DataError> {
        let (cells, bytes) = (self.record.ends.len(), self.record.bytes.len());
        let expected = match (cells > MAX_CELLS, bytes > MAX_BYTES) {
            (true, _) => format!("at most {MAX_CELLS} columns"),
            (_, true) => format!("a line of at most {} MiB", MAX_BYTES >> 20),
            _ => return Ok(()),
        };
        let found = format!("{cells} cells of {bytes} bytes, and there may be more");
        let advice = "check its separators, line ends and quotes";
        Err(DataError::new(Place::Line(self.record.line), expected, found, advice))
    }
}
