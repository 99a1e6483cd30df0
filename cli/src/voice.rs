//! What is printed, and where: text for people to stderr, results to stdout. A pipe that the
//! reader has closed ends the printing, and nothing else.

use crate::failure::Failure;
use core::fmt::Display;
use serde::Serialize;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Speaks to people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice {
    quiet: bool,
    live: bool,
    color: bool,
}

impl Voice {
    /// Looks at the terminal and at `NO_COLOR` (<https://no-color.org>: set and not empty).
    pub(crate) fn new(quiet: bool) -> Voice {
        let terminal = io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Voice { quiet, live: terminal && !quiet, color: terminal && !plain }
    }

    /// Whether text may be redrawn in place.
    pub(crate) fn is_live(self) -> bool {
        self.live
    }

    /// Whether colours are welcome on stderr.
    pub(crate) fn has_color(self) -> bool {
        self.color
    }

    /// The voice of a part of a command, which shows a bar and leaves the words to the whole.
    pub(crate) fn hushed(self) -> Voice {
        Voice { quiet: true, ..self }
    }

    /// A line for people, unless they want quiet.
    pub(crate) fn say(self, text: impl Display) {
        if !self.quiet {
            // Nobody is left to be told that stderr is closed.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// An error: printed in any case.
    pub(crate) fn error(self, failure: &Failure) {
        let (start, end) = if self.color { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        let _ = writeln!(io::stderr(), "{start}error:{end} {failure}");
    }
}

/// A result as text on stdout.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    open_end(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// A result as one JSON object on one line of stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::failed)?;
    print(&(text + "\n"))
}

fn open_end(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        // The reader has seen enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure::failed(format!("stdout cannot be written: {e}"))),
        Ok(()) => Ok(()),
    }
}
