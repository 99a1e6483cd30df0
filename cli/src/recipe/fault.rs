//! An error at a position of a text, with the line and a mark under it.

use crate::failure::Failure;
use crate::output::escape;

/// What does not fit, and its byte in the file.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
}

/// The most characters of a line that an error shows.
const SHOWN: usize = 160;

/// An error that shows the line.
pub(super) fn at(place: &str, text: &str, byte: usize, message: &str) -> Failure {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    // The part of a long line around the position.
    let column = before[from..].chars().count();
    let first = column.saturating_sub(SHOWN / 2);
    let part = text[from..].lines().next().unwrap_or_default().replace('\t', " ");
    let part: String = part.chars().skip(first).take(SHOWN).collect();
    let margin = " ".repeat(line.to_string().len());
    // As wide as the text before the position, which may be escaped.
    let ahead: String = part.chars().take(column - first).collect();
    let mark = " ".repeat(escape::line(ahead).chars().count());
    Failure::failed(format_args!("{place}: line {line}: {message}"))
        .under(format_args!("{margin} |"))
        .under(format_args!("{line} | {part}"))
        .under(format_args!("{margin} | {mark}^"))
}
