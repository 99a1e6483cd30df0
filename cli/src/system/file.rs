//! Files that people name: regular ones, and texts up to a size.

use crate::failure::Failure;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The most bytes of a recipe or of a list of trainings: 4,096 layers, each with all that it can say, take
/// a quarter of it.
pub(crate) const RECIPE: u64 = 4 << 20;

/// The most bytes of other texts: a million epochs in metrics.jsonl.
pub(crate) const TEXT: u64 = 400 << 20;

/// A regular file, open to read, and its size. A folder, a device or a pipe is an error, and is not
/// opened: to open a pipe would wait for its writer.
pub(crate) fn open(path: &Path) -> io::Result<(File, u64)> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
        let found = format!("{found}, and no regular file; name the file itself");
        return Err(io::Error::new(ErrorKind::InvalidInput, found));
    }
    Ok((File::open(path)?, metadata.len()))
}

/// The text of a regular file of at most so many bytes.
pub(crate) fn text(path: &Path, most: u64) -> io::Result<String> {
    let (file, len) = open(path)?;
    let mut text = String::new();
    if len <= most {
        text.try_reserve_exact(len as usize)?;
        // It may grow meanwhile.
        file.take(most + 1).read_to_string(&mut text)?;
    }
    match len.max(text.len() as u64) {
        len if len <= most => Ok(text),
        len => Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!("a file of {len} bytes, where at most {most} are read"),
        )),
    }
}

/// Whether something has this name; not to know is an error, not a no.
pub(crate) fn is_there(path: &Path) -> Result<bool, Failure> {
    path.try_exists().map_err(|e| refused(path, "a file or none", &e))
}

/// Reads a text file that the program wrote.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    text(path, TEXT).map_err(|e| refused(path, "a text file", &e))
}

/// The error for a file that is not as expected.
pub(crate) fn refused(path: &Path, expected: &str, error: &io::Error) -> Failure {
    Failure::failed(format!("{}: expected {expected}, found: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_size_are_read() {
        let path = std::env::temp_dir().join(format!("proxtape-file-{}", std::process::id()));
        fs::write(&path, "four").unwrap();
        assert_eq!(text(&path, 4).unwrap(), "four");
        let error = text(&path, 3).unwrap_err().to_string();
        assert!(error.contains("4 bytes") && error.contains("at most 3"), "{error}");
        fs::write(&path, b"\xff").unwrap();
        assert_eq!(text(&path, 3).unwrap_err().kind(), ErrorKind::InvalidData);
        fs::remove_file(&path).unwrap();
        assert_eq!(text(&path, 3).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(text(&std::env::temp_dir(), 3).unwrap_err().to_string().contains("a folder"));
        #[cfg(unix)]
        for device in ["/dev/zero", "/dev/null"] {
            let error = text(device.as_ref(), TEXT).unwrap_err().to_string();
            assert!(error.contains("a device or a pipe"), "{error}");
        }
    }
}
