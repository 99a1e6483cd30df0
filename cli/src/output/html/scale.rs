//! Scales: from numbers to positions on an axis, and the ticks of an axis.

/// An axis from its first to its last number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    Linear(f64, f64),
    /// Both above 0.
    Log(f64, f64),
}

impl Scale {
    /// A linear scale over finite numbers, with round ends; from 0 to 1 where there are none.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>) -> Scale {
        let Some((low, high)) = extent(values) else { return Scale::Linear(0.0, 1.0) };
        // A constant gets room on both sides, and so do numbers that differ by rounding alone.
        let size = high.abs().max(low.abs());
        let room = match high - low > 1e-12 * size {
            true => 0.0,
            false if size == 0.0 => 1.0,
            false => 0.1 * size,
        };
        let (low, high) = (low - room, high + room);
        let step = step((high - low) / 4.0);
        Scale::Linear(round_down(low, step), -round_down(-high, step))
    }

    /// The same from 0.
    pub(crate) fn from_zero(values: impl IntoIterator<Item = f64>) -> Scale {
        let high = extent(values).map_or(0.0, |(_, high)| high);
        let high = if high > 0.0 { high } else { 1.0 };
        Scale::Linear(0.0, -round_down(-high, step(high / 4.0)))
    }

    /// A logarithmic scale over the numbers above 0, from 1 to 10 where there are none.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>) -> Scale {
        let above = values.into_iter().filter(|&x| x > 0.0).map(|x| x.max(1.0 / MOST));
        let Some((low, high)) = extent(above) else { return Scale::Log(1.0, 10.0) };
        // Ends at 1, 2 or 5 times a power of ten.
        let below = |x: f64| {
            let decade = 10f64.powf(x.log10().floor());
            [5.0, 2.0].map(|m| m * decade).into_iter().find(|&m| m <= x * EDGE).unwrap_or(decade)
        };
        let (low, high) = (below(low), 1.0 / below(1.0 / high));
        if low < high { Scale::Log(low, high) } else { Scale::Log(low / 2.0, high * 2.0) }
    }

    /// Where a number lies, 0 to 1; outside of the axis less or more.
    pub(crate) fn at(self, x: f64) -> f64 {
        match self {
            Scale::Linear(from, to) => (x - from) / (to - from),
            // What is not above 0 lies far to the left.
            Scale::Log(from, to) => (x.max(f64::MIN_POSITIVE) / from).ln() / (to / from).ln(),
        }
    }

    /// Round numbers to show, in increasing order: about `many`, at least the ends of a short one.
    pub(crate) fn ticks(self, many: usize) -> Vec<f64> {
        match self {
            Scale::Linear(from, to) => {
                let step = step((to - from) / many.max(1) as f64);
                let first = -round_down(-from, step);
                let count = ((to - first) / step * EDGE).floor().max(0.0) as usize;
                // A multiple of the step, so that 0.3 is 0.3.
                (0..=count).map(|i| (first / step + i as f64).round() * step).collect()
            }
            Scale::Log(from, to) => {
                let decades = (to / from).log10();
                let wants: &[f64] = match decades {
                    d if d > many as f64 => &[1.0],
                    d if d > 0.4 * many as f64 => &[1.0, 3.0],
                    _ => &[1.0, 2.0, 5.0],
                };
                let apart = (decades / many as f64).ceil().max(1.0) as i32;
                let first = from.log10().floor() as i32;
                let powers =
                    (first..=to.log10().ceil() as i32).filter(|p| p.rem_euclid(apart) == 0);
                let all = powers.flat_map(|p| wants.iter().map(move |m| m * 10f64.powi(p)));
                all.filter(|&x| x * EDGE >= from && x <= to * EDGE).collect()
            }
        }
    }
}

/// Rounding must not lose a tick at an end.
const EDGE: f64 = 1.0 + 1e-9;

/// Numbers are as large as this at most, and as small as its inverse: sums and ratios of two stay finite.
const MOST: f64 = 1e150;

/// The smallest and the largest of the finite numbers, none beyond [`MOST`]; a number that is too small is 0.
pub(super) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|x| x.is_finite());
    let near = finite.map(|x| if x.abs() < 1.0 / MOST { 0.0 } else { x.clamp(-MOST, MOST) });
    near.fold(None, |extent, x| match extent {
        None => Some((x, x)),
        Some((low, high)) => Some((x.min(low), x.max(high))),
    })
}

/// The next of 1, 2, 5, 10, ... that is not below.
fn step(at_least: f64) -> f64 {
    let decade = 10f64.powf(at_least.log10().floor());
    let found = [1.0, 2.0, 5.0].map(|m| m * decade).into_iter().find(|&s| s * EDGE >= at_least);
    found.unwrap_or(10.0 * decade)
}

fn round_down(x: f64, step: f64) -> f64 {
    (x / step + 1e-9).floor() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round_and_ticks_lie_between_them() {
        assert_eq!(Scale::linear([0.12, 0.87]), Scale::Linear(0.0, 1.0));
        assert_eq!(Scale::Linear(0.0, 1.0).ticks(4), [0.0, 0.5, 1.0]);
        assert_eq!(Scale::Linear(0.0, 1.0).ticks(5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(Scale::from_zero([3.0, f64::NAN]), Scale::Linear(0.0, 3.0));
        assert_eq!(Scale::log([0.7, 130.0]), Scale::Log(0.5, 200.0));
        assert_eq!(Scale::Log(0.5, 200.0).ticks(5), [1.0, 3.0, 10.0, 30.0, 100.0]);
        // Thousands with their commas would touch each other at 1, 2 and 5.
        assert_eq!(Scale::Log(2e2, 5e4).ticks(5), [3e2, 1e3, 3e3, 1e4, 3e4]);
        assert_eq!(Scale::Log(2.0, 10.0).ticks(5), [2.0, 5.0, 10.0]);
        assert_eq!(Scale::Log(2.0, 10.0).at(10.0), 1.0);
        assert!(Scale::Log(2.0, 10.0).at(-1.0) < -1.0);
    }

    #[test]
    fn nothing_and_constants_have_a_scale() {
        for scale in [Scale::linear([]), Scale::linear([0.0]), Scale::linear([5.0, 5.0])] {
            let Scale::Linear(from, to) = scale else { panic!("{scale:?}") };
            assert!(from < to, "{scale:?}");
        }
        for scale in [Scale::log([]), Scale::log([0.0, -1.0]), Scale::log([10.0])] {
            let Scale::Log(from, to) = scale else { panic!("{scale:?}") };
            assert!(0.0 < from && from < to, "{scale:?}");
            assert!(!scale.ticks(5).is_empty(), "{scale:?}");
        }
        assert_eq!(Scale::from_zero([]), Scale::Linear(0.0, 1.0));
    }

    #[test]
    fn every_number_has_a_place_on_every_scale() {
        let sizes = [0.0, 5e-324, 1e-308, 1e-40, 1.0, 1.0 + f64::EPSILON, 3e38, 1e308, f64::MAX];
        let all: Vec<f64> = sizes.iter().flat_map(|&x| [x, -x]).collect();
        for (&low, &high) in all.iter().flat_map(|low| all.iter().map(move |high| (low, high))) {
            let ends = [low, high];
            for scale in [Scale::linear(ends), Scale::from_zero(ends), Scale::log(ends)] {
                let at = all.iter().map(|&x| scale.at(x));
                assert!(at.clone().all(|at| !at.is_nan()), "{scale:?} of {ends:?}");
                let ticks = scale.ticks(5);
                assert!((1..40).contains(&ticks.len()), "{scale:?} of {ends:?}: {ticks:?}");
                assert!(ticks.iter().all(|&x| scale.at(x).is_finite()), "{scale:?}: {ticks:?}");
            }
        }
    }
}
