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

/// Columns of a table that are constant, or whose numbers lost digits when they were read: whole numbers
/// that were rounded, and texts of numbers that differ where the numbers do not.
#[cfg(feature = "csv")]
pub(super) fn of_columns(
    set: &Dataset,
    rounded: impl Fn(usize) -> bool,
    differs: impl Fn(usize) -> bool,
) -> Vec<String> {
    let (super::Samples::F64(values), Some(columns)) = (set.samples(), set.columns()) else {
        return Vec::new();
    };
    let len = set.sample_len();
    let mut constant = vec![set.len() > 1; len];
    for sample in values.chunks_exact(len) {
        for ((constant, value), first) in constant.iter_mut().zip(sample).zip(values) {
            *constant &= value == first;
        }
    }
    let named = |places: &[usize]| {
        let more = if places.len() > NAMED { ", .." } else { "" };
        let names: Vec<_> =
            places.iter().take(NAMED).map(|&k| format!("{:?}", columns.features[k])).collect();
        names.join(", ") + more
    };
    let lost: Vec<_> = (0..len).filter(|&k| rounded(k) || (constant[k] && differs(k))).collect();
    let same: Vec<_> = (0..len).filter(|&k| constant[k] && !differs(k)).collect();
    let mut notes = Vec::new();
    if !lost.is_empty() {
        notes.push(format!(
            "column {}: numbers have more digits than the 15 to 17 that are kept, and some become equal; \
             subtract a constant from them",
            named(&lost)
        ));
    }
    match same.len() {
        0 => {}
        1 => notes.push(format!("column {} is constant and tells nothing", named(&same))),
        n => notes.push(format!("{n} columns are constant and tell nothing: {}", named(&same))),
    }
    notes
}
