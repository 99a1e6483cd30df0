//! The identity of the samples of a training: a hash of their contents, whatever their path.
//!
//! ```text
//! hash = XXH3 (128 bits, in hex) over the training set and the test set that came with it, each as
//!        shape, number of samples and classes, scale, names of classes and of features,
//!        labels, raw values; numbers as little-endian bytes, names after their lengths
//! ```
//!
//! It is kept with a state, in a model (metadata "data"), in summary.json and with a comparison. Names of
//! features count, since values of two columns may be swapped; the name of the label column does not.

use crate::failure::Failure;
use crate::output::number::grouped;
use crate::run::samples::Samples;
use proxtape::data::{self, Columns, Dataset, Source};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// The samples of a training, as its files keep them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) hash: String,
    /// The number of samples of each part; which ones they are follows from the recipe's shares and seed.
    pub(crate) training: usize,
    pub(crate) validation: usize,
    pub(crate) test: usize,
    /// The features of a table, in the order of the network's inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<String>,
    /// The column of labels of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

impl Origin {
    pub(crate) fn of(samples: &Samples) -> Origin {
        let split = &samples.split;
        let columns = samples.source.train.columns();
        Origin {
            hash: hash(&samples.source),
            training: split.train.len(),
            validation: split.validation.len(),
            test: split.test.len(),
            columns: columns.map_or(Vec::new(), |columns| columns.features.clone()),
            label: columns.map(|columns| columns.label.clone()),
        }
    }

    /// The columns of a table.
    pub(crate) fn columns(&self) -> Option<Columns> {
        let label = self.label.clone().filter(|_| !self.columns.is_empty())?;
        Some(Columns { features: self.columns.clone(), label })
    }

    /// An error unless the samples are these, in parts of these sizes: which data has changed, and what
    /// to do about it.
    pub(crate) fn expect(&self, found: &Origin, source: &str, of: &str) -> Result<(), Failure> {
        if self.hash != found.hash {
            return Err(changed(source, of, [&self.text(), &found.text()]));
        }
        let [expected, cut] = [self.parts(), found.parts()];
        match expected == cut {
            true => Ok(()),
            false => Err(Failure::failed(format!(
                "{source}: expected the parts of {of} ({expected}), found those that its recipe asks \
                 for ({cut}): the recipe in the file has changed since; train again from it"
            ))),
        }
    }

    fn parts(&self) -> String {
        let Origin { training, validation, test, .. } = self;
        format!("{training} training, {validation} validation and {test} test samples")
    }

    fn text(&self) -> String {
        let samples = self.training.saturating_add(self.validation).saturating_add(self.test);
        format!("{} samples with {}", grouped(samples), short(&self.hash))
    }
}

/// The error for data that has changed.
pub(crate) fn changed(source: &str, of: &str, [expected, found]: [&str; 2]) -> Failure {
    Failure::failed(format!(
        "{source}: expected the data of {of} ({expected}), found other data ({found}): it has changed \
         since; put the old data back, or name the place where it is by --data (`eval --data` takes \
         other data, too)"
    ))
}

/// As much of a hash as people compare.
pub(crate) fn short(hash: &str) -> String {
    format!("hash {}..", hash.chars().take(12).collect::<String>())
}

/// The hash of the data that a reader gave.
pub(crate) fn hash(source: &Source) -> String {
    let mut hash = Xxh3::new();
    add_set(&source.train, &mut hash);
    hash.update(&[u8::from(source.test.is_some())]);
    if let Some(test) = &source.test {
        add_set(test, &mut hash);
    }
    format!("{:032x}", hash.digest128())
}

fn add_set(set: &Dataset, hash: &mut Xxh3) {
    let number = |n: usize, hash: &mut Xxh3| hash.update(&(n as u64).to_le_bytes());
    let names = |names: &[String], hash: &mut Xxh3| {
        number(names.len(), hash);
        for name in names {
            number(name.len(), hash);
            hash.update(name.as_bytes());
        }
    };
    set.shape().into_iter().chain([set.len(), set.classes()]).for_each(|n| number(n, hash));
    hash.update(&set.scale().to_bits().to_le_bytes());
    names(set.class_names(), hash);
    names(set.columns().map_or(&[], |columns| &columns.features), hash);
    set.labels().iter().for_each(|label| hash.update(&label.to_le_bytes()));
    add_values(set, 0..set.len(), hash);
}

/// The raw values of some samples that lie beside each other.
fn add_values(set: &Dataset, samples: std::ops::Range<usize>, hash: &mut Xxh3) {
    let len = set.sample_len();
    let range = samples.start * len..samples.end * len;
    match set.samples() {
        data::Samples::U8(raw) => hash.update(&raw[range]),
        data::Samples::F32(raw) => raw[range].iter().for_each(|x| hash.update(&x.to_le_bytes())),
        data::Samples::F64(raw) => raw[range].iter().for_each(|x| hash.update(&x.to_le_bytes())),
    }
}

/// A hash of one sample. Its label does not count: a network has seen a sample whatever it is called.
pub(crate) fn hash_of_sample(set: &Dataset, index: u32) -> u128 {
    let mut hash = Xxh3::new();
    let index = index as usize;
    add_values(set, index..index + 1, &mut hash);
    hash.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxtape::data::Samples;

    /// A table of two features, with its parts in places that a test changes.
    fn table(values: [f64; 4], labels: [u32; 2], classes: [&str; 2], columns: [&str; 2]) -> String {
        let set = Dataset::new([2, 1, 1], Samples::F64(values.to_vec()), labels.to_vec(), 2);
        let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        let columns = Columns { features: names(columns), label: "kind".to_owned() };
        let set = set.unwrap().with_class_names(names(classes)).unwrap();
        hash(&Source::from(set.with_columns(columns).unwrap()))
    }

    #[test]
    fn hash_depends_on_every_part_of_the_contents() {
        let (values, labels, classes, columns) =
            ([1.0, 2.0, 3.0, 4.0], [0, 1], ["a", "b"], ["x", "y"]);
        let same = table(values, labels, classes, columns);
        assert_eq!(same, table(values, labels, classes, columns));
        let others = [
            table([1.0, 2.0, 4.0, 3.0], labels, classes, columns),
            table([1.0, 2.0, 3.0, -4.0], labels, classes, columns),
            table([3.0, 4.0, 1.0, 2.0], labels, classes, columns),
            table(values, [1, 0], classes, columns),
            table(values, labels, ["a", "c"], columns),
            table(values, labels, classes, ["y", "x"]),
            table(values, labels, ["ab", ""], columns),
        ];
        for (i, other) in others.iter().enumerate() {
            assert_ne!(&same, other, "change {i}");
        }
    }

    #[test]
    fn hash_is_that_of_the_stated_bytes() {
        let set = Dataset::new([1, 1, 2], Samples::U8(vec![7, 9]), vec![0], 2).unwrap();
        let mut bytes = Vec::new();
        for n in [1u64, 1, 2, 1, 2] {
            bytes.extend(n.to_le_bytes());
        }
        bytes.extend((1.0f32 / 255.0).to_le_bytes());
        bytes.extend([0; 8]); // No names of classes,
        bytes.extend([0; 8]); // nor of features.
        bytes.extend(0u32.to_le_bytes());
        bytes.extend([7, 9, 0]);
        let expected = xxhash_rust::xxh3::xxh3_128(&bytes);
        assert_eq!(hash(&Source::from(set)), format!("{expected:032x}"));
    }

    #[test]
    fn test_set_and_training_set_differ() {
        let set = |value| Dataset::new([1, 1, 1], Samples::U8(vec![value]), vec![0], 2).unwrap();
        let source = |train, test| Source { test: Some(set(test)), ..Source::from(set(train)) };
        assert_ne!(hash(&source(1, 2)), hash(&source(2, 1)));
        assert_ne!(hash(&source(1, 2)), hash(&Source::from(set(1))));
    }
}
