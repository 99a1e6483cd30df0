//! Replaces a file at once or not at all.
//!
//! ```text
//! create     .proxtape-PID-TIME-N.tmp beside the target, exclusively, and lock it
//! fill       the writer's bytes
//! keep       sync the file, rename it to the target, sync the folder
//! ```
//!
//! The temporary file lies beside the target, for only within one file system is a rename atomic; it
//! is synced before the rename, for else a power cut could leave the new name on an empty file; and
//! the folder is synced after it, so that the new name lasts.
//!
//! The lock separates the living from the dead: the system drops it with the process, however that
//! ends. So whoever writes into a folder next removes the temporary files there whose lock is free.
//! A process id would not do: in a container every process has the same.

use super::error::{FileError, Place};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many names are tried: another process may take the file for a dead one's before it is locked.
const ATTEMPTS: usize = 64;

/// What all names of temporary files begin and end with.
const START: &str = ".proxtape-";
const END: &str = ".tmp";

const WRITABLE: &str = "see that the disk has room and that no folder has this name; what was there \
                        before is unchanged";

/// A file that is being written and takes its name when it is whole; if it is dropped before, nothing
/// is left of it, and what has the name stays as it was.
///
/// ```
/// use proxtape::checkpoint::Replacement;
/// use std::io::Write;
/// let path = std::env::temp_dir().join(format!("proxtape-doc-text-{}", std::process::id()));
/// let mut text = Replacement::of(&path)?;
/// text.fill(|file| file.write_all(b"all of it"))?;
/// assert!(!path.exists());
/// text.keep()?;
/// assert_eq!(std::fs::read(&path)?, b"all of it");
/// std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Replacement {
    pub(super) target: PathBuf,
    temporary: PathBuf,
    /// Locked while it is open.
    file: File,
}

impl Replacement {
    /// Begins a file, in the folder of its target. Temporary files there whose writers are dead are
    /// removed.
    ///
    /// # Errors
    /// If the path names no file, or the folder is not there or not writable.
    pub fn of(target: &Path) -> Result<Replacement, FileError> {
        if target.file_name().is_none() {
            let advice = "name a file in a folder that is there";
            let error = FileError::new(Place::Whole, "the path of a file", "none", advice);
            return Err(error.in_file(target));
        }
        let folder = folder_of(target);
        sweep(folder);
        let (temporary, file) = create_beside(folder).map_err(|e| {
            let advice = format!("see that the folder {} is there and writable", folder.display());
            FileError::refused("to create a temporary file beside it", e, &advice).in_file(target)
        })?;
        Ok(Replacement { target: target.to_path_buf(), temporary, file })
    }

    /// Where the bytes are until they are kept.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Adds what `write` writes.
    ///
    /// # Errors
    /// If it fails, or the disk is full.
    pub fn fill(
        &mut self,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), FileError> {
        write(&mut self.file).map_err(|e| self.refused(e))
    }

    /// Gives the file its name, for good.
    ///
    /// # Errors
    /// If the disk is full, or the name cannot be taken; what had it is as it was.
    pub fn keep(self) -> Result<(), FileError> {
        // Still open and locked, so that no other process takes it for a dead one's.
        let kept = self.file.sync_all().and_then(|()| fs::rename(&self.temporary, &self.target));
        kept.map_err(|e| self.refused(e))?;
        sync_folder(folder_of(&self.target));
        Ok(())
    }

    fn refused(&self, error: io::Error) -> FileError {
        FileError::refused("to write the file", error, WRITABLE).in_file(&self.target)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // Nothing is there after the rename, and nothing more can be done if this fails.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A new file that this process has locked, where the file system knows locks.
fn create_beside(folder: &Path) -> io::Result<(PathBuf, File)> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (process, time) = (std::process::id(), since.as_nanos());
    for attempt in 0..ATTEMPTS {
        let temporary = folder.join(format!("{START}{process}-{time}-{attempt}{END}"));
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) if is_ours(&file) => return Ok((temporary, file)),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    let what = format!("{ATTEMPTS} temporary files that other processes have taken away");
    Err(io::Error::new(ErrorKind::AlreadyExists, what))
}

/// Locks a file that was just made; false where another process was quicker to clear it away.
/// Windows lets nobody read a locked file, and no file be removed while it is open: no lock there.
#[cfg(unix)]
fn is_ours(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    !is_taken && file.metadata().is_ok_and(|file| file.nlink() > 0)
}

#[cfg(not(unix))]
fn is_ours(_: &File) -> bool {
    true
}

/// Whether the folder entry of this name is a temporary file, of a living process or of a dead one.
pub fn is_temporary(name: &std::ffi::OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(START) && name.ends_with(END))
}

/// Removes the temporary files of dead processes. What cannot be removed is left: it does no harm.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        // The type first: to open a pipe would wait for its writer.
        if is_temporary(&entry.file_name())
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(file) = OpenOptions::new().read(true).write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
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

    fn write(path: &Path, bytes: &[u8]) {
        let mut new = Replacement::of(path).unwrap();
        new.fill(|file| file.write_all(bytes)).unwrap();
        new.keep().unwrap();
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("proxtape-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn failure_half_way_keeps_the_old_file_and_removes_the_temporary_one() {
        let folder = folder("replacement");
        let path = folder.join("model");
        write(&path, b"old");
        let mut half = Replacement::of(&path).unwrap();
        let error = half.fill(|file| {
            file.write_all(b"half of the ne")?;
            Err(io::Error::from(ErrorKind::StorageFull))
        });
        let error = error.unwrap_err();
        drop(half);
        assert_eq!(error.file(), Some(&*path));
        assert!(std::error::Error::source(&error).is_some());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        write(&path, b"new");
        assert_eq!(fs::read(&path).unwrap(), b"new");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn path_without_a_file_name_is_an_error() {
        for path in ["", "/", ".."] {
            assert!(Replacement::of(Path::new(path)).is_err(), "{path:?}");
        }
    }

    /// As process 1 of a container leaves them, run after run.
    #[cfg(unix)]
    #[test]
    fn files_of_dead_writers_are_removed_and_those_of_living_ones_stay() {
        let folder = folder("leftovers");
        let process = std::process::id();
        for n in 0..ATTEMPTS {
            for dead in [1, process] {
                fs::write(folder.join(format!(".proxtape-{dead}-{n}.tmp")), "half").unwrap();
            }
        }
        fs::write(folder.join(format!(".proxtape-{process}.unproven.tmp")), "half").unwrap();
        let mut living = Replacement::of(&folder.join("a")).unwrap();
        living.fill(|file| file.write_all(b"a")).unwrap();
        write(&folder.join("b"), b"b");
        let mut left: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        left.sort();
        assert_eq!(left, [living.path().to_path_buf(), folder.join("b")]);
        living.keep().unwrap();
        assert_eq!(fs::read(folder.join("a")).unwrap(), b"a");
        fs::remove_dir_all(&folder).unwrap();
    }
}
