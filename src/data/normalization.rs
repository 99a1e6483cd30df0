//! Normalisation: `y = (scale * raw - mean[c]) / std[c]`, with the statistics of the training part only.
//!
//! `c` is the channel of an image, or the feature of a table (whose shape is `[F, 1, 1]`). A model is
//! trained for one normalisation, so it is stored with the model.

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
/// assert_eq!(Normalization::fit_uncentered(&set, &[0, 1]).mean, [0.0, 7.0], "see there");
/// # Ok::<(), proxtape::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    /// The factor on the raw values, as [`Dataset::scale`](super::Dataset::scale) gives it.
    pub scale: f32,
    /// The mean of the scaled values: `[C]`. In f64, as values may lie closer together than an f32 of
    /// their size tells apart: those of 2023 in seconds since 1970 are multiples of 128. Elsewhere it is
    /// the value of an f32.
    pub mean: Vec<f64>,
    /// The (biased) standard deviation of the scaled values: `[C]`. It divides, so it is never 0: a
    /// constant channel has 1, and becomes 0 throughout.
    pub std: Vec<f32>,
}

impl Normalization {
    /// The first channel whose values are hardly distinct as f32: the spacing of f32 numbers around
    /// its mean is above 1/256 of its deviation. A program that takes raw samples in f32 (an export)
    /// cannot give such a model what it needs. A deviation of 1 is taken for a constant channel's.
    pub fn coarse_in_f32(&self) -> Option<usize> {
        let coarse = |(mean, std): (&f64, &f32)| {
            *std != 1.0 && mean.abs() * f64::from(f32::EPSILON) > f64::from(*std) / 256.0
        };
        self.mean.iter().zip(&self.std).position(coarse)
    }
}
