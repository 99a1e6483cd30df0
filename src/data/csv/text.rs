//! From bytes to UTF-8: gzip, byte order marks and UTF-16. Other formats are named in the error.

use super::dialect::{Dialect, Named};
use super::quoted;
use super::unreadable::advice;
use crate::data::input::decompress;
use crate::data::{DataError, Place};
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// What is looked at before the rest is read. A line of a table is rarely longer.
const HEAD: u64 = 64 << 10;

/// A compressed table may not hold more. As [`DECOMPRESSED_LIMIT`](crate::data::input) for images.
const DECOMPRESSED_LIMIT: u64 = 2 << 30;

/// The first bytes of files that are often taken for tables.
const OTHERS: [(&[u8], &str); 7] = [
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"\xfd7zXZ", "a file compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd"),
    (b"BZh91AY&SY", "a file compressed by bzip2"),
    (b"\xff\xfe\0\0", "text in UTF-32"),
    (b"\0\0\xfe\xff", "text in UTF-32"),
];

/// A unit of UTF-16, by its bytes.
type Unit = fn([u8; 2]) -> u16;

const UNMARKED: &str = "UTF-16 without a byte order mark";

/// Text in UTF-8, without a byte order mark.
pub(super) struct Text<'a> {
    head: Vec<u8>,
    rest: Box<dyn Read + 'a>,
    /// What was done to get it.
    pub(super) notes: Vec<String>,
    /// The separator that its first line names; that line is no part of `head`.
    separator: Option<Dialect>,
}

impl<'a> Text<'a> {
    pub(super) fn open(bytes: impl Read + 'a) -> Result<Self, DataError> {
        let mut notes = Vec::new();
        let (mut head, mut rest) = split(Box::new(bytes))?;
        if head.starts_with(&[0x1f, 0x8b]) {
            let whole = BufReader::new(Cursor::new(head).chain(rest));
            let limited = Limited { reader: decompress(whole)?, left: DECOMPRESSED_LIMIT };
            (head, rest) = split(Box::new(limited))?;
            notes.push("the file is compressed by gzip".to_string());
        }
        if let Some((_, found)) = OTHERS.iter().find(|(start, _)| head.starts_with(start)) {
            let advice = "unpack it, or save the table as CSV in UTF-8";
            return Err(DataError::new(Place::Byte(0), "a table in text form", *found, advice));
        }
        let order: Option<(Unit, &str)> = match head[..] {
            [0xff, 0xfe, ..] => Some((u16::from_le_bytes, "UTF-16")),
            [0xfe, 0xff, ..] => Some((u16::from_be_bytes, "UTF-16")),
            [a, 0, b, 0, ..] if a != 0 && b != 0 => Some((u16::from_le_bytes, UNMARKED)),
            [0, a, 0, b, ..] if a != 0 && b != 0 => Some((u16::from_be_bytes, UNMARKED)),
            _ => None,
        };
        if let Some((unit, encoding)) = order {
            let mut bytes = head;
            rest.read_to_end(&mut bytes).map_err(refused)?;
            (head, rest) = split(Box::new(Cursor::new(utf8(&bytes, unit)?)))?;
            notes.push(format!("the text is in {encoding}"));
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        let mut separator = None;
        if let Some(named) = Named::of(&head) {
            separator = Dialect::named(named.separator);
            if separator.is_none() {
                let expected = "a comma, a semicolon, a tab or a bar after sep=";
                let found = quoted(&[named.separator]);
                let advice = "separate the cells by one of these";
                return Err(DataError::new(Place::Line(1), expected, found, advice));
            }
            head.drain(..named.line);
        }
        Ok(Self { head, rest, notes, separator })
    }

    /// How it says that it is written, or its first lines are.
    pub(super) fn dialect(&self) -> Dialect {
        self.separator.unwrap_or_else(|| Dialect::of(&self.head))
    }

    /// The number of its first line in the file.
    pub(super) fn first_line(&self) -> u64 {
        1 + u64::from(self.separator.is_some())
    }

    pub(super) fn into_reader(self) -> impl BufRead + 'a {
        Cursor::new(self.head).chain(BufReader::new(self.rest))
    }
}

/// The first [`HEAD`] bytes, and what follows.
fn split<'a>(mut reader: Box<dyn Read + 'a>) -> Result<(Vec<u8>, Box<dyn Read + 'a>), DataError> {
    let mut head = Vec::new();
    (&mut reader).take(HEAD).read_to_end(&mut head).map_err(refused)?;
    Ok((head, reader))
}

fn refused(error: io::Error) -> DataError {
    let (advice, found) = (advice(&error), error.to_string());
    DataError::new(Place::Whole, "a file that can be read", found, advice).caused_by(error)
}

/// UTF-16 in the order of bytes that `unit` knows.
fn utf8(bytes: &[u8], unit: Unit) -> Result<Vec<u8>, DataError> {
    let refuse = |place, found: &str| {
        let advice = "the file is cut off or damaged; save it as CSV in UTF-8";
        Err(DataError::new(place, "text in UTF-16", found, advice))
    };
    let (pairs, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return refuse(Place::Byte(bytes.len() as u64 - 1), "half a character at the end");
    }
    let mut text = String::new();
    let mut at = 0;
    for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        let Ok(character) = character else {
            return refuse(Place::Byte(at), "half of a pair of surrogates");
        };
        at += 2 * character.len_utf16() as u64;
        text.push(character);
    }
    Ok(text.into_bytes())
}

/// A reader that fails, rather than ends, where its limit is reached.
struct Limited<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(bytes)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let limit = DECOMPRESSED_LIMIT >> 30;
            io::Error::other(format!("more than {limit} GiB of text in a gzip file"))
        })?;
        Ok(count)
    }
}
