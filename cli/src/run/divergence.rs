//! `diverged.txt`: the reason why a training has no summary.
//!
//! ```text
//! line 1     the reason
//! line 2     the name of the run folder then, against files of other trainings
//! ```

use crate::failure::Failure;
use crate::run::folder::RunFolder;
use crate::system::draft::write_text;
use crate::system::file::{is_there, read_text, refused};
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;

/// Both lines.
pub(crate) struct Divergence {
    pub(crate) why: String,
    pub(crate) run: String,
}

pub(crate) fn write(folder: &RunFolder, why: &Failure) -> Result<(), Failure> {
    let named = folder.named();
    let name = named.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let why = why.to_string().replace('\n', " ");
    write_text(&folder.diverged(), &format!("{why}\n{name}\n"))
}

/// The contents, if the training has diverged.
pub(crate) fn read(folder: &RunFolder) -> Result<Option<Divergence>, Failure> {
    let path = folder.diverged();
    if !is_there(&path)? {
        return Ok(None);
    }
    let text = read_text(&path)?;
    let mut lines = text.lines();
    let [why, run] = [(); 2].map(|()| lines.next().unwrap_or_default().to_owned());
    Ok(Some(Divergence { why, run }))
}

/// Removes the file of a training that is resumed.
pub(crate) fn forget(folder: &RunFolder) -> Result<(), Failure> {
    let path = folder.diverged();
    match fs::remove_file(&path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(refused(&path, "a file to remove", &e)),
        _ => Ok(()),
    }
}
