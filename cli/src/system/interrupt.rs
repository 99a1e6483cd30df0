//! Signals that ask for an end: SIGINT (Ctrl-C), SIGTERM and SIGHUP.
//!
//! ```text
//! nothing to save     the process ends at once; files on their way are removed
//! trainings run       they are asked to end: one does after its step, and saves; what stands between
//!                     them (a measurement, a compaction) is given up
//! it was asked        the process ends at once, whatever is being saved: the old file stays
//! ```
//!
//! The exit status is 128 + the signal's number each time. A training that has saved says so; a process that
//! ends at once prints what is kept (`final_note.rs`). Before `main` begins, the system ends the process by itself.
//! A SIGHUP that was ignored when the program started (`nohup`) stays ignored; that can be seen on Linux alone.
//!
//! Signals are sent to a process, so what is known of them belongs to the process: the one state that
//! is not passed in.

use crate::failure::{Failure, status};
use crate::system::final_note;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// [`IDLE`], [`TRAINING`], or the number of the signal that has asked for an end.
static STATE: AtomicI32 = AtomicI32::new(IDLE);

const IDLE: i32 = 0;
const TRAINING: i32 = -1;

/// Files to remove where the process ends at once.
static DRAFTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Watches for the signals from now on.
#[cfg(unix)]
pub(crate) fn watch() -> Result<(), Failure> {
    use signal_hook::consts::{SIGHUP, SIGXFSZ};
    // A file that grows past its limit (`ulimit -f`) is then an error of who writes it, as a full disk is.
    let failed = |e| Failure::failed(format!("Ctrl-C and other signals cannot be watched: {e}"));
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map_err(failed)?;
    let watched: Vec<i32> = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|&signal| signal != SIGHUP || !is_ignored(signal))
        .collect();
    let signals = signal_hook::iterator::Signals::new(watched);
    let mut signals = signals.map_err(failed)?;
    spawn(move || signals.forever().for_each(receive))
}

/// There, a flag is all that can be set.
#[cfg(not(unix))]
pub(crate) fn watch() -> Result<(), Failure> {
    use std::sync::atomic::AtomicUsize;
    let flag = Arc::new(AtomicUsize::new(0));
    for signal in [SIGINT, SIGTERM] {
        let registered =
            signal_hook::flag::register_usize(signal, Arc::clone(&flag), signal as usize);
        registered.map_err(|e| Failure::failed(format!("Ctrl-C cannot be watched: {e}")))?;
    }
    spawn(move || {
        loop {
            match flag.swap(0, Ordering::SeqCst) {
                0 => std::thread::sleep(core::time::Duration::from_millis(50)),
                signal => receive(signal as i32),
            }
        }
    })
}

fn spawn(watch: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(watch);
    thread.map(drop).map_err(|e| Failure::failed(format!("signals cannot be watched: {e}")))
}

/// Whether this process was started with a signal ignored, as Linux reports it: the bit below its number.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    // Elsewhere there is no such file.
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

fn receive(signal: i32) {
    let asked = STATE.compare_exchange(TRAINING, signal, Ordering::SeqCst, Ordering::SeqCst);
    if asked.is_err() {
        // Threads with a draft wait here, so the note stays true.
        let drafts = drafts();
        for draft in drafts.iter() {
            let _ = fs::remove_file(draft);
        }
        final_note::say(signal);
        std::process::exit(i32::from(status(signal)));
    }
}

/// Waits where a signal is about to end the process, whose status then counts.
pub(crate) fn give_way() {
    drop(drafts());
}

/// The signal that has asked for an end.
pub(crate) fn asked() -> Option<i32> {
    let state = STATE.load(Ordering::SeqCst);
    (state > IDLE).then_some(state)
}

/// The signal of a command that was stopped: the one that has asked, or that of Ctrl-C where it was
/// something else.
pub(crate) fn signal() -> i32 {
    asked().unwrap_or(SIGINT)
}

/// An error if an end was asked for: for work within [`Saving`] that is soon done again.
pub(crate) fn check() -> Result<(), Failure> {
    asked().map_or(Ok(()), |signal| Err(Failure::Interrupted(signal)))
}

/// While it lives, there is something to save: a signal asks. One within another changes nothing.
pub(crate) struct Saving {
    is_outer: bool,
}

impl Saving {
    pub(crate) fn begin() -> Saving {
        let begun = STATE.compare_exchange(IDLE, TRAINING, Ordering::SeqCst, Ordering::SeqCst);
        Saving { is_outer: begun.is_ok() }
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        // Who was asked stays so, and is to look once more.
        if self.is_outer {
            let _ = STATE.compare_exchange(TRAINING, IDLE, Ordering::SeqCst, Ordering::SeqCst);
        }
    }
}

/// While it lives, the file is removed if a signal ends the process.
#[derive(Debug)]
pub(crate) struct Removal(PathBuf);

impl Removal {
    pub(crate) fn of(path: &Path) -> Removal {
        drafts().push(path.to_path_buf());
        Removal(path.to_path_buf())
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        drafts().retain(|draft| *draft != self.0);
    }
}

fn drafts() -> MutexGuard<'static, Vec<PathBuf>> {
    DRAFTS.lock().unwrap_or_else(PoisonError::into_inner)
}
