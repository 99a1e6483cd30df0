//! Files that cannot be read.

use std::io;

/// The advice about an error of reading.
pub(super) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::OutOfMemory => "use a smaller file or a larger machine",
        _ => "check the disk and the file; one that is compressed may be cut off",
    }
}
