//! A folder belongs to one process at a time.
//!
//! `.lock` in the folder is locked while its owner lives: the system drops the lock with the process,
//! however that ends, so a file that was left behind blocks nobody. It names its owner. The
//! owner removes it at its end; whoever had opened it by then sees that it has no name any more.

use crate::failure::Failure;
use crate::system::file::refused;
use core::fmt;
use core::time::Duration;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file in the folder.
pub(super) const NAME: &str = ".lock";

/// How often is looked again where an owner comes or goes at that moment, and how long is waited.
const ATTEMPTS: usize = 20;
const MOMENT: Duration = Duration::from_millis(10);

/// The lock of a folder.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    /// Locked while it is open.
    file: File,
    /// Why there is no lock: the file system knows none.
    pub(super) missing: Option<io::Error>,
}

impl Lock {
    /// Takes the lock of a folder.
    ///
    /// # Errors
    /// If another process has it; the error names it.
    pub(super) fn take(folder: &Path) -> Result<Lock, Failure> {
        let path = folder.join(NAME);
        let failed = |e| refused(&path, "to create the lock of the folder", &e);
        let mut owner = String::new();
        // What a link points to is not ours to write.
        if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
            let found = io::Error::new(io::ErrorKind::InvalidInput, "a link, a folder or a device");
            return Err(refused(&path, "no file, or the lock that `proxtape` made there", &found));
        }
        for _ in 0..ATTEMPTS {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let mut file = options.open(&path).map_err(failed)?;
            let missing = match file.try_lock() {
                Ok(()) if !has_name(&file) => continue,
                Ok(()) => None,
                Err(TryLockError::WouldBlock) => {
                    owner.clear();
                    // A file that cannot be read has no name of its owner.
                    let _ = file.take(256).read_to_string(&mut owner);
                    if owner.ends_with('\n') {
                        break;
                    }
                    std::thread::sleep(MOMENT);
                    continue;
                }
                Err(TryLockError::Error(e)) => Some(e),
            };
            let text = format!("process {}, started {}\n", std::process::id(), Utc::now());
            file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(failed)?;
            return Ok(Lock { path, file, missing });
        }
        let owner = owner.lines().next().filter(|owner| !owner.is_empty());
        Err(Failure::failed(format!(
            "{}: expected a folder that no other process works in, found one at work: {}; wait for its \
             end, end it, or name another folder",
            folder.display(),
            owner.unwrap_or("it has not told its number").escape_default()
        )))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is locked: nobody can have taken it yet.
        if self.missing.is_none() && has_name(&self.file) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether a file still has a name.
#[cfg(unix)]
fn has_name(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|file| file.nlink() > 0)
}

/// No file loses its name there while it is open.
#[cfg(not(unix))]
fn has_name(_: &File) -> bool {
    true
}

/// Seconds since 1970 began.
struct Utc(u64);

impl Utc {
    fn now() -> Utc {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Utc(since.map_or(0, |since| since.as_secs()))
    }
}

/// `2026-11-29 08:15:42 UTC`. Days become a date in years that begin in March, so that the day that
/// leap years add is their last (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, time) = (self.0 / 86_400, self.0 % 86_400);
        // From the 1st of March of year 0 on, in eras of 400 years.
        let z = days + 719_468;
        let (era, day) = (z / 146_097, z % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = era * 400 + year + next;
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `date -u -d @SECONDS` prints them.
    #[test]
    fn seconds_become_dates() {
        let dates = [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_709_251_199, "2024-02-29 23:59:59 UTC"),
            (1_795_939_542, "2026-11-29 08:05:42 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ];
        for (seconds, date) in dates {
            assert_eq!(Utc(seconds).to_string(), date);
        }
    }
}
