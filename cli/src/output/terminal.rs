//! What is printed, and where: text for people to stderr, results to stdout. A pipe that the
//! reader has closed ends the printing, and nothing else.
//!
//! These are the doors of the program: what passes them is escaped (`shown.rs`), whoever made it, so that
//! a name out of a file cannot act on a terminal. Colours are put on afterwards.

use crate::args::{conflict, no_text};
use crate::failure::Failure;
use crate::output::shown;
use clap::error::{ContextKind, ContextValue};
use core::fmt::Display;
use serde::Serialize;
use std::ffi::OsString;
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
        self.say_lines(&shown::line(text));
    }

    /// Several lines, of which each name that is no line must have passed [`shown::line`] before: cells of a
    /// table have.
    pub(crate) fn say_lines(self, text: &str) {
        if !self.quiet {
            // Nobody is left to be told that stderr is closed.
            let _ = writeln!(io::stderr(), "{}", shown::text(text));
        }
    }

    /// An error: printed in any case.
    pub(crate) fn error(self, failure: &Failure) {
        let failure = shown::text(&failure.to_string());
        let _ = writeln!(io::stderr(), "{} {failure}", self.error_mark());
    }

    fn error_mark(self) -> &'static str {
        if self.color { "\x1b[1;31merror:\x1b[0m" } else { "error:" }
    }
}

/// What clap has to tell in place of a command of some words: its help as it is, or what is wrong with an
/// argument.
pub(crate) fn refuse(error: clap::Error, words: &[OsString]) {
    // Nothing can be told where nothing can be printed.
    if !error.use_stderr() {
        let _ = error.print();
        return;
    }
    let mut error = no_text::named(error, words);
    conflict::narrow(&mut error, words);
    // An argument is one line; what is set about it may be several.
    let told: Vec<(ContextKind, ContextValue)> =
        error.context().filter_map(|(kind, value)| Some((kind, one_line(value)?))).collect();
    for (kind, value) in told {
        error.insert(kind, value);
    }
    // As plain text: colours are escape sequences, and an argument may bring its own.
    let text = shown::text(&error.render().to_string());
    let mark = Voice::new(false).error_mark();
    let text = match text.strip_prefix("error:") {
        Some(rest) => format!("{mark}{rest}"),
        None => text,
    };
    let _ = io::stderr().write_all(text.as_bytes());
}

fn one_line(value: &ContextValue) -> Option<ContextValue> {
    match value {
        ContextValue::String(text) => Some(ContextValue::String(shown::line(text))),
        ContextValue::Strings(texts) => {
            Some(ContextValue::Strings(texts.iter().map(shown::line).collect()))
        }
        // Advice that repeats the argument.
        ContextValue::StyledStrs(texts) => {
            let texts = texts.iter().map(|text| shown::line(text).into());
            Some(ContextValue::StyledStrs(texts.collect()))
        }
        _ => None,
    }
}

/// A result as text on stdout: lines, of which each name has passed [`shown::line`] before.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    write_out(&shown::text(text))
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
    Ok(shown::json(&text))
}

fn open_end(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        // The reader has seen enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure::failed(format!("stdout cannot be written: {e}"))),
        Ok(()) => Ok(()),
    }
}
