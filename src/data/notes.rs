//! What looks odd in data that can be read: a line each, for people.

use super::Dataset;

/// How many of a kind are named.
const NAMED: usize = 5;

/// Classes with one sample or none: a split cannot give each part a share of them.
pub(super) fn of_classes(set: &Dataset) -> Vec<String> {
    let mut counts = vec![0_usize; set.classes()];
    set.labels().iter().for_each(|&label| counts[label as usize] += 1);
    let with = |count: usize| {
        let classes: Vec<usize> = (0..counts.len()).filter(|&c| counts[c] == count).collect();
        let name = |&class: &usize| match set.class_names().get(class) {
            Some(name) => format!("{name:?}"),
            None => class.to_string(),
        };
        let more = if classes.len() > NAMED { ", .." } else { "" };
        let named: Vec<_> = classes.iter().take(NAMED).map(name).collect();
        (classes.len(), named.join(", ") + more)
    };
    let mut notes = Vec::new();
    for (count, what) in
        [(1, "one sample, which only one part of a split can have"), (0, "no sample")]
    {
        match with(count) {
            (0, _) => {}
            (1, name) => notes.push(format!("class {name} has {what}")),
            (many, names) => notes.push(format!("{many} classes have {what}: {names}")),
        }
    }
    notes
}

/// A column of whole numbers that were rounded when they were read.
#[cfg(feature = "csv")]
pub(super) fn of_rounding(set: &Dataset, column: usize) -> Option<String> {
    let name = set.columns()?.features.get(column)?;
    Some(format!(
        "column {name:?}: its whole numbers have more digits than the 16 that are kept; subtract a \
         constant from them"
    ))
}

/// Columns of a table that are constant.
#[cfg(feature = "csv")]
pub(super) fn of_columns(set: &Dataset) -> Vec<String> {
    let (super::Samples::F64(values), Some(columns)) = (set.samples(), set.columns()) else {
        return Vec::new();
    };
    let len = set.sample_len();
    let mut constant = vec![true; len];
    for sample in values.chunks_exact(len) {
        for ((constant, value), first) in constant.iter_mut().zip(sample).zip(values) {
            *constant &= value == first;
        }
    }
    let names: Vec<_> = (0..len).filter(|&k| constant[k] && set.len() > 1).collect();
    let more = if names.len() > NAMED { ", .." } else { "" };
    let shown: Vec<_> =
        names.iter().take(NAMED).map(|&k| format!("{:?}", columns.features[k])).collect();
    match names.len() {
        0 => Vec::new(),
        1 => vec![format!("column {} is constant and tells nothing", shown[0])],
        n => vec![format!("{n} columns are constant and tell nothing: {}{more}", shown.join(", "))],
    }
}
