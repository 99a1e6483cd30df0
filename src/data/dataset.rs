//! Samples in memory, and the filling of a batch from them.
//!
//! Samples stay as they came (a byte a pixel): a batch is `x[n, c, h, w] = (scale * raw - mean[c]) /
//! std[c]`, computed while it is copied, where `raw` may be turned and moved by an [`Augment`].

use super::augment::Placement;
use super::{Augment, Columns, DataError, Normalization, Place, Schema};
use crate::random::Random;
use proxtape_kernels::size;
use std::fmt;

/// Labelled samples of one shape `[C, H, W]`; the features of a table are `[F, 1, 1]`.
#[derive(Clone, PartialEq)]
pub struct Dataset {
    shape: [usize; 3],
    samples: Samples,
    labels: Vec<u32>,
    classes: usize,
    class_names: Vec<String>,
    columns: Option<Columns>,
    scale: f32,
}

/// The raw values, `[N, C, H, W]`.
#[derive(Clone, PartialEq)]
pub enum Samples {
    /// Pixels as they lie in the file.
    U8(Vec<u8>),
    /// Numbers.
    F32(Vec<f32>),
    /// Numbers that may lie close together and far from 0, as seconds since 1970 do: centred, they fit
    /// an f32, but not as they are. Tables are read to them.
    F64(Vec<f64>),
}

impl Samples {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Samples::U8(values) => values.len(),
            Samples::F32(values) => values.len(),
            Samples::F64(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first value that no network could compute with, and its place.
    fn first_unfit(&self) -> Option<(usize, f64)> {
        let fits = |value: f64| value.abs() <= f64::from(f32::MAX);
        let values: Box<dyn Iterator<Item = f64>> = match self {
            Samples::U8(_) => return None,
            Samples::F32(values) => Box::new(values.iter().map(|&value| value.into())),
            Samples::F64(values) => Box::new(values.iter().copied()),
        };
        values.enumerate().find(|&(_, value)| !fits(value))
    }
}

impl Dataset {
    /// A dataset of `labels.len()` samples. The scale is 1/255 for bytes and 1 for numbers.
    ///
    /// # Errors
    /// If there is no sample, a length does not fit, a label is not below `classes`, or a value is not
    /// a finite number of f32's range.
    ///
    /// ```
    /// use proxtape::data::{Dataset, Samples};
    /// let pixels = Samples::U8(vec![0, 255, 255, 0, 9, 9, 9, 9]);
    /// let set = Dataset::new([1, 2, 2], pixels, vec![0, 1], 2)?;
    /// assert_eq!((set.len(), set.sample_len(), set.classes()), (2, 4, 2));
    /// # Ok::<(), proxtape::data::DataError>(())
    /// ```
    pub fn new(
        shape: [usize; 3],
        samples: Samples,
        labels: Vec<u32>,
        classes: usize,
    ) -> Result<Self, DataError> {
        let refuse = |place, expected: String, found: String, advice: &str| {
            Err(DataError::new(place, expected, found, advice))
        };
        let [c, h, w] = shape;
        let sample_len = c.checked_mul(h).and_then(|area| area.checked_mul(w));
        let (Some(sample_len), true) = (sample_len, shape.iter().all(|&side| side > 0)) else {
            let found = format!("{c} x {h} x {w}");
            let place = Place::Argument("shape");
            return refuse(place, "sides of 1 or more".into(), found, "give [C, H, W]");
        };
        // Samples are named by u32 indices, which keeps the order of an epoch small.
        if labels.is_empty() || u32::try_from(labels.len()).is_err() {
            let found = labels.len().to_string();
            let place = Place::Argument("labels");
            return refuse(place, "1 to 2^32 - 1 labels".into(), found, "give a label per sample");
        }
        if labels.len().checked_mul(sample_len) != Some(samples.len()) {
            let expected = format!("{} samples of {c} x {h} x {w} values", labels.len());
            let found = format!("{} values", samples.len());
            let place = Place::Argument("samples");
            return refuse(place, expected, found, "give as many samples as labels");
        }
        if let Some(index) = labels.iter().position(|&label| label as usize >= classes) {
            let expected = format!("a label below {classes}, the number of classes");
            let found = labels[index].to_string();
            return refuse(Place::Sample(index), expected, found, "count the classes from 0");
        }
        let scale = match &samples {
            Samples::U8(_) => 1.0 / 255.0,
            Samples::F32(_) | Samples::F64(_) => 1.0,
        };
        if let Some((at, value)) = samples.first_unfit() {
            let place = Place::Sample(at / sample_len);
            let expected = "finite values of at most 3.4e38".to_string();
            let advice = "remove the sample or fill the gap";
            return refuse(place, expected, value.to_string(), advice);
        }
        let (class_names, columns) = (Vec::new(), None);
        Ok(Self { shape, samples, labels, classes, class_names, columns, scale })
    }

    /// The same samples with another factor on the raw values: 1/16 for pixels of 0 to 16.
    ///
    /// # Panics
    /// If `scale` is not a finite positive number.
    #[must_use]
    #[track_caller]
    pub fn with_scale(mut self, scale: f32) -> Self {
        assert!(
            scale.is_finite() && scale > 0.0,
            "with_scale: scale is {scale}, a finite positive number would fit"
        );
        self.scale = scale;
        self
    }

    /// The same samples with a name for each class.
    ///
    /// # Errors
    /// If there is not one name per class.
    pub fn with_class_names(mut self, names: Vec<String>) -> Result<Self, DataError> {
        if names.len() != self.classes {
            let place = Place::Argument("class names");
            let expected = format!("{} names", self.classes);
            let found = names.len().to_string();
            return Err(DataError::new(place, expected, found, "name each class once"));
        }
        self.class_names = names;
        Ok(self)
    }

    /// The same samples with names for the columns of the table that they come from.
    ///
    /// # Errors
    /// If the samples are not `[F, 1, 1]`, with a name for each of the `F` features.
    pub fn with_columns(mut self, columns: Columns) -> Result<Self, DataError> {
        let names = columns.features.len();
        if self.shape != [names, 1, 1] {
            let [c, h, w] = self.shape;
            let expected = format!("a name for each value of samples of {c} x {h} x {w}");
            let place = Place::Argument("columns");
            let found = names.to_string();
            return Err(DataError::new(place, expected, found, "name each feature once"));
        }
        self.columns = Some(columns);
        Ok(self)
    }

    /// The number of samples, at least 1.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never true: a dataset has a sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// `[C, H, W]` of a sample; `[F, 1, 1]` for a table.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The number of values of a sample, `C * H * W`.
    pub fn sample_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The raw values, `[N, C, H, W]`.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The labels, one a sample, each below [`Dataset::classes`].
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The names of the classes: one a class, or none at all.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The names of the columns, of a table.
    pub fn columns(&self) -> Option<&Columns> {
        self.columns.as_ref()
    }

    /// The samples as a program sees them that takes f32: values of f64 are rounded.
    #[must_use]
    pub fn in_f32(mut self) -> Self {
        if let Samples::F64(values) = &self.samples {
            self.samples = Samples::F32(values.iter().map(|&value| value as f32).collect());
        }
        self
    }

    /// What other data must have for a model that is trained on these samples.
    pub fn schema(&self) -> Schema {
        let (columns, class_names) = (self.columns.clone(), self.class_names.clone());
        Schema { columns, classes: self.classes, class_names }
    }

    /// The factor on the raw values, before [`Normalization`] centres them.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Writes the samples `indices` to `x: [N, C, H, W]` and their labels to `labels: [N]`. Allocates
    /// nothing.
    ///
    /// With an augmentation each sample takes draws of its own, in the order of `indices`. What comes
    /// in from outside the image is raw 0 (black), as if the padding had been there before the
    /// normalisation.
    ///
    /// # Panics
    /// If `x`, `labels` or `normalization` has another length than the samples ask for, memory cannot hold
    /// these, or an index is not below [`Dataset::len`].
    #[track_caller]
    pub fn fill(
        &self,
        indices: &[u32],
        normalization: &Normalization,
        mut augmentation: Option<(&Augment, &mut Random)>,
        x: &mut [f32],
        labels: &mut [u32],
    ) {
        let (n, len) = (indices.len(), self.sample_len());
        let all = size::elements("fill", &[n, len]);
        assert!(
            x.len() == all,
            "fill: x has {} elements, {n} samples of {len} values need {all}",
            x.len(),
        );
        assert!(labels.len() == n, "fill: labels has {} elements, {n} would fit", labels.len());
        let (c, means, stds) = (self.shape[0], normalization.mean.len(), normalization.std.len());
        assert!(
            means == c && stds == c,
            "fill: normalization has {means} means and {stds} stds, {c} channels would fit"
        );
        for ((&index, label), y) in indices.iter().zip(labels).zip(x.chunks_exact_mut(len)) {
            let index = index as usize;
            assert!(index < self.len(), "fill: index {index} of {} samples", self.len());
            *label = self.labels[index];
            let placement = match &mut augmentation {
                Some((augment, random)) => augment.draw(random),
                None => Placement::default(),
            };
            let range = index * len..(index + 1) * len;
            match &self.samples {
                Samples::U8(raw) => {
                    // A byte times a scale is as exact as f32 gets.
                    let scale = normalization.scale;
                    let value = |raw: u8, mean, std| (scale * f32::from(raw) - mean as f32) / std;
                    self.write(&raw[range], (normalization, placement), value, y);
                }
                // In f64, since a feature may be far from 0 for its spread (a year, say), and a
                // difference of f32 products would lose its digits.
                Samples::F32(raw) => {
                    let scale = f64::from(normalization.scale);
                    let value =
                        |raw, mean, std| ((scale * f64::from(raw) - mean) / f64::from(std)) as f32;
                    self.write(&raw[range], (normalization, placement), value, y);
                }
                Samples::F64(raw) => {
                    let scale = f64::from(normalization.scale);
                    let value = |raw, mean, std| ((scale * raw - mean) / f64::from(std)) as f32;
                    self.write(&raw[range], (normalization, placement), value, y);
                }
            }
        }
    }

    /// Writes one sample: `raw: [C, H, W]` through `value(raw, mean, std)` to `y: [C, H, W]`.
    fn write<T: Copy + Default>(
        &self,
        raw: &[T],
        (normalization, placement): (&Normalization, Placement),
        value: impl Fn(T, f64, f32) -> f32,
        y: &mut [f32],
    ) {
        let [_, h, w] = self.shape;
        let statistics = normalization.mean.iter().zip(&normalization.std);
        if h * w == 1 && placement == Placement::default() {
            // A table, where a loop for each feature would be a loop of one.
            for ((y, &raw), (&mean, &std)) in y.iter_mut().zip(raw).zip(statistics) {
                *y = value(raw, mean, std);
            }
            return;
        }
        let planes = y.chunks_exact_mut(h * w).zip(raw.chunks_exact(h * w));
        for ((y, raw), (&mean, &std)) in planes.zip(statistics) {
            placement.copy(raw, w, |raw| value(raw, mean, std), y);
        }
    }
}

/// Without the values: they would fill the screen.
impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("len", &self.len())
            .field("shape", &self.shape)
            .field("samples", &self.samples)
            .field("classes", &self.classes)
            .field("class_names", &self.class_names)
            .field("columns", &self.columns)
            .field("scale", &self.scale)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Samples::U8(_) => "U8",
            Samples::F32(_) => "F32",
            Samples::F64(_) => "F64",
        };
        write!(f, "{kind}({} values)", self.len())
    }
}
