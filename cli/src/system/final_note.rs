//! The note on stderr where a signal ends the process at once: what is kept, and how to resume.
//!
//! ```text
//! a folder is worked in     what it keeps, and the command that goes on with it
//! anything else             no file is left unfinished, and the same command starts it again
//! ```
//!
//! Like the signals themselves, it belongs to the process.

use crate::output::shell;
use crate::output::terminal::Terminal;
use signal_hook::low_level::signal_name;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::Duration;

/// The command, if it takes `--resume`, and its terminal.
static COMMAND: OnceLock<(Option<&'static str>, Terminal)> = OnceLock::new();

/// The folder that is worked in: the first one that was locked, which has the others in it.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The longest wait for a stream that others hold, or that nobody reads.
const PATIENCE: Duration = Duration::from_millis(500);

pub(crate) fn of(command: Option<&'static str>, terminal: Terminal) {
    let _ = COMMAND.set((command, terminal));
}

pub(crate) fn about(folder: &Path) {
    let _ = FOLDER.set(folder.to_path_buf());
}

/// Says it, if that can be done in a moment.
pub(crate) fn say(signal: i32) {
    let (command, terminal) = COMMAND.get().copied().unwrap_or((None, Terminal::new(false)));
    let (said, heard) = channel();
    let say = move || {
        // Held to the end: this line is the last.
        let _stream = std::io::stderr().lock();
        terminal.say(text(signal, command));
        let _ = said.send(());
        loop {
            std::thread::park();
        }
    };
    if std::thread::Builder::new().spawn(say).is_ok() {
        let _ = heard.recv_timeout(PATIENCE);
    }
}

fn text(signal: i32, command: Option<&str>) -> String {
    let name = signal_name(signal).unwrap_or("a signal");
    // Without its recipe, a folder has not been begun.
    let folder = FOLDER.get().filter(|folder| folder.join("recipe.toml").is_file());
    let (Some(command), Some(folder)) = (command, folder) else {
        return format!(
            "ended by {name} before it was done, without an unfinished file; start it again by the \
             same command"
        );
    };
    let kept = match command {
        "train" if folder.join("state.safetensors").is_file() => {
            "the run stays as of its last save"
        }
        "train" => "nothing is trained yet",
        _ => "the trainings that are finished stay",
    };
    let folder = shell::word(folder);
    format!("ended by {name}: {kept}; go on with `proxtape {command} --resume {folder}`")
}
