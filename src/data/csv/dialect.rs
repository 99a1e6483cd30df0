//! How a table is written: what separates its cells, and so whether a comma may be a decimal mark.
//!
//! Each separator is tried on the first records. Best is one that gives all of them the same number of
//! cells, two or more; among those, the one with the largest share of numbers; then the one with
//! the most cells. `0,5;0,7;a` is three cells separated by semicolons: commas give `5;0`, no number.

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

impl Dialect {
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
    /// The share of numbers, without the first record unless it is the only one.
    numbers: f64,
    width: usize,
}

impl Fit {
    fn of(head: &[u8], separator: u8) -> Self {
        // Of a longer text the last record may be cut off.
        let mut records = Records::new(head, separator);
        let mut rows: Vec<(usize, usize)> = Vec::new();
        // A wrong quote is told later, by the one separator that is chosen.
        while rows.len() <= RECORDS
            && let Ok(Some(record)) = records.next()
        {
            let numbers = record.cells().filter(|cell| number::parse(cell, separator).is_ok());
            rows.push((record.len(), numbers.count()));
        }
        if rows.len() > 2 {
            rows.pop();
        }
        let width = rows.first().map_or(0, |row| row.0);
        let even = width > 1 && rows.iter().all(|row| row.0 == width);
        let samples = if rows.len() > 1 { &rows[1..] } else { &rows[..] };
        let [cells, numbers] =
            samples.iter().fold([0, 0], |[cells, numbers], row| [cells + row.0, numbers + row.1]);
        Self { even, numbers: numbers as f64 / cells.max(1) as f64, width }
    }
}
