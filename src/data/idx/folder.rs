//! The four files of a folder, by the names that they are found under.
//!
//! The names are those of MNIST, with the variants of its copies: `.idx3` for `-idx3`, compressed with
//! `.gz`, `test` for `t10k`, all four behind one prefix (`emnist-letters-`), or each in a folder of its
//! own name, as some archives unpack.

use crate::data::{DataError, Place};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Images and labels for training, then for the test.
const PARTS: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// The files of a folder.
pub(super) struct Files {
    folder: PathBuf,
    /// What stands before the usual names.
    pub(super) prefix: String,
    parts: [Option<PathBuf>; 4],
}

/// The files of one prefix, each with the rank of its variant: the lowest is taken.
type Found = BTreeMap<String, [Option<(u8, PathBuf)>; 4]>;

impl Files {
    pub(super) fn of(folder: &Path) -> Result<Self, DataError> {
        let mut found = Found::new();
        // What cannot be listed has none of them.
        for path in entries(folder) {
            let Some((prefix, part, rank)) = known(&path) else { continue };
            let inside = || entries(&path).into_iter().filter(|inner| inner.is_file());
            let same =
                |inner: &PathBuf| known(inner).is_some_and(|(p, q, _)| (&p, q) == (&prefix, part));
            let (path, rank) = match path.is_dir() {
                false => (path, rank),
                true => match inside().find(same) {
                    Some(inner) => (inner, rank + 4),
                    None => continue,
                },
            };
            let slot = &mut found.entry(prefix).or_default()[part];
            if slot.as_ref().is_none_or(|(other, _)| rank < *other) {
                *slot = Some((rank, path));
            }
        }
        // Without a train set it is no data set.
        found.retain(|_, parts| parts[0].is_some() || parts[1].is_some());
        let prefix = match found.len() {
            0 | 1 => found.keys().next().cloned().unwrap_or_default(),
            _ if found.contains_key("") => String::new(),
            _ => {
                let names: Vec<_> = found.keys().take(10).map(|name| format!("{name:?}")).collect();
                let found = format!("names that start with {}", names.join(", "));
                let advice = "name a folder with the files of one of them";
                let expected = "the files of one data set";
                return Err(DataError::new(Place::Whole, expected, found, advice).in_file(folder));
            }
        };
        let parts =
            found.remove(&prefix).unwrap_or_default().map(|slot| slot.map(|(_, path)| path));
        Ok(Self { folder: folder.to_path_buf(), prefix, parts })
    }

    /// Images and labels for training.
    pub(super) fn train(&self) -> Result<[&Path; 2], DataError> {
        Ok([self.need(0)?, self.need(1)?])
    }

    /// Images and labels for the test, if there are some.
    pub(super) fn test(&self) -> Result<Option<[&Path; 2]>, DataError> {
        match &self.parts[2..] {
            [None, None] => Ok(None),
            _ => Ok(Some([self.need(2)?, self.need(3)?])),
        }
    }

    fn need(&self, part: usize) -> Result<&Path, DataError> {
        self.parts[part].as_deref().ok_or_else(|| {
            let name = format!("{}{}", self.prefix, PARTS[part]);
            let expected = format!("a folder with {name}, {name}.gz or the like");
            let found = match self.folder.is_dir() {
                true => "none of them",
                false => "no folder of this name",
            };
            let advice = "name the folder that holds the files of MNIST's format";
            DataError::new(Place::Whole, expected, found, advice).in_file(&self.folder)
        })
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The prefix of a known name, which of [`PARTS`] it is, and the rank of its variant.
fn known(path: &Path) -> Option<(String, usize, u8)> {
    let name = path.file_name()?.to_str()?;
    let (stem, zipped) = match name.strip_suffix(".gz") {
        Some(stem) => (stem, 1),
        None => (name, 0),
    };
    let (stem, dotted) = match stem.contains(".idx") {
        true => (stem.replace(".idx", "-idx"), 2),
        false => (stem.to_string(), 0),
    };
    let stem = match ["test-images-idx3", "test-labels-idx1"].iter().any(|t| stem.contains(t)) {
        true => stem.replace("test-", "t10k-"),
        false => stem,
    };
    let part = PARTS.iter().position(|part| stem.ends_with(part))?;
    let prefix = &stem[..stem.len() - PARTS[part].len()];
    let apart = prefix.is_empty() || prefix.ends_with(['-', '_', '.']);
    apart.then(|| (prefix.to_string(), part, zipped + dotted))
}
