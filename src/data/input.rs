//! A binary file that is read from front to back, and never believed before it is measured.
//!
//! Nothing is allocated on a header's word alone: a plain file holds exactly the bytes that its size
//! says, and a gzip file at most [`DEFLATE_RATIO`] times its size, and for that one the buffer grows
//! with the bytes that really come.

use super::{DataError, Place};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Deflate's best case: one symbol of 2 bits (a length and a distance of 1 bit each) stands for 258
/// bytes, so 1 byte stands for 4 * 258.
const DEFLATE_RATIO: u64 = 1032;

/// A header can be honest and its file still a bomb: 2 MB of gzip may hold 2 GB of zeros. Past this, a
/// user decompresses the file, and so sees its size. Fifty times the images of MNIST.
const DECOMPRESSED_LIMIT: u64 = 2 << 30;

pub(super) struct Input<'a> {
    path: PathBuf,
    reader: Box<dyn Read + 'a>,
    at: u64,
    left: Left,
}

/// How many bytes are still to come.
#[derive(Clone, Copy)]
enum Left {
    Exactly(u64),
    AtMost(u64),
}

/// The regular file at `path`, and its size in bytes.
pub(super) fn open_file(path: &Path) -> Result<(File, u64), DataError> {
    let failed = |error: io::Error| {
        let advice = "check the path and its permissions";
        DataError::new(Place::Whole, "a file that can be read", error.to_string(), advice)
            .in_file(path)
            .caused_by(error)
    };
    // Before opening: to open a pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
        let error = DataError::new(Place::Whole, "a regular file", found, "name the file itself");
        return Err(error.in_file(path));
    }
    Ok((File::open(path).map_err(failed)?, metadata.len()))
}

impl<'a> Input<'a> {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let (file, len) = open_file(path)?;
        Self::new(path, BufReader::new(file), len)
    }

    /// The contents of a file that is in memory already, under a name for messages.
    pub(super) fn named(name: &str, bytes: &'a [u8]) -> Result<Self, DataError> {
        Self::new(Path::new(name), bytes, bytes.len() as u64)
    }

    /// An input of `len` bytes. One that starts with the magic number of gzip is decompressed on the way.
    fn new(path: &Path, mut reader: impl BufRead + 'a, len: u64) -> Result<Self, DataError> {
        // One that cannot be read says so later, with the place.
        let zipped = reader.fill_buf().is_ok_and(|start| start.starts_with(&[0x1f, 0x8b]));
        let path = path.to_path_buf();
        if zipped {
            let left = Left::AtMost(len.saturating_mul(DEFLATE_RATIO).min(DECOMPRESSED_LIMIT));
            let reader = decompress(reader).map_err(|error| error.in_file(&path))?;
            return Ok(Self { reader, path, at: 0, left });
        }
        Ok(Self { reader: Box::new(reader), path, at: 0, left: Left::Exactly(len) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes are still to come; `None` in a compressed file.
    pub(super) fn left(&self) -> Option<u64> {
        match self.left {
            Left::Exactly(left) => Some(left),
            Left::AtMost(_) => None,
        }
    }

    /// An error in this file.
    pub(super) fn error(
        &self,
        place: Place,
        (expected, found): (impl Into<String>, impl Into<String>),
        advice: &str,
    ) -> DataError {
        DataError::new(place, expected, found, advice).in_file(&self.path)
    }

    /// The next `N` bytes of a header.
    pub(super) fn header<const N: usize>(&mut self, what: &str) -> Result<[u8; N], DataError> {
        let bytes = self.take(N as u64, what)?;
        let mut header = [0; N];
        header.copy_from_slice(&bytes);
        Ok(header)
    }

    /// All the rest of the file, which must be `len` bytes of `what`.
    pub(super) fn payload(mut self, len: u64, what: &str) -> Result<Vec<u8>, DataError> {
        let trailing = |input: &Self, at: u64, found: String| {
            let expected = format!("the end of the file after {len} bytes of {what}");
            let advice = "the header and the contents disagree; fetch the file again";
            input.error(Place::Byte(at), (expected, found), advice)
        };
        if let Left::Exactly(left) = self.left
            && left > len
        {
            return Err(trailing(&self, self.at + len, format!("{} bytes more", left - len)));
        }
        let mut bytes = self.take(len, what)?;
        // At the end a gzip reader also checks the length and the checksum.
        let mut one = Vec::new();
        if let Err(error) = (&mut self.reader).take(1).read_to_end(&mut one) {
            return Err(self.failed(error, what));
        }
        if !one.is_empty() {
            return Err(trailing(&self, self.at, "more bytes".to_string()));
        }
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// The next `len` bytes.
    fn take(&mut self, len: u64, what: &str) -> Result<Vec<u8>, DataError> {
        let (Left::Exactly(left) | Left::AtMost(left)) = self.left;
        if len > left {
            let found = match self.left {
                Left::Exactly(_) => format!("{left} before the end of the file"),
                Left::AtMost(_) => format!("a gzip file that is read up to {left} bytes"),
            };
            return Err(self.truncated(len, what, found));
        }
        let mut bytes = Vec::new();
        let room = match (self.left, usize::try_from(len)) {
            (Left::Exactly(_), Ok(len)) => bytes.try_reserve_exact(len).is_ok(),
            (Left::AtMost(_), Ok(_)) => true,
            (_, Err(_)) => false,
        };
        if !room {
            let expected = format!("memory for {len} bytes of {what}");
            let advice = "use a smaller file or a larger machine";
            return Err(self.error(Place::Byte(self.at), (expected, "less"), advice));
        }
        if let Err(error) = (&mut self.reader).take(len).read_to_end(&mut bytes) {
            return Err(self.failed(error, what));
        }
        let got = bytes.len() as u64;
        if got < len {
            return Err(self.truncated(len, what, format!("{got} before the end")));
        }
        self.at += len;
        match &mut self.left {
            Left::Exactly(left) | Left::AtMost(left) => *left -= len,
        }
        Ok(bytes)
    }

    fn truncated(&self, len: u64, what: &str, found: String) -> DataError {
        let expected = format!("{len} bytes of {what}");
        let advice = match self.left {
            Left::Exactly(_) => "the file is cut off, or its header is wrong; fetch it again",
            Left::AtMost(_) => {
                "the file is cut off, or its header is wrong; fetch it again, or decompress it first"
            }
        };
        self.error(Place::Byte(self.at), (expected, found), advice)
    }

    fn failed(&self, error: io::Error, what: &str) -> DataError {
        let advice = match self.left {
            _ if error.kind() == io::ErrorKind::OutOfMemory => {
                "use a smaller file or a larger machine"
            }
            Left::Exactly(_) => "check the disk, then fetch the file again",
            Left::AtMost(_) => "the compressed file is damaged or cut off; fetch it again",
        };
        self.error(Place::Byte(self.at), (what, error.to_string()), advice).caused_by(error)
    }
}

/// The contents of a gzip file.
#[cfg(feature = "gzip")]
pub(super) fn decompress<'a>(reader: impl BufRead + 'a) -> Result<Box<dyn Read + 'a>, DataError> {
    Ok(Box::new(flate2::bufread::MultiGzDecoder::new(reader)))
}

#[cfg(not(feature = "gzip"))]
pub(super) fn decompress<'a>(_: impl BufRead + 'a) -> Result<Box<dyn Read + 'a>, DataError> {
    let advice = "decompress it first, or build proxtape with the feature `gzip`";
    Err(DataError::new(Place::Byte(0), "a plain file", "one compressed by gzip", advice))
}
