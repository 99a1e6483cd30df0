//! The checksum of a file, which stands in its metadata.
//!
//! ```text
//! "proxtape.checksum": "file:xxh3-128:DIGITS"    XXH3 (Y. Collet), 128 bits, of the whole file with
//!                                                each of the 32 digits replaced by 0
//! ```
//!
//! So it covers the length of the header, all names, shapes and texts, and all values. The text is
//! compared as it stands: a flipped bit may turn the digit a into A. Any text that begins as a
//! checksum must have its name, so that a flip in the name is found, too.

use super::bytes::Bytes;
use super::error::{FileError, Place, shortened};
use super::{CHUNK, RETRY};
use std::io::{self, SeekFrom, Write};
use std::ops::Range;
use xxhash_rust::xxh3::Xxh3;

/// The name of the text.
pub(super) const NAME: &str = "proxtape.checksum";

/// What it begins with.
const KIND: &str = "file:xxh3-128:";

/// Digits of base 16.
const DIGITS: usize = 32;

/// The sum over what is written to it.
pub(super) struct Checksum(Xxh3);

impl Checksum {
    pub(super) fn new() -> Checksum {
        Checksum(Xxh3::new())
    }

    pub(super) fn digits(&self) -> String {
        format!("{:0DIGITS$x}", self.0.digest128())
    }
}

impl Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text with zeros in the place of its digits.
pub(super) fn blank() -> String {
    format!("{KIND}{:0DIGITS$}", 0)
}

/// Where the digits are, in a header that holds the blank text.
pub(super) fn place(header: &str) -> Option<Range<usize>> {
    let start = header.find(&format!("\"{NAME}\":\"{KIND}"))?;
    let start = start + NAME.len() + KIND.len() + 4;
    Some(start..start + DIGITS)
}

/// A checksum that a file states.
#[derive(Debug)]
pub(super) struct Stated {
    digits: String,
    /// Where they stand in the file.
    at: u64,
}

impl Stated {
    /// What the text `value` of this name states, if it is a checksum; `raw` is the value as it
    /// stands in the file from byte `at` on, quotes included.
    pub(super) fn of(
        (name, value): (&str, &str),
        (raw, at): (&str, u64),
    ) -> Result<Option<Stated>, FileError> {
        if name != NAME && !value.starts_with(KIND) {
            return Ok(None);
        }
        let digits = raw.strip_prefix('"').and_then(|raw| raw.strip_prefix(KIND));
        let digits = digits.and_then(|raw| raw.strip_suffix('"'));
        match digits.filter(|digits| name == NAME && digits.len() == DIGITS) {
            Some(digits) => {
                let at = at + 1 + KIND.len() as u64;
                Ok(Some(Stated { digits: digits.to_owned(), at }))
            }
            None => {
                let expected = format!("\"{NAME}\": \"{KIND}\" and {DIGITS} digits");
                let found = shortened(&format!("{name:?}: {raw}"), 120);
                Err(FileError::new(Place::Byte(at), expected, found, RETRY))
            }
        }
    }

    /// Compares it with what the file holds.
    pub(super) fn check(&self, file: &mut dyn Bytes) -> io::Result<Result<(), FileError>> {
        file.seek(SeekFrom::Start(0))?;
        let mut sum = Checksum::new();
        let mut bytes = vec![0; 4 * CHUNK];
        let mut at = 0;
        loop {
            let n = match file.read(&mut bytes) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            for digit in self.at.max(at)..(self.at + DIGITS as u64).min(at + n as u64) {
                bytes[(digit - at) as usize] = b'0';
            }
            sum.write_all(&bytes[..n])?;
            at += n as u64;
        }
        let found = sum.digits();
        Ok(if found == self.digits {
            Ok(())
        } else {
            let expected =
                format!("content with the checksum {}, as its metadata says", self.digits);
            let advice = format!(
                "the file is damaged: take a copy of it, or write it again (a program that changes \
                 such a file must leave out the metadata \"{NAME}\")"
            );
            Err(FileError::new(Place::Whole, expected, found, advice))
        })
    }
}
