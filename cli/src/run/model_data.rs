//! The samples of a trained network, read again, or others for it.
//!
//! ```text
//! own      what its recipe names, or another place with the same contents: in the parts that it was
//!          trained with; anything else is refused
//! others   all of them (the test set, where the data brings one), for `eval` alone
//! ```
//!
//! Columns of a table are found by the names that the model keeps, and classes are the model's.

use crate::failure::Failure;
use crate::output::escape;
use crate::output::terminal::Terminal;
use crate::recipe::{self, Location};
use crate::run::model_file::Trained;
use crate::run::origin::{self, Origin};
use crate::run::samples::{Samples, gone, note_reading, obtained};
use proxtape::data::{self, Dataset, Schema, Source, Split};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Reads data as a network wants it.
pub(crate) fn read(trained: &Trained, data: &recipe::Data) -> Result<Source, Failure> {
    let mut schema = Schema {
        columns: trained.origin.as_ref().and_then(Origin::columns),
        classes: trained.classes,
        class_names: trained.class_names.clone(),
    };
    let columns = schema.columns.clone();
    // Another table may name its labels otherwise. Where the column is given by its number, names cannot
    // be matched one by one, and must be those of the model all the same.
    let by_number = match (&data.label, &mut schema.columns) {
        (label, _) if *label == trained.recipe.data.label => false,
        (Some(recipe::Label::Name(name)), Some(columns)) => {
            columns.label.clone_from(name);
            false
        }
        (label, columns) => {
            *columns = None;
            label.is_some()
        }
    };
    let mut source = obtained(data::read_as(&data.spec(), &schema), data)?;
    let Some(wanted) = columns.filter(|_| by_number) else { return Ok(source) };
    let found = source.train.columns().map_or(&[][..], |columns| &columns.features);
    let are_unnamed = |names: &[String]| names.iter().all(|name| name.starts_with("column "));
    let is_unnamed = are_unnamed(found);
    if found != wanted.features && !is_unnamed {
        return Err(Failure::failed(format!(
            "{}: expected the columns {}, found {}; name the column of labels by its name, and the \
             others are found by theirs",
            data.source,
            wanted.features.join(", "),
            found.join(", ")
        )));
    }
    if is_unnamed && !are_unnamed(&wanted.features) {
        let columns = escape::few(&wanted.features);
        source.notes.push(format!("without a header, the columns are taken for {columns}"));
    }
    Ok(Source { train: source.train.with_columns(wanted)?, ..source })
}

/// The samples that a network was trained on, in the parts that it was trained with. They are read
/// from where its recipe says, unless they are given.
pub(crate) fn own(
    path: &Path,
    trained: &Trained,
    source: Option<Arc<Source>>,
    terminal: Terminal,
) -> Result<Samples, Failure> {
    let source = match source {
        Some(source) => source,
        None => {
            let data = &trained.recipe.data;
            Arc::new(read(trained, data).map_err(|e| gone(e, data))?)
        }
    };
    check(path, trained, &trained.recipe.data.source, source.test_set())?;
    let samples = cut(trained, source)?;
    match &trained.origin {
        Some(origin) => {
            let place = trained.recipe.data.source.to_string();
            origin.expect(&Origin::of(&samples), &place, &of(path))?;
        }
        None => terminal.say(format_args!(
            "note: {}: the model keeps no hash of its data, so whether {} still holds it is not known",
            path.display(),
            trained.recipe.data.source
        )),
    }
    Ok(samples)
}

/// Whose data it is, for errors.
fn of(path: &Path) -> String {
    format!("{}, that the network was trained on", path.display())
}

/// Cuts samples as those of the training were, and scales them in the same way.
fn cut(trained: &Trained, source: Arc<Source>) -> Result<Samples, Failure> {
    let recipe = &trained.recipe;
    let split = source.split(recipe.data.fractions(), recipe.train.seed)?;
    Ok(Samples { source, split, normalization: trained.normalization.clone() })
}

/// The samples of `eval --data`.
pub(crate) struct Named {
    pub(crate) samples: Samples,
    /// Whether they are those of the training; not known of an old model.
    pub(crate) same: Option<bool>,
    /// Of others: how many are samples of the training part, too, where that can be read.
    pub(crate) seen: Option<usize>,
}

/// Reads data that is named, and finds out whether it is the network's own.
pub(crate) fn named(
    path: &Path,
    trained: &Trained,
    data: &recipe::Data,
    terminal: Terminal,
) -> Result<Named, Failure> {
    let source = Arc::new(read(trained, data)?);
    check(path, trained, &data.source, source.test_set())?;
    let same = trained.origin.as_ref().map(|origin| origin.hash == origin::hash(&source));
    if let (Some(origin), Some(true)) = (&trained.origin, same) {
        let samples = cut(trained, source)?;
        origin.expect(&Origin::of(&samples), &data.source.to_string(), &of(path))?;
        return Ok(Named { samples, same, seen: None });
    }
    note_reading(&source, data, terminal);
    // A dataset has at most 2^32 - 1 samples.
    let test: Vec<u32> = (0..source.test_set().len() as u32).collect();
    let seen = same.and_then(|_| seen(trained, source.test_set()));
    let split = Split { train: Vec::new(), validation: Vec::new(), test };
    let normalization = trained.normalization.clone();
    Ok(Named { samples: Samples { source, split, normalization }, same, seen })
}

/// How many samples of a set were trained on: known where the data of the training is still there.
fn seen(trained: &Trained, set: &Dataset) -> Option<usize> {
    let own = Arc::new(read(trained, &trained.recipe.data).ok()?);
    if trained.origin.as_ref()?.hash != origin::hash(&own) {
        return None;
    }
    let own = cut(trained, own).ok()?;
    let hash = |&index: &u32| origin::hash_of_sample(&own.source.train, index);
    let trained_on: HashSet<u128> = own.split.train.iter().map(hash).collect();
    let indices = 0..set.len() as u32;
    Some(indices.filter(|&i| trained_on.contains(&origin::hash_of_sample(set, i))).count())
}

/// Whether the model can read these samples, and means the same classes.
fn check(path: &Path, trained: &Trained, source: &Location, set: &Dataset) -> Result<(), Failure> {
    let fault = |expected: String, found: String| {
        Err(Failure::failed(format!(
            "{source}: expected {expected}, as {} was trained on; found {found}",
            path.display()
        )))
    };
    let (wants, has) = (trained.network.input(), set.shape());
    if wants[..] != has[..] {
        return fault(format!("samples {wants}"), format!("{has:?}"));
    }
    // The same raw value must mean the same: white is 255 in one set and 16 in another.
    let (wants, has) = (trained.normalization.scale, set.scale());
    if wants != has {
        return fault(
            format!("raw values with the scale {}", fraction(wants)),
            format!("those with the scale {}", fraction(has)),
        );
    }
    if set.classes() > trained.classes {
        return fault(format!("{} classes", trained.classes), set.classes().to_string());
    }
    let names = &trained.class_names;
    if !names.is_empty() && set.class_names() != names {
        return fault(format!("the classes {names:?}"), format!("{:?}", set.class_names()));
    }
    Ok(())
}

/// A scale for people: 1/255 if it makes 255 a 1.
fn fraction(scale: f32) -> String {
    let whole = (1.0 / scale).round();
    match whole > 1.0 && 1.0 / whole == scale {
        true => format!("1/{whole}"),
        false => scale.to_string(),
    }
}
