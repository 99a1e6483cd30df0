//! A cell as a number.

use super::quoted;
use std::num::ParseFloatError;

/// What separates the fraction from the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Point,
    Comma,
}

/// The value of a cell, which f32 can hold too (networks compute in it), and its decimal mark, if it has
/// one. A comma is one where it separates no cells. Otherwise, what to do about the cell.
pub(super) fn parse(cell: &[u8], separator: u8) -> Result<(f64, Option<Mark>), &'static str> {
    let gaps = "fill gaps, turn words into numbers, or remove the column";
    let text = std::str::from_utf8(cell).map_err(|_| gaps)?;
    let (value, mark) = read(text, separator);
    match value {
        Ok(value) if f64::abs(value) <= f64::from(f32::MAX) => Ok((value, mark)),
        Ok(value) if value.is_nan() => Err(gaps),
        Ok(_) => Err("keep numbers finite and below 3.4e38: divide the column by a constant"),
        Err(_) if is_grouped(text) => Err("write numbers without thousands separators"),
        Err(_) if separator == b',' && text.contains(',') => {
            Err("write decimal points, or separate the cells by semicolons")
        }
        Err(_) => Err(gaps),
    }
}

/// The value of a text, even one that no f32 can hold.
pub(super) fn value(text: &str, separator: u8) -> Option<f64> {
    read(text, separator).0.ok()
}

fn read(text: &str, separator: u8) -> (Result<f64, ParseFloatError>, Option<Mark>) {
    match text.split_once(',') {
        Some((whole, fraction)) if separator != b',' && !text.contains('.') => {
            (format!("{whole}.{fraction}").parse(), Some(Mark::Comma))
        }
        _ => (text.parse(), text.contains('.').then_some(Mark::Point)),
    }
}

/// How the numbers of one column are written: `1.010` after `986` is no fraction.
#[derive(Clone, Default)]
pub(super) struct Column {
    /// The first number with a mark: its line and text.
    marked: Option<(u64, String)>,
    /// A number with a mark that is not one to three digits, the mark and three more.
    fraction: bool,
    /// A whole number without a mark, of three or more digits.
    whole: Option<u64>,
}

impl Column {
    /// Adds a number.
    pub(super) fn push(&mut self, cell: &[u8], line: u64, (value, mark): (f64, Option<Mark>)) {
        if mark.is_none() {
            if self.whole.is_none() && value.abs() >= 100.0 {
                self.whole = Some(line);
            }
        } else if !self.fraction {
            self.fraction = !is_thousands(cell);
            self.marked.get_or_insert_with(|| (line, String::from_utf8_lossy(cell).into_owned()));
        }
    }

    /// A number that may have a thousands separator, where no other cell decides.
    pub(super) fn ambiguous(&self) -> Option<&str> {
        let (_, text) = self.marked.as_ref().filter(|_| !self.fraction && self.whole.is_none())?;
        Some(text)
    }

    /// The line and text of a number that seems to have a thousands separator, and the line of one
    /// that tells so.
    pub(super) fn grouped(&self) -> Option<(u64, &str, u64)> {
        let (line, text) = self.marked.as_ref().filter(|_| !self.fraction)?;
        Some((*line, text, self.whole?))
    }
}

/// Decimal digits that an f64 keeps of any number.
const DIGITS: usize = 15;

/// The digits of the numbers of one column that have more than an f64 keeps.
#[derive(Clone, Copy, Default)]
pub(super) struct Digits {
    /// The evidence about those of the first number.
    first: Option<u64>,
    /// Whether those of another one are others.
    pub(super) differ: bool,
    /// Whether one is a whole number that was rounded: from 2^53 on, some are.
    pub(super) rounded: bool,
}

impl Digits {
    /// Adds a number.
    pub(super) fn push(&mut self, cell: &[u8], value: f64) {
        let digits = long_digits(cell);
        self.differ |= *self.first.get_or_insert(digits) != digits;
        if digits != 0 && !self.rounded {
            let exact = std::str::from_utf8(cell).ok().and_then(|text| text.parse::<i128>().ok());
            self.rounded = exact.is_some_and(|exact| exact != value as i128);
        }
    }
}

/// A hash of the significant digits of a number (FNV-1a); 0 where there are no more than [`DIGITS`].
fn long_digits(cell: &[u8]) -> u64 {
    if cell.len() <= DIGITS {
        return 0;
    }
    let (mut hash, mut count) = (0xcbf2_9ce4_8422_2325_u64, 0);
    // Up to the last digit that is not 0.
    let mut significant = (hash, count);
    for byte in cell.iter().take_while(|byte| !byte.eq_ignore_ascii_case(&b'e')) {
        if byte.is_ascii_digit() && (count > 0 || *byte != b'0') {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            count += 1;
            if *byte != b'0' {
                significant = (hash, count);
            }
        }
    }
    if significant.1 > DIGITS { significant.0 } else { 0 }
}

/// Whether a number with a mark may be a whole one: `1.010` or `-12,000`, not `0.123`.
fn is_thousands(cell: &[u8]) -> bool {
    let cell = cell.strip_prefix(b"-").or(cell.strip_prefix(b"+")).unwrap_or(cell);
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    cell.split_last_chunk::<4>().is_some_and(|(whole, [_, fraction @ ..])| {
        (1..=3).contains(&whole.len()) && whole[0] != b'0' && digits(whole) && digits(fraction)
    })
}

/// Whether digits stand in groups of three: `1,234,567.8`, `1.234,5`, `1 234` or `1'234`.
fn is_grouped(text: &str) -> bool {
    let text = text.trim_start_matches(['-', '+']);
    [',', '.', ' ', '\'', '\u{a0}', '\u{202f}', '_'].iter().any(|&mark| {
        let whole = match mark {
            ',' => text.split('.').next(),
            '.' => text.split(',').next(),
            _ => text.split(['.', ',']).next(),
        };
        let mut groups = whole.unwrap_or_default().split(mark);
        let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
        let first =
            groups.next().is_some_and(|group| (1..=3).contains(&group.len()) && digits(group));
        let mut later = groups.peekable();
        first && later.peek().is_some() && later.all(|group| group.len() == 3 && digits(group))
    })
}

/// Two marks in one file: `1,234` could be either.
pub(super) fn mixed(mark: Mark, line: u64, cell: &[u8]) -> (String, String, &'static str) {
    let name = match mark {
        Mark::Point => "a point",
        Mark::Comma => "a comma",
    };
    let expected = format!("{name} before the fraction, as on line {line}");
    (expected, quoted(cell), "write all numbers of the file alike, without thousands separators")
}
