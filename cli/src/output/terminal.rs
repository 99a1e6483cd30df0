//! Printing: results on stdout, notes, errors and progress on stderr. A pipe that its reader has closed ends
//! the printing, and nothing else.
//!
//! All text is escaped here (`escape.rs`), whatever made it: a name in a file cannot act on a terminal. Colours
//! are added afterwards.

use crate::failure::Failure;
use crate::output::escape;
use core::fmt::Display;
use serde::Serialize;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// The terminal on stderr, for text that people read while a command runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    quiet: bool,
    live: bool,
    color: bool,
}

impl Terminal {
    /// Looks at the terminal and at `NO_COLOR` (<https://no-color.org>: set and not empty).
    pub(crate) fn new(quiet: bool) -> Terminal {
        let terminal = io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Terminal { quiet, live: terminal && !quiet, color: terminal && !plain }
    }

    /// Whether text may be redrawn in place.
    pub(crate) fn is_live(self) -> bool {
        self.live
    }

    /// Whether colours are welcome on stderr.
    pub(crate) fn has_color(self) -> bool {
        self.color
    }

    /// For a part of a command: with its progress bar, without its lines.
    pub(crate) fn without_text(self) -> Terminal {
        Terminal { quiet: true, ..self }
    }

    /// A line for people, unless they want quiet.
    pub(crate) fn say(self, text: impl Display) {
        self.say_lines(&escape::line(text));
    }

    /// Several lines, of which each name that is no line must have passed [`escape::line`] before: cells of a
    /// table have.
    pub(crate) fn say_lines(self, text: &str) {
        if !self.quiet {
            // A closed stderr can be reported nowhere.
            let _ = writeln!(io::stderr(), "{}", escape::text(text));
        }
    }

    /// An error: printed in any case.
    pub(crate) fn error(self, failure: &Failure) {
        let failure = escape::text(&failure.to_string());
        let _ = writeln!(io::stderr(), "{} {failure}", self.error_mark());
    }

    /// The first word of an error.
    pub(crate) fn error_mark(self) -> &'static str {
        if self.color { "\x1b[1;31merror:\x1b[0m" } else { "error:" }
    }
}

/// A result as text on stdout: lines, of which each name has passed [`escape::line`] before.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    write_out(&escape::text(text))
}

fn write_out(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    open_end(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// A result as one JSON object on one line of stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    write_out(&(json(value)? + "\n"))
}

/// A value as one line of JSON, for stdout or a file: the same value, and nothing in it is hidden.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(Failure::failed)?;
    Ok(escape::json(&text))
}

fn open_end(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        // The reader has seen enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure::failed(format!("stdout cannot be written: {e}"))),
        Ok(()) => Ok(()),
    }
}
