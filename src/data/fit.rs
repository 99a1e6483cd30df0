//! The statistics of samples: mean and deviation of each channel, over the training part.

use super::{Dataset, Normalization, Samples};

impl Normalization {
    /// Mean 0 and deviation 1: values are scaled and nothing else.
    pub fn identity(dataset: &Dataset) -> Self {
        let c = dataset.shape()[0];
        Self { scale: dataset.scale(), mean: vec![0.0; c], std: vec![1.0; c] }
    }

    /// The statistics of the samples `indices`: the training part. No index at all gives
    /// [`Normalization::identity`].
    ///
    /// # Panics
    /// If an index is not below [`Dataset::len`].
    pub fn fit(dataset: &Dataset, indices: &[u32]) -> Self {
        Self::measure(dataset, indices).0
    }

    /// The statistics, and which channels are constant.
    fn measure(dataset: &Dataset, indices: &[u32]) -> (Self, Vec<bool>) {
        let mut fitted = Self::identity(dataset);
        let mut constant = vec![false; fitted.mean.len()];
        let statistics = match dataset.samples() {
            Samples::U8(raw) => Statistics::of(dataset, indices, raw, &[]),
            Samples::F32(raw) => Statistics::of(dataset, indices, raw, &[]),
            Samples::F64(raw) => {
                Statistics::of(dataset, indices, raw, origin(dataset, indices, raw))
            }
        };
        if statistics.n == 0.0 {
            return (fitted, constant);
        }
        let scale = f64::from(dataset.scale());
        let bytes = matches!(dataset.samples(), Samples::U8(_));
        // A mean that is a little off moves all values alike, and does no harm; as an f32 it is the same in
        // a program that computes in f32.
        let fits = |mean: f64, std: f64| (f64::from(mean as f32) - mean).abs() < std / 4096.0;
        for (c, channel) in statistics.channels.iter().enumerate() {
            let mean = scale * channel.mean;
            let near = bytes || fits(mean, scale * (channel.squares / statistics.n).sqrt());
            fitted.mean[c] = if near { f64::from(mean as f32) } else { mean };
            let std = (scale * (channel.squares / statistics.n).sqrt()) as f32;
            // 0 for a constant channel; one too small for a normal f32 is as good as none.
            constant[c] = !std.is_normal();
            fitted.std[c] = if constant[c] { 1.0 } else { std };
        }
        (fitted, constant)
    }

    /// The same without a mean: values are divided by their root mean square, and a raw 0 stays 0.
    ///
    /// A black pixel then feeds nothing into a network. With a mean it feeds a constant, as a bias
    /// does, and no penalty has a reason to remove a pixel that is always black.
    ///
    /// A channel that is constant, or whose deviation is below 1/1024 of its mean, keeps its mean all
    /// the same. It has no 0 to preserve: without the mean it would be 1 throughout, a second bias, and
    /// what tells its values apart would be lost in the last digits of an f32.
    ///
    /// # Panics
    /// As [`Normalization::fit`].
    pub fn fit_uncentered(dataset: &Dataset, indices: &[u32]) -> Self {
        let (mut fitted, constant) = Self::measure(dataset, indices);
        for ((mean, std), constant) in fitted.mean.iter_mut().zip(&mut fitted.std).zip(constant) {
            if constant || f64::from(*std) < mean.abs() / 1024.0 {
                continue;
            }
            let rms = (*mean as f32).hypot(*std);
            (*mean, *std) = (0.0, rms);
        }
        fitted
    }

    /// The first channel that varies, but whose values are one value as an f32, so that a network sees
    /// nothing of it. Its deviation is below the smallest normal f32 (about 1e-38), or there is no mean that
    /// centres it, and all its values have the same digits. The samples are those of the statistics.
    ///
    /// # Panics
    /// As [`Normalization::fit`].
    pub fn lost(&self, dataset: &Dataset, indices: &[u32]) -> Option<usize> {
        if !self.std.contains(&1.0) {
            return None;
        }
        let ranges = match dataset.samples() {
            // Bytes that differ do so by the whole scale.
            Samples::U8(_) => return None,
            Samples::F32(raw) => ranges(dataset, indices, raw),
            Samples::F64(raw) => ranges(dataset, indices, raw),
        };
        // What is divided by its deviation varies by 2 or more, by its root mean square by 1/512. Of n
        // values the range is at most sqrt(2 n) times the deviation: about 1e-30 where that was too small.
        let scale = f64::from(self.scale);
        let lost = |([low, high], (&mean, &std)): ([f64; 2], (&f64, &f32))| {
            let y = |value: f64| ((scale * value - mean) / f64::from(std)) as f32;
            low < high && y(high) - y(low) < 1e-30
        };
        ranges.into_iter().zip(self.mean.iter().zip(&self.std)).position(lost)
    }
}

/// The least and the largest raw value of each channel.
fn ranges<T: Copy + Into<f64>>(dataset: &Dataset, indices: &[u32], raw: &[T]) -> Vec<[f64; 2]> {
    let [c, h, w] = dataset.shape();
    let (len, area) = (dataset.sample_len(), h * w);
    let mut ranges = vec![[f64::INFINITY, f64::NEG_INFINITY]; c];
    for &index in indices {
        let sample = &raw[index as usize * len..][..len];
        for ([low, high], plane) in ranges.iter_mut().zip(sample.chunks_exact(area)) {
            for &value in plane {
                (*low, *high) = (low.min(value.into()), high.max(value.into()));
            }
        }
    }
    ranges
}

/// The first of the samples, by whose values sums are kept small.
fn origin<'a>(dataset: &Dataset, indices: &[u32], raw: &'a [f64]) -> &'a [f64] {
    let first = indices.first().map_or(0, |&index| index as usize);
    &raw[first * dataset.sample_len()..]
}

/// Two passes, the mean first and then the squares around it, each sample by sample: the values of one
/// feature lie far apart.
struct Statistics {
    /// How many values a channel has.
    n: f64,
    channels: Vec<Channel>,
}

#[derive(Clone)]
struct Channel {
    mean: f64,
    squares: f64,
}

impl Statistics {
    /// Values are summed as distances from the one of `origin` in their channel, or from 0. Then the mean of
    /// a constant channel is exact, and its squares are 0: without an origin for values of 24 bits,
    /// since the sum of up to 2^29 equal ones fits the 53 bits of an f64.
    fn of<T: Copy + Into<f64>>(
        dataset: &Dataset,
        indices: &[u32],
        raw: &[T],
        origin: &[f64],
    ) -> Self {
        let [c, h, w] = dataset.shape();
        let (len, area) = (dataset.sample_len(), h * w);
        let sample = |&index: &u32| {
            let start = index as usize * len;
            raw[start..start + len].chunks_exact(area)
        };
        let n = indices.len() as f64 * area as f64;
        let from = |channel: usize| origin.get(channel * area).copied().unwrap_or(0.0);
        let empty = Channel { mean: 0.0, squares: 0.0 };
        let mut channels = vec![empty; c];
        for (channel, plane) in indices.iter().flat_map(|index| (0..c).zip(sample(index))) {
            let origin = from(channel);
            let channel = &mut channels[channel];
            for &value in plane {
                channel.mean += value.into() - origin;
            }
        }
        for (channel, place) in channels.iter_mut().zip(0..) {
            channel.mean = channel.mean / n + from(place);
        }
        for (channel, plane) in indices.iter().flat_map(|index| (0..c).zip(sample(index))) {
            let channel = &mut channels[channel];
            for &value in plane {
                channel.squares += (value.into() - channel.mean).powi(2);
            }
        }
        Self { n, channels }
    }
}
