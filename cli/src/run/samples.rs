//! The samples of a training: read, cut into parts and normalised.

use crate::failure::Failure;
use crate::output::terminal::Terminal;
use crate::recipe::{self, Recipe};
use proxtape::data::{self, DataError, Normalization, Source, Split};
use proxtape::train::Data;
use std::sync::Arc;

/// The samples of a training, cut and measured.
pub(crate) struct Samples {
    /// Shared by the trainings of a comparison.
    pub(crate) source: Arc<Source>,
    pub(crate) split: Split,
    pub(crate) normalization: Normalization,
}

impl Samples {
    /// Cuts the samples that the recipe names by the recipe's seed. They are read, unless they are given.
    pub(crate) fn of(source: Option<Arc<Source>>, recipe: &Recipe) -> Result<Samples, Failure> {
        let source = match source {
            Some(source) => source,
            None => Arc::new(read(&recipe.data)?),
        };
        let split = source.split(recipe.data.fractions(), recipe.train.seed)?;
        let normalization = recipe.data.normalize.fit(&source.train, &split.train);
        if let Some(channel) = normalization.lost(&source.train, &split.train) {
            let columns = source.train.columns();
            let name = columns.and_then(|columns| columns.features.get(channel));
            let place = match name {
                Some(name) => format!("column {name:?}"),
                None => format!("channel {channel}"),
            };
            return Err(Failure::failed(format!(
                "{}: {place}: expected values that an f32 tells apart, found smaller differences; subtract a \
                 constant from them, or multiply them by a factor",
                recipe.data.source
            )));
        }
        Ok(Samples { source, split, normalization })
    }

    pub(crate) fn data(&self) -> Data<'_> {
        Data { source: &self.source, split: &self.split, normalization: &self.normalization }
    }
}

/// Prints the decisions of a reader, and what looks odd.
pub(crate) fn note_reading(source: &Source, data: &recipe::Data, terminal: Terminal) {
    for note in &source.notes {
        terminal.say(format_args!("{}: {note}", data.source));
    }
}

/// Reads a source.
pub(crate) fn read(data: &recipe::Data) -> Result<Source, Failure> {
    obtained(data::read(&data.spec()), data)
}

/// The data that was read. Where it is missing, the error says where to get it.
pub(crate) fn obtained(
    read: Result<Source, DataError>,
    data: &recipe::Data,
) -> Result<Source, Failure> {
    read.map_err(|e| match &data.obtain {
        Some(obtain) if !data.source.path.exists() => Failure::from(e).under(obtain),
        _ => e.into(),
    })
}

/// The error, with advice where data is gone that was there.
pub(crate) fn gone(error: Failure, data: &recipe::Data) -> Failure {
    let path = &data.source.path;
    match path.as_os_str().is_empty() || path.exists() {
        true => error,
        false => error.under("if it was moved, name its new place by --data"),
    }
}
