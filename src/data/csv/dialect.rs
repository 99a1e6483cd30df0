//! How a table is written: what separates its cells, and so whether a comma may be a decimal mark.
//!
//! Each separator is tried on the first records. Best is one that gives all of them the same number of
//! cells, two or more; among those, the one that leaves the others out of most records, but for a comma
//! in a number; then the one with the largest share of numbers; then the one with the most cells.
//! `0,5;a` is two cells separated by a semicolon: a comma gives `5;a`, no number.

use super::number;
use super::records::Records;

/// In the order in which ties are decided.
const SEPARATORS: [(u8, &str); 4] =
    [(b',', "commas"), (b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")];

/// Records that are looked at.
const RECORDS: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    /// In the plural.
    pub(super) name: &'static str,
}

/// The line in which Excel names the separator: `sep=;`.
pub(super) struct Named {
    pub(super) separator: u8,
    /// With its end.
    pub(super) line: usize,
}

impl Named {
    /// The first line, if it is such a one.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let (sep, rest) = head.split_at_checked(4)?;
        let (&separator, rest) = rest.split_first()?;
        let end = ["\r\n", "\n", "\r"].into_iter().find(|end| rest.starts_with(end.as_bytes()))?;
        let named = sep.eq_ignore_ascii_case(b"sep=");
        named.then_some(Self { separator, line: 5 + end.len() })
    }
}

impl Dialect {
    /// The dialect of a separator, if tables are read with it.
    pub(super) fn named(separator: u8) -> Option<Self> {
        let known = SEPARATORS.into_iter().find(|(known, _)| *known == separator);
        known.map(|(separator, name)| Self { separator, name })
    }

    /// The dialect of a text, by its first part.
    pub(super) fn of(head: &[u8]) -> Self {
        let mut best = SEPARATORS[0];
        let mut most = Fit::of(head, best.0);
        for candidate in &SEPARATORS[1..] {
            let fit = Fit::of(head, candidate.0);
            if fit > most {
                (best, most) = (*candidate, fit);
            }
        }
        Self { separator: best.0, name: best.1 }
    }
}

/// How well a separator fits. Compared field by field.
#[derive(PartialEq, PartialOrd)]
struct Fit {
    even: bool,
    /// The share of records that have no other separator in a cell, unless that is a number. As the
    /// share of numbers it is without the first record, unless that is the only one.
    clean: f64,
    numbers: f64,
    width: usize,
}

impl Fit {
    fn of(head: &[u8], separator: u8) -> Self {
        // Of a longer text the last record may be cut off.
        let mut records = Records::new(head, separator);
        let mut rows: Vec<Row> = Vec::new();
        // A wrong quote is an error later, with the separator that is chosen.
        while rows.len() <= RECORDS
            && let Ok(Some(record)) = records.next()
        {
            let is_number = |cell: &&[u8]| number::parse(cell, separator).is_ok();
            let numbers = record.cells().filter(is_number).count();
            let holds_other =
                |cell: &[u8]| SEPARATORS.iter().any(|(other, _)| cell.contains(other));
            let clean = !record.cells().any(|cell| holds_other(cell) && !is_number(&cell));
            rows.push(Row { cells: record.len(), numbers, clean });
        }
        if rows.len() > 2 {
            rows.pop();
        }
        let width = rows.first().map_or(0, |row| row.cells);
        let even = width > 1 && rows.iter().all(|row| row.cells == width);
        let samples = if rows.len() > 1 { &rows[1..] } else { &rows[..] };
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let clean = samples.iter().filter(|row| row.clean).count();
        let numbers = samples.iter().map(|row| row.numbers).sum();
        let cells = samples.iter().map(|row| row.cells).sum();
        Self { even, clean: share(clean, samples.len()), numbers: share(numbers, cells), width }
    }
}

/// What a separator makes of a record.
struct Row {
    cells: usize,
    numbers: usize,
    clean: bool,
}
