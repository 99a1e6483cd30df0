//! The errors of the command line itself, as clap finds them: on one line each, with the words that were
//! given, and with nothing hidden in them.

use super::{Cli, conflict};
use crate::output::escape;
use crate::output::terminal::Terminal;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};
use std::ffi::OsString;
use std::io::{self, Write};

/// Prints clap's answer to a command line that is no command: its help as it is, or the error in an argument.
pub(crate) fn refuse(error: Error, words: &[OsString]) {
    // Where nothing can be printed, no error can be reported.
    if !error.use_stderr() {
        let _ = error.print();
        return;
    }
    let mut error = named(error, words);
    conflict::narrow(&mut error, words);
    // An argument is one line; the text around it may be several.
    let lines: Vec<(ContextKind, ContextValue)> =
        error.context().filter_map(|(kind, value)| Some((kind, one_line(value)?))).collect();
    for (kind, value) in lines {
        error.insert(kind, value);
    }
    // As plain text: colours are escape sequences, and an argument may bring its own.
    let text = escape::text(&error.render().to_string());
    let mark = Terminal::new(false).error_mark();
    let text = match text.strip_prefix("error:") {
        Some(rest) => format!("{mark}{rest}"),
        None => text,
    };
    let _ = io::stderr().write_all(text.as_bytes());
}

fn one_line(value: &ContextValue) -> Option<ContextValue> {
    match value {
        ContextValue::String(text) => Some(ContextValue::String(escape::line(text))),
        ContextValue::Strings(texts) => {
            Some(ContextValue::Strings(texts.iter().map(escape::line).collect()))
        }
        // Advice that repeats the argument.
        ContextValue::StyledStrs(texts) => {
            let texts = texts.iter().map(|text| escape::line(text).into());
            Some(ContextValue::StyledStrs(texts.collect()))
        }
        _ => None,
    }
}

/// The same error; if a word is no text, with the words: clap finds that there is one, and not which.
fn named(error: Error, words: &[OsString]) -> Error {
    if error.kind() != ErrorKind::InvalidUtf8 {
        return error;
    }
    let pairs = words.windows(2).filter(|pair| pair[1].to_str().is_none());
    let found: Vec<String> =
        pairs.map(|pair| format!("{:?} after '{}'", pair[1], pair[0].display())).collect();
    Cli::command().error(
        ErrorKind::InvalidUtf8,
        format_args!(
            "expected text in UTF-8, found {}; rename the file or folder, or name it by a link with \
             such a name",
            found.join(", ")
        ),
    )
}
