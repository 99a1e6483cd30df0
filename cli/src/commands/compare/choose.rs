//! The choice of a strength, by validation samples alone.

use crate::study::middle;

/// A finished training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) strength: f32,
    /// The share of the weights that is kept.
    pub(super) kept: f64,
    /// On the validation samples.
    pub(super) accuracy: f64,
}

/// Trainings between those of the grid, to come nearer to a share.
pub(super) const REFINEMENTS: usize = 4;

/// As near to a share as there is a point in: a twentieth of it.
const NEAR: f64 = 0.05;

/// Fewest weights; of these the most accurate; of these the weakest.
pub(super) fn sparsest(candidates: &[Candidate], floor: f64) -> Option<&Candidate> {
    let fit = candidates.iter().filter(|candidate| candidate.accuracy >= floor - 1e-12);
    fit.min_by(|a, b| {
        let accuracy = b.accuracy.total_cmp(&a.accuracy);
        a.kept.total_cmp(&b.kept).then(accuracy).then(a.strength.total_cmp(&b.strength))
    })
}

/// The most accurate; of these the one with the fewest weights.
pub(super) fn most_accurate(candidates: &[Candidate]) -> Option<&Candidate> {
    candidates
        .iter()
        .min_by(|a, b| b.accuracy.total_cmp(&a.accuracy).then(a.kept.total_cmp(&b.kept)))
}

/// How many times more or less than a share is kept, as a logarithm.
fn distance(candidate: &Candidate, share: f64) -> f64 {
    // A network without weights is as far away as can be.
    if candidate.kept > 0.0 { (candidate.kept / share).ln().abs() } else { f64::INFINITY }
}

pub(super) fn is_near(candidate: &Candidate, share: f64) -> bool {
    (candidate.kept / share - 1.0).abs() <= NEAR
}

/// The nearest to a share; of these the most accurate.
pub(super) fn nearest(candidates: &[Candidate], share: f64) -> Option<&Candidate> {
    candidates.iter().min_by(|a, b| {
        let accuracy = b.accuracy.total_cmp(&a.accuracy);
        distance(a, share).total_cmp(&distance(b, share)).then(accuracy)
    })
}

/// A strength to try next: the middle of two neighbours that keep more and less than the share. None
/// where one is near already, or no two neighbours have it between them.
pub(super) fn refine(candidates: &[Candidate], share: f64) -> Option<f32> {
    if candidates.iter().any(|candidate| is_near(candidate, share)) {
        return None;
    }
    let mut sorted = candidates.to_vec();
    sorted.sort_by(|a, b| a.strength.total_cmp(&b.strength));
    let pair = sorted.windows(2).find(|pair| (pair[0].kept > share) != (pair[1].kept > share))?;
    let [a, b] = [pair[0].strength, pair[1].strength];
    Some(middle(a, b)).filter(|m| *m != a && *m != b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Candidate; 4] = [
        Candidate { strength: 1e-5, kept: 1.0, accuracy: 0.97 },
        Candidate { strength: 1e-4, kept: 0.4, accuracy: 0.98 },
        Candidate { strength: 1e-3, kept: 0.1, accuracy: 0.975 },
        Candidate { strength: 1e-2, kept: 0.0, accuracy: 0.1 },
    ];

    fn strength(found: Option<&Candidate>) -> Option<f32> {
        found.map(|candidate| candidate.strength)
    }

    #[test]
    fn sparsest_is_within_the_tolerance() {
        assert_eq!(strength(sparsest(&ALL, 0.975)), Some(1e-3));
        assert_eq!(strength(sparsest(&ALL, 0.976)), Some(1e-4));
        assert_eq!(strength(sparsest(&ALL, 0.99)), None);
        assert_eq!(strength(most_accurate(&ALL)), Some(1e-4));
        // Nothing is zero: the most accurate.
        let dense = ALL.map(|candidate| Candidate { kept: 1.0, ..candidate });
        assert_eq!(strength(sparsest(&dense, 0.0)), Some(1e-4));
    }

    #[test]
    fn share_is_found_by_halving_the_logarithm() {
        assert_eq!(strength(nearest(&ALL, 0.05)), Some(1e-3));
        assert_eq!(refine(&ALL, 0.2), Some(3.16e-4));
        assert_eq!(refine(&ALL, 0.1), None, "one is there");
        assert_eq!(refine(&ALL[..3], 0.01), None, "all keep more");
        // kept = 1e-4 / lambda: every step halves the error of the logarithm.
        let keep =
            |strength: f32| Candidate { strength, kept: 1e-4 / f64::from(strength), accuracy: 0.9 };
        let mut all = vec![keep(1e-4), keep(1e-2)];
        for _ in 0..REFINEMENTS {
            all.extend(refine(&all, 0.07).map(keep));
        }
        let found = nearest(&all, 0.07).unwrap();
        assert!(distance(found, 0.07) <= 100f64.ln() / 32.0, "{found:?}");
    }
}
