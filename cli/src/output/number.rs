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

/// A share of 1 in percent, to a hundredth.
pub(crate) fn share(x: f64) -> String {
    format!("{:.2} %", 100.0 * x)
}

/// A number on an axis: no more digits than it has.
pub(crate) fn short(x: f64) -> String {
    // Rounding leaves a -0.
    let x = if x.abs() < 1e-12 { 0.0 } else { x };
    match x.abs() {
        0.0 => "0".to_owned(),
        a if !(1e-3..1e5).contains(&a) => format!("{x:.0e}"),
        a if a >= 100.0 && x > 0.0 => grouped(x.round() as u64),
        _ => {
            let text = format!("{x:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

/// A number of threads: `1 thread`, `2 threads`.
pub(crate) fn threads(n: usize) -> String {
    if n == 1 { "1 thread".to_owned() } else { format!("{n} threads") }
}

/// A span of time, roughly.
pub(crate) fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match seconds {
        s if s < 99.5 => format!("{:.0} s", s.max(1.0)),
        s if s < 99.5 * 60.0 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
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
    fn numbers_of_an_axis_are_short() {
        for (x, want) in [
            (0.6000000000000001, "0.6"),
            (-1e-17, "0"),
            (3e-4, "3e-4"),
            (10_000.0, "10,000"),
            (-250.0, "-250"),
            (2e6, "2e6"),
        ] {
            assert_eq!(short(x), want);
        }
    }

    #[test]
    fn time_is_in_the_unit_that_fits() {
        for (seconds, want) in
            [(0.2, "1 s"), (90.0, "90 s"), (720.0, "12 min"), (7_500.0, "2 h 5 min")]
        {
            assert_eq!(duration(seconds), want);
        }
    }

    #[test]
    fn part_of_nothing_is_no_percentage() {
        assert_eq!(percent(0u64, 0u64), "-");
        assert_eq!(percent(1u64, 8u64), "12.5");
    }
}
