//! Words of the command line that are no text: clap tells that there are some, not which.

use super::Cli;
use clap::error::ErrorKind;
use clap::{CommandFactory, Error};
use std::ffi::OsString;

/// The same error; if it is that one, with the words.
pub(crate) fn named(error: Error, words: &[OsString]) -> Error {
    if error.kind() != ErrorKind::InvalidUtf8 {
        return error;
    }
    let pairs = words.windows(2).filter(|pair| pair[1].to_str().is_none());
    let told: Vec<String> =
        pairs.map(|pair| format!("{:?} after '{}'", pair[1], pair[0].display())).collect();
    Cli::command().error(
        ErrorKind::InvalidUtf8,
        format_args!(
            "expected text in UTF-8, found {}; rename the file or folder, or name it by a link with \
             such a name",
            told.join(", ")
        ),
    )
}
