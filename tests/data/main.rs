//! Random numbers, datasets, splits and the readers of files.

mod allocation;
mod batches;
mod cifar;
#[cfg(feature = "csv")]
mod csv;
mod dataset;
mod idx;
mod random;
mod split;

use proxtape::data::DataError;
use std::path::Path;

/// What every message owes its reader.
#[track_caller]
fn assert_tells(text: &str) {
    let parts = text.split_once("expected ").and_then(|(_, text)| text.split_once(", found "));
    let (expected, rest) = parts.unwrap_or_else(|| panic!("{text}"));
    let (found, advice) = rest.split_once("; ").unwrap_or_else(|| panic!("{text}"));
    assert!([expected, found, advice].iter().all(|part| !part.is_empty()), "{text}");
    assert!(!text.contains(char::is_control) && text.len() < 800, "{text}");
}

/// The same for one that comes from a file.
#[track_caller]
fn assert_tells_file(error: &DataError, file: &Path) {
    assert_eq!(error.file(), Some(file), "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&file.display().to_string()), "{text}");
    assert_tells(&text);
}
