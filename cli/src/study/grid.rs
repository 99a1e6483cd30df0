//! The grid of a study: methods, strengths and seeds.

use super::Method;
use serde::{Deserialize, Serialize};

/// All that the choice of trainings depends on, beside the recipe; a file in their folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grid {
    /// `compare` or `sweep`.
    pub(crate) kind: Kind,
    pub(crate) families: Vec<Method>,
    /// The strengths of every penalty, where they are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lambdas: Option<Vec<f32>>,
    /// How many strengths of each method are tried, where they are not.
    pub(crate) points: usize,
    pub(crate) seeds: Vec<u64>,
    /// How far below the unregularised network's the validation accuracy may be, in points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tolerance: Option<f64>,
    /// The share of the weights that every network is to keep, instead of a tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keep: Option<f64>,
    /// Of the contents of the data that all were trained on; an older program kept none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_hash: Option<String>,
}

/// The command of the study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Compare,
    Sweep,
}

impl Kind {
    /// The name of the command, and of its files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Compare => "compare",
            Kind::Sweep => "sweep",
        }
    }
}

/// The most strengths, and the most seeds: more trainings than a person can wait for.
const MOST: usize = 1000;

/// The most trainings of all methods, strengths and seeds together.
const TRAININGS: usize = 100_000;

impl Grid {
    /// The first number out of range; flags and the file in the folder have the same ranges.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Grid { families, lambdas, points, seeds, tolerance, keep, .. } = self;
        let outside = |what: &str, wants: &str, found: String| {
            Err(format!("{what}: expected {wants}, found {found}"))
        };
        let distinct = (1..families.len()).all(|i| !families[..i].contains(&families[i]));
        if families.is_empty() || families.len() > Method::all().count() || !distinct {
            return outside("families", "one or more, each once", families.len().to_string());
        }
        if !(1..=MOST).contains(points) {
            return outside("points", &format!("1 to {MOST}"), points.to_string());
        }
        if let Some(lambdas) = lambdas {
            let shares = families[..] == [Method::Magnitude];
            let most = if shares { 1.0 } else { f32::MAX };
            if !(1..=MOST).contains(&lambdas.len()) {
                return outside("lambdas", &format!("1 to {MOST}"), lambdas.len().to_string());
            }
            if let Some(other) = lambdas.iter().find(|&&x| !(x > 0.0 && x <= most)) {
                let wants = if shares { "shares above 0, up to 1" } else { "numbers above 0" };
                return outside("lambdas", wants, other.to_string());
            }
            if let Some(lambda) = repeated(lambdas) {
                return outside("lambdas", "each once", format!("{lambda:e} again"));
            }
        }
        if !(1..=MOST).contains(&seeds.len()) {
            return outside("seeds", &format!("1 to {MOST}"), seeds.len().to_string());
        }
        if let Some(seed) = seeds.iter().find(|&&seed| seed > i64::MAX as u64) {
            return outside("seeds", &format!("at most {}", i64::MAX), seed.to_string());
        }
        if let Some(seed) = repeated(seeds) {
            return outside("seeds", "each once", format!("{seed} again"));
        }
        if let Some(tolerance) = tolerance.filter(|x| !(0.0..=100.0).contains(x)) {
            return outside("tolerance", "0 to 100 points", tolerance.to_string());
        }
        if let Some(keep) = keep.filter(|&share| !(share > 0.0 && share <= 1.0)) {
            return outside("keep", "a share above 0, up to 1", keep.to_string());
        }
        let strengths = lambdas.as_ref().map_or(*points, Vec::len);
        let trainings = families.len() * strengths * seeds.len();
        if trainings > TRAININGS {
            return outside(
                "families, strengths and seeds",
                &format!("at most {TRAININGS} trainings together"),
                trainings.to_string(),
            );
        }
        Ok(())
    }

    /// The strengths of a method, weakest first; one, without a meaning, where there is nothing to
    /// choose.
    pub(crate) fn strengths(&self, method: Method) -> Vec<f32> {
        match (method, &self.lambdas, self.keep) {
            // Pruning keeps the given share.
            (Method::Magnitude, _, Some(keep)) => vec![keep as f32],
            // The lambdas of penalties are no shares, unless shares are all that is wanted.
            (Method::Magnitude, Some(shares), _) if self.families.len() == 1 => shares.clone(),
            (Method::Penalty(_), Some(lambdas), _) if method.range().is_some() => lambdas.clone(),
            _ => method.range().map_or(vec![0.0], |range| spaced(range, self.points)),
        }
    }
}

/// The first value that is there a second time.
fn repeated<T: PartialEq>(values: &[T]) -> Option<&T> {
    (1..values.len()).find(|&i| values[..i].contains(&values[i])).map(|i| &values[i])
}

/// Numbers from `low` to `high`, evenly spaced on a logarithmic scale.
fn spaced([low, high]: [f32; 2], points: usize) -> Vec<f32> {
    let ratio = f64::from(high) / f64::from(low);
    let at = |i: usize| {
        // One point is the middle.
        let share = if points == 1 { 0.5 } else { i as f64 / (points - 1) as f64 };
        tidy(f64::from(low) * ratio.powf(share))
    };
    (0..points).map(at).collect()
}

/// The middle of two strengths on a logarithmic scale.
pub(crate) fn middle(a: f32, b: f32) -> f32 {
    tidy((f64::from(a) * f64::from(b)).sqrt())
}

/// Three digits: a strength that a person can type again.
fn tidy(strength: f64) -> f32 {
    format!("{strength:.2e}").parse().unwrap_or(strength as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_are_evenly_spaced_in_their_logarithm() {
        assert_eq!(spaced([1e-4, 1e-2], 5), [1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2]);
        assert_eq!(spaced([1e-4, 1e-2], 1), [1e-3]);
        assert_eq!(middle(1e-4, 1e-2), 1e-3);
    }
}
