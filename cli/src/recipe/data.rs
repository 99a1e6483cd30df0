//! `[data]`: the samples, and their parts.

use super::by_name;
use core::fmt;
use core::num::NonZeroUsize;
use core::str::FromStr;
use proxtape::data::{Dataset, Fractions, Normalization, Spec, csv};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Data {
    /// Where the samples are.
    #[serde(with = "by_name")]
    pub(crate) source: Location,
    /// The column of labels of a table: its name, or its number from 0 [default: the last].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<Label>,
    /// Whether the first line of a table names the columns [default: detected].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<bool>,
    /// How values are scaled.
    pub(crate) normalize: Normalize,
    /// The share of the samples that serves for validation.
    pub(crate) validation: f64,
    /// The share for the test, where the data brings no test set.
    pub(crate) test: f64,
    /// Instructions for a user whose data is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) obtain: Option<String>,
}

/// How values are scaled, by numbers from the training part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Normalize {
    /// Mean 0 and deviation 1 for each channel.
    Standard,
    /// Divided by the root mean square: zero stays zero.
    Uncentered,
    /// As they are, pixels from 0 to 1.
    None,
}

impl Normalize {
    pub(crate) fn fit(self, set: &Dataset, indices: &[u32]) -> Normalization {
        match self {
            Normalize::Standard => Normalization::fit(set, indices),
            Normalize::Uncentered => Normalization::fit_uncentered(set, indices),
            Normalize::None => Normalization::identity(set),
        }
    }
}

impl Default for Data {
    fn default() -> Data {
        Data {
            source: Location::default(),
            label: None,
            header: None,
            normalize: Normalize::Standard,
            validation: 0.1,
            test: 0.2,
            obtain: None,
        }
    }
}

impl Data {
    pub(crate) fn fractions(&self) -> Fractions {
        Fractions { validation: self.validation, test: self.test }
    }

    /// An error where something is out of its range, or for another kind of data.
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, share) in [("validation", self.validation), ("test", self.test)] {
            if !(0.0..1.0).contains(&share) {
                return Err(format!(
                    "{name} is a share of the samples, from 0 to below 1, not {share}"
                ));
            }
        }
        if self.source.kind != Kind::Csv && (self.label.is_some() || self.header.is_some()) {
            let source = &self.source;
            return Err(format!("label and header go with csv:FILE, and the data is {source}"));
        }
        Ok(())
    }

    /// Replaces the location, where a new one is given.
    pub(crate) fn move_to(&mut self, place: Option<&Location>) {
        if let Some(place) = place {
            self.source = place.absolute();
            self.obtain = None;
        }
    }

    /// The specification for the engine's readers.
    pub(crate) fn spec(&self) -> Spec {
        let path = self.source.path.clone();
        match self.source.kind {
            Kind::Digits => Spec::Digits,
            Kind::Idx => Spec::Idx(path),
            Kind::Cifar10 => Spec::Cifar10(path),
            Kind::Csv => Spec::Csv {
                path,
                options: csv::Options {
                    label: match &self.label {
                        None => csv::Label::Last,
                        Some(Label::Index(index)) => csv::Label::Index(*index),
                        Some(Label::Name(name)) => csv::Label::Name(name.clone()),
                    },
                    header: match self.header {
                        None => csv::Header::Detect,
                        Some(true) => csv::Header::Present,
                        Some(false) => csv::Header::Absent,
                    },
                    expected: None,
                },
            },
        }
    }
}

/// A source as it is written: `digits`, `idx:FOLDER`, `cifar10:FOLDER` or `csv:FILE`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Location {
    pub(crate) kind: Kind,
    /// Empty for the embedded digits.
    pub(crate) path: PathBuf,
}

/// The format of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Digits,
    Idx,
    Cifar10,
    Csv,
}

const KINDS: [(&str, Kind); 3] =
    [("idx", Kind::Idx), ("cifar10", Kind::Cifar10), ("csv", Kind::Csv)];

impl Location {
    /// The same place by a path that does not depend on the working folder.
    pub(crate) fn absolute(&self) -> Location {
        let path = match self.path.as_os_str().is_empty() {
            true => PathBuf::new(),
            false => std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone()),
        };
        // A recipe is text: a folder whose name is none stays relative.
        let path = if path.to_str().is_some() { path } else { self.path.clone() };
        Location { kind: self.kind, path }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match KINDS.iter().find(|(_, kind)| *kind == self.kind) {
            Some((name, _)) => write!(f, "{name}:{}", Path::display(&self.path)),
            None => f.write_str("digits"),
        }
    }
}

impl FromStr for Location {
    type Err = String;

    fn from_str(s: &str) -> Result<Location, String> {
        if s == "digits" {
            return Ok(Location::default());
        }
        let known = s.split_once(':').and_then(|(name, path)| {
            let kind = KINDS.iter().find(|(n, _)| *n == name)?.1;
            (!path.is_empty()).then(|| Location { kind, path: at_home(path.into()) })
        });
        known.ok_or_else(|| {
            format!("there is no data {s:?}; it is digits, idx:FOLDER, cifar10:FOLDER or csv:FILE")
        })
    }
}

/// The path with the user's folder in place of a leading `~`: the shell expands one only at the start
/// of a word, and so not in `csv:~/table.csv`.
pub(crate) fn at_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) if !home.as_os_str().is_empty() => home.join(rest),
        _ => path,
    }
}

/// The column of labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected the name of a column, or its number from 0")]
pub(crate) enum Label {
    Index(usize),
    Name(String),
}

impl FromStr for Label {
    type Err = core::convert::Infallible;

    /// Digits are a number.
    fn from_str(s: &str) -> Result<Label, Self::Err> {
        Ok(s.parse().map_or_else(|_| Label::Name(s.to_owned()), Label::Index))
    }
}

/// A size of at least 1 that needs no unwrapping.
pub(super) const fn at_least_one(n: usize) -> NonZeroUsize {
    match NonZeroUsize::new(n) {
        Some(n) => n,
        None => NonZeroUsize::MIN,
    }
}
