//! Numbers as people read them.

/// Digits in groups of three: 1,234,567.
pub(crate) fn grouped(n: impl TryInto<u64>) -> String {
    let digits = n.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole in percent.
pub(crate) fn percent(part: impl TryInto<u64>, whole: impl TryInto<u64>) -> String {
    let [part, whole] = [part.try_into().ok(), whole.try_into().ok()].map(|n| n.unwrap_or(0));
    match whole {
        0 => "-".to_owned(),
        _ => format!("{:.1}", 100.0 * part as f64 / whole as f64),
    }
}

/// A number of threads: `1 thread`, `2 threads`.
pub(crate) fn threads(n: usize) -> String {
    if n == 1 { "1 thread".to_owned() } else { format!("{n} threads") }
}

/// Two significant digits: residuals.
pub(crate) fn small(x: f64) -> String {
    if x == 0.0 { "0".to_owned() } else { format!("{x:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (n, want) in [(0u64, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(grouped(n), want);
        }
    }

    #[test]
    fn part_of_nothing_is_no_percentage() {
        assert_eq!(percent(0u64, 0u64), "-");
        assert_eq!(percent(1u64, 8u64), "12.5");
    }
}
