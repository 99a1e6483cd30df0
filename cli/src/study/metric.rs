//! The metrics of a finished trial.

use super::trial::Finished;
use crate::output::number::grouped;
use core::ops::Index;
use serde::{Deserialize, Serialize, Serializer};

/// One number, by the name that it has in the objects and in the CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    /// 0 to 1, of the part that choices are made by.
    ValidationAccuracy,
    /// 0 to 1.
    TestAccuracy,
    Weights,
    /// Exact non-zeros.
    WeightsKept,
    Groups,
    GroupsKept,
    /// Multiply-accumulates for one sample: of the network as trained, with a weight that is not
    /// zero, and both of the compacted network.
    Macs,
    MacsNonzero,
    MacsCompact,
    MacsCompactNonzero,
    /// Of model.safetensors, and of model-compact.safetensors.
    Bytes,
    BytesCompact,
    /// Median seconds of one sample: as trained, and compacted.
    LatencyDenseSeconds,
    LatencySeconds,
    /// Steps, evaluation and saving.
    TrainSeconds,
}

/// Every metric, in the order of the enumeration.
pub(crate) const METRICS: [(&str, Metric); 15] = [
    ("validation_accuracy", Metric::ValidationAccuracy),
    ("test_accuracy", Metric::TestAccuracy),
    ("weights", Metric::Weights),
    ("weights_kept", Metric::WeightsKept),
    ("groups", Metric::Groups),
    ("groups_kept", Metric::GroupsKept),
    ("macs", Metric::Macs),
    ("macs_nonzero", Metric::MacsNonzero),
    ("macs_compact", Metric::MacsCompact),
    ("macs_compact_nonzero", Metric::MacsCompactNonzero),
    ("bytes", Metric::Bytes),
    ("bytes_compact", Metric::BytesCompact),
    ("latency_dense_seconds", Metric::LatencyDenseSeconds),
    ("latency_seconds", Metric::LatencySeconds),
    ("train_seconds", Metric::TrainSeconds),
];

/// A value for each metric; nothing where it is not known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers<T>([Option<T>; METRICS.len()]);

impl<T> Index<Metric> for Numbers<T> {
    type Output = Option<T>;

    fn index(&self, metric: Metric) -> &Option<T> {
        &self.0[metric as usize]
    }
}

/// An object with the names of the metrics.
impl<T: Serialize> Serialize for Numbers<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(METRICS.iter().map(|(name, metric)| (name, &self[*metric])))
    }
}

/// A number that is written as an integer where it is one: most are counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number(pub(crate) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        // Every count up to 2^53 is exact.
        match self.0.fract() == 0.0 && (0.0..9e15).contains(&self.0) {
            true => s.serialize_u64(self.0 as u64),
            false => s.serialize_f64(self.0),
        }
    }
}

impl Numbers<Number> {
    /// Those of a finished training.
    pub(crate) fn of(finished: &Finished) -> Numbers<Number> {
        let summary = finished.summary.as_ref().ok();
        let compact = finished.compact.as_ref();
        let value = |metric: Metric| -> Option<f64> {
            let counts = summary.map(|summary| &summary.counts);
            let latency = || compact?.latency();
            match metric {
                Metric::ValidationAccuracy => summary?.validation_accuracy,
                Metric::TestAccuracy => summary?.test_accuracy,
                Metric::Weights => Some(counts?.weights as f64),
                Metric::WeightsKept => Some(counts?.weights_kept as f64),
                Metric::Groups => Some(counts?.groups as f64),
                Metric::GroupsKept => Some(counts?.groups_kept as f64),
                Metric::Macs => Some(counts?.macs as f64),
                Metric::MacsNonzero => Some(counts?.macs_nonzero as f64),
                Metric::MacsCompact => compact?.macs().map(|[all, _]| all as f64),
                Metric::MacsCompactNonzero => compact?.macs().map(|[_, nonzero]| nonzero as f64),
                Metric::Bytes => Some(summary?.bytes as f64),
                Metric::BytesCompact => compact?.bytes().map(|bytes| bytes as f64),
                Metric::LatencyDenseSeconds => latency().map(|[dense, _]| dense),
                Metric::LatencySeconds => latency().map(|[_, compact]| compact),
                Metric::TrainSeconds => Some(summary?.train_seconds),
            }
        };
        Numbers(METRICS.map(|(_, metric)| value(metric).map(Number)))
    }
}

/// Mean and standard deviation (of a sample: divided by n - 1); none for a single number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) mean: f64,
    #[serde(default)]
    pub(crate) std: Option<f64>,
}

/// A number times a factor, with its deviation where that is known, and so many decimals.
pub(crate) fn spread_text(spread: Option<Spread>, factor: f64, decimals: usize) -> String {
    let number = |x: f64| match decimals {
        0 => grouped((factor * x).round() as u64),
        _ => format!("{:.decimals$}", factor * x),
    };
    match spread {
        None => "-".to_owned(),
        Some(Spread { mean, std: None }) => number(mean),
        Some(Spread { mean, std: Some(std) }) => format!("{} ± {}", number(mean), number(std)),
    }
}

impl Spread {
    fn of(values: &[f64]) -> Option<Spread> {
        let n = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        Some(Spread { mean, std: (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()) })
    }
}

impl Numbers<Spread> {
    /// Each metric over the trainings where it is known.
    pub(crate) fn of_all(all: &[&Numbers<Number>]) -> Numbers<Spread> {
        Numbers(METRICS.map(|(_, metric)| {
            let known = all.iter().filter_map(|one| one[metric]);
            Spread::of(&known.map(|Number(x)| x).collect::<Vec<_>>())
        }))
    }

    /// The mean, where there is one.
    pub(crate) fn mean(&self, metric: Metric) -> Option<f64> {
        self[metric].map(|spread| spread.mean)
    }
}

/// Which points, of size and accuracy, no other one beats: none is as small and as accurate, and
/// better in one of both.
pub(crate) fn front(points: &[(f64, f64)]) -> Vec<bool> {
    let beats =
        |a: &(f64, f64), b: &(f64, f64)| a.0 <= b.0 && a.1 >= b.1 && (a.0 < b.0 || a.1 > b.1);
    points.iter().map(|point| !points.iter().any(|other| beats(other, point))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_the_metrics() {
        for (i, (_, metric)) in METRICS.into_iter().enumerate() {
            assert_eq!(metric as usize, i);
        }
    }

    #[test]
    fn spread_is_that_of_a_sample() {
        let spread = Spread::of(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        // By hand: the squares sum to 5, and 5/3 is the variance.
        assert_eq!(spread.mean, 2.5);
        assert!((spread.std.unwrap() - (5.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(Spread::of(&[7.0]), Some(Spread { mean: 7.0, std: None }));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn no_point_of_the_front_is_beaten() {
        let points = [(100.0, 0.98), (50.0, 0.985), (20.0, 0.97), (20.0, 0.96), (5.0, 0.97)];
        assert_eq!(front(&points), [false, true, false, false, true]);
        // Equal ones are both on it.
        assert_eq!(front(&[(1.0, 0.5), (1.0, 0.5)]), [true, true]);
    }
}
