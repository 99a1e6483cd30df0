//! The ranges of the numbers of a comparison, as its grid and its trials could have written them.

use super::object::{Comparison, Row, Trial};
use crate::study::Spread;

/// An error that names the first number that cannot be.
pub(super) fn check(comparison: &Comparison) -> Result<(), String> {
    let Comparison { tolerance, keep, .. } = comparison;
    expect("tolerance", *tolerance, "0 to 100 points", |x| (0.0..=100.0).contains(&x))?;
    expect("keep", *keep, "a share above 0, up to 1", |x| x > 0.0 && x <= 1.0)?;
    for (i, trial) in comparison.trials.iter().enumerate() {
        check_trial(trial).map_err(|what| format!("cells[{i}].{what}"))?;
    }
    for (i, row) in comparison.rows.iter().enumerate() {
        check_row(row).map_err(|what| format!("rows[{i}].{what}"))?;
    }
    Ok(())
}

fn check_trial(trial: &Trial) -> Result<(), String> {
    let (kept, all) =
        (trial.weights_kept.map(|x| x as f64), trial.weights.map_or(COUNT, |x| x as f64));
    let wants = format!("a number from 0 to {all}");
    check_strength(trial.lambda)?;
    check_share("validation_accuracy", trial.validation_accuracy)?;
    check_share("test_accuracy", trial.test_accuracy)?;
    expect("weights_kept", kept, &wants, |x| x <= all.min(COUNT))
}

fn check_row(row: &Row) -> Result<(), String> {
    check_strength(row.lambda)?;
    for (name, spread) in
        [("validation_accuracy", row.validation_accuracy), ("test_accuracy", row.test_accuracy)]
    {
        check_share(name, spread.map(|spread| spread.mean))?;
        check_share(name, spread.and_then(|spread| spread.std))?;
    }
    for (name, spread) in [
        ("weights", row.weights),
        ("weights_kept", row.weights_kept),
        ("groups", row.groups),
        ("groups_kept", row.groups_kept),
        ("macs_compact", row.macs_compact),
        ("macs_compact_nonzero", row.macs_compact_nonzero),
        ("bytes_compact", row.bytes_compact),
        ("latency_seconds", row.latency_seconds),
        ("train_seconds", row.train_seconds),
    ] {
        for number in spread.into_iter().flat_map(|Spread { mean, std }| [Some(mean), std]) {
            expect(name, number, "a number from 0 to 2^63", |x| (0.0..=COUNT).contains(&x))?;
        }
    }
    Ok(())
}

/// 2^63: more than anything counts.
const COUNT: f64 = (1_u64 << 63) as f64;

fn check_strength(lambda: Option<f64>) -> Result<(), String> {
    // As the grid takes it.
    let fits = |x: f64| x as f32 > 0.0 && (x as f32).is_finite();
    expect("lambda", lambda, "a number above 0 that an f32 holds", fits)
}

fn check_share(name: &str, share: Option<f64>) -> Result<(), String> {
    expect(name, share, "a share from 0 to 1", |x| (0.0..=1.0).contains(&x))
}

fn expect(
    name: &str,
    number: Option<f64>,
    wants: &str,
    fits: impl Fn(f64) -> bool,
) -> Result<(), String> {
    match number {
        Some(x) if !fits(x) => Err(format!("{name}: expected {wants}, found {x:e}")),
        _ => Ok(()),
    }
}
