//! The Pareto front.

/// Which points, of size and accuracy, no other one beats: none is as small and as accurate, and
/// better in one of both.
pub(crate) fn of(points: &[(f64, f64)]) -> Vec<bool> {
    let beats =
        |a: &(f64, f64), b: &(f64, f64)| a.0 <= b.0 && a.1 >= b.1 && (a.0 < b.0 || a.1 > b.1);
    points.iter().map(|point| !points.iter().any(|other| beats(other, point))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_point_of_the_front_is_beaten() {
        let points = [(100.0, 0.98), (50.0, 0.985), (20.0, 0.97), (20.0, 0.96), (5.0, 0.97)];
        assert_eq!(of(&points), [false, true, false, false, true]);
        // Equal ones are both on it.
        assert_eq!(of(&[(1.0, 0.5), (1.0, 0.5)]), [true, true]);
    }
}
