//! A span of time as people write it.

use core::str::FromStr;
use core::time::Duration;

/// `20m`, `90s` or `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget(pub(crate) Duration);

const UNITS: [(char, u64); 3] = [('h', 3600), ('m', 60), ('s', 1)];

impl FromStr for Budget {
    type Err = String;

    fn from_str(s: &str) -> Result<Budget, String> {
        let seconds = || -> Option<u64> {
            let (mut rest, mut sum) = (s, 0u64);
            while !rest.is_empty() {
                let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
                let unit = after.chars().next()?;
                let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
                sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
                rest = &after[1..];
            }
            // A century is more than enough, and no clock overflows.
            Some(sum).filter(|&sum| !s.is_empty() && sum <= 100 * 366 * 86_400)
        };
        let seconds = seconds().ok_or("expected a time as 90s, 20m or 1h30m")?;
        Ok(Budget(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_by_their_units() {
        for (text, seconds) in [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("0s", 0)] {
            assert_eq!(text.parse(), Ok(Budget(Duration::from_secs(seconds))), "{text}");
        }
        for text in ["", "20", "m", "1d", "-1s", "1.5h", "99999999999999999999s", "9999999999h"] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }
}
