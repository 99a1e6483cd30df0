//! Replaces a file at once or not at all.
//!
//! The bytes go to a temporary file beside the target, for only within one file system is a rename
//! atomic; they are synced before the rename, for else a power cut could leave the new name on an
//! empty file; and the folder is synced after it, so that the new name lasts.

use super::error::{FileError, Place};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// How many names are tried for the temporary file: other threads of this process may be writing
/// beside it, and an earlier process of the same id may have left some behind.
const ATTEMPTS: usize = 64;

/// Gives `path` the bytes that `fill` writes. After an error the target is as it was.
pub(super) fn replace(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), FileError> {
    if path.file_name().is_none() {
        let advice = "name a file in a folder that is there";
        return Err(
            FileError::new(Place::Whole, "the path of a file", "none", advice).in_file(path)
        );
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (temporary, mut file) = create_beside(folder).map_err(|e| {
        let advice = format!("see that the folder {} is there and writable", folder.display());
        FileError::refused("to create a temporary file beside it", e, &advice).in_file(path)
    })?;
    let written = fill(&mut file).and_then(|()| file.sync_all());
    // Closed before the rename: some systems move no open file.
    drop(file);
    if let Err(e) = written.and_then(|()| fs::rename(&temporary, path)) {
        // Nothing more can be done if this fails as well: the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
        let advice = "see that the disk has room and that no folder has this name; what was there \
                      before is unchanged";
        return Err(FileError::refused("to write the file", e, advice).in_file(path));
    }
    sync_folder(folder);
    Ok(())
}

fn create_beside(folder: &Path) -> io::Result<(PathBuf, File)> {
    for attempt in 0..ATTEMPTS {
        let name = format!(".proxtape-{}-{attempt}.tmp", std::process::id());
        let temporary = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (temporary, file)),
        }
    }
    let what = format!("{ATTEMPTS} files .proxtape-*.tmp that nothing has cleared away");
    Err(io::Error::new(ErrorKind::AlreadyExists, what))
}

/// The file is whole and in its place by now, and some file systems sync no folder: no error.
fn sync_folder(folder: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn failure_half_way_keeps_the_old_file_and_removes_the_temporary_one() {
        let folder = std::env::temp_dir().join(format!("proxtape-replace-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("model");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        let error = replace(&path, |file| {
            file.write_all(b"half of the ne")?;
            Err(io::Error::from(ErrorKind::StorageFull))
        });
        let error = error.unwrap_err();
        assert_eq!(error.file(), path);
        assert!(std::error::Error::source(&error).is_some());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        replace(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn path_without_a_file_name_is_an_error() {
        for path in ["", "/", ".."] {
            assert!(replace(Path::new(path), |_| Ok(())).is_err(), "{path:?}");
        }
    }
}
