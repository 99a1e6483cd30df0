//! A cell as a number.

use super::quoted;

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
    let (value, mark) = match text.split_once(',') {
        Some((whole, fraction)) if separator != b',' && !text.contains('.') => {
            (format!("{whole}.{fraction}").parse(), Some(Mark::Comma))
        }
        _ => (text.parse(), text.contains('.').then_some(Mark::Point)),
    };
    match value {
        Ok(value) if f64::abs(value) <= f64::from(f32::MAX) => Ok((value, mark)),
        Ok(value) if value.is_nan() => Err(gaps),
        Ok(_) => Err("keep numbers finite and below 3.4e38"),
        Err(_) if is_grouped(text) => Err("write numbers without thousands separators"),
        Err(_) if separator == b',' && text.contains(',') => {
            Err("write decimal points, or separate the cells by semicolons")
        }
        Err(_) => Err(gaps),
    }
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
