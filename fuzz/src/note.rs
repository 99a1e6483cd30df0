//! The input that is read just now, in a file: it outlives its process, however that ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The folder of seeds, notes and findings.
pub(crate) fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Path::new(&target).join("fuzz")
}

/// A length, little-endian, and as many bytes; what an earlier input has left may follow.
pub(crate) struct Note {
    file: File,
    bytes: Vec<u8>,
}

impl Note {
    pub(crate) fn create(path: &Path) -> io::Result<Note> {
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
        Ok(Note { file, bytes: Vec::new() })
    }

    /// In one write, which the system keeps when the process dies.
    pub(crate) fn set(&mut self, input: &[u8]) {
        self.bytes.clear();
        self.bytes.extend((input.len() as u64).to_le_bytes());
        self.bytes.extend(input);
        let written =
            self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(&self.bytes));
        written.expect("the folder of findings can be written to");
    }

    /// The input that was noted last; none where the process ended before its first.
    pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
        let bytes = fs::read(path).ok()?;
        let (len, rest) = bytes.split_first_chunk()?;
        rest.get(..u64::from_le_bytes(*len) as usize).map(<[u8]>::to_vec)
    }
}

/// XXH3 of an input.
pub(crate) fn hash(input: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(input)
}

/// Saves an input under a name that follows from its bytes.
pub(crate) fn save(folder: &Path, reader: &str, input: &[u8]) -> io::Result<PathBuf> {
    let path = folder.join(format!("{reader}-{:016x}", hash(input)));
    fs::write(&path, input)?;
    Ok(path)
}
