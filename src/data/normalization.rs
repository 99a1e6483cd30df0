//! Normalisation: `y = (scale * raw - mean[c]) / std[c]`, with the statistics of the training part only.
//!
//! `c` is the channel of an image, or the feature of a table (whose shape is `[F, 1, 1]`). A model is
//! trained for one normalisation, so it is stored with the model.

use super::{Dataset, Samples};

/// Scale, mean and standard deviation of each channel or feature.
///
/// ```
/// use proxtape::data::{Dataset, Normalization, Samples};
/// // Two features: one of mean 3 and deviation 2, and one that is constant.
/// let table = Samples::F32(vec![1.0, 7.0, 5.0, 7.0]);
/// let set = Dataset::new([2, 1, 1], table, vec![0, 1], 2)?;
/// let normalization = Normalization::fit(&set, &[0, 1]);
/// assert_eq!(normalization.mean, [3.0, 7.0]);
/// assert_eq!(normalization.std, [2.0, 1.0]);
/// assert_eq!(normalization.uncentered().mean, [0.0, 0.0]);
/// # Ok::<(), proxtape::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    /// The factor on the raw values, as [`Dataset::scale`] gives it.
    pub scale: f32,
    /// The mean of the scaled values: `[C]`.
    pub mean: Vec<f32>,
    /// The (biased) standard deviation of the scaled values: `[C]`. It divides, so it is never 0: a
    /// constant channel has 1, and becomes 0 throughout.
    pub std: Vec<f32>,
}

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
        let mut fitted = Self::identity(dataset);
        let statistics = match dataset.samples() {
            Samples::U8(raw) => Statistics::of(dataset, indices, raw),
            Samples::F32(raw) => Statistics::of(dataset, indices, raw),
        };
        if statistics.n == 0.0 {
            return fitted;
        }
        let scale = f64::from(dataset.scale());
        for (c, channel) in statistics.channels.iter().enumerate() {
            fitted.mean[c] = (scale * channel.mean) as f32;
            let std = (scale * (channel.squares / statistics.n).sqrt()) as f32;
            // 0 for a constant channel; one too small for a normal f32 is as good as none.
            fitted.std[c] = if std.is_normal() { std } else { 1.0 };
        }
        fitted
    }

    /// The same without a mean: values are divided by their root mean square, and a raw 0 stays 0.
    ///
    /// A black pixel then feeds nothing into a network. With a mean it feeds a constant, as a bias
    /// does, and no penalty has a reason to remove a pixel that is always black.
    pub fn uncentered(mut self) -> Self {
        for (mean, std) in self.mean.iter_mut().zip(&mut self.std) {
            let rms = mean.hypot(*std);
            (*mean, *std) = (0.0, rms);
        }
        self
    }
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
    fn of<T: Copy + Into<f64>>(dataset: &Dataset, indices: &[u32], raw: &[T]) -> Self {
        let [c, h, w] = dataset.shape();
        let (len, area) = (dataset.sample_len(), h * w);
        let sample = |&index: &u32| {
            let start = index as usize * len;
            raw[start..start + len].chunks_exact(area)
        };
        let n = indices.len() as f64 * area as f64;
        let empty = Channel { mean: 0.0, squares: 0.0 };
        let mut channels = vec![empty; c];
        for (channel, plane) in indices.iter().flat_map(|index| (0..c).zip(sample(index))) {
            let channel = &mut channels[channel];
            for &value in plane {
                channel.mean += value.into();
            }
        }
        // Exact for a constant channel, so that its squares are 0: the sum of up to 2^29 equal values of
        // 24 bits fits the 53 bits of an f64.
        channels.iter_mut().for_each(|channel| channel.mean /= n);
        for (channel, plane) in indices.iter().flat_map(|index| (0..c).zip(sample(index))) {
            let channel = &mut channels[channel];
            for &value in plane {
                channel.squares += (value.into() - channel.mean).powi(2);
            }
        }
        Self { n, channels }
    }
}
