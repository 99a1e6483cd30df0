//! From a recipe to what the engine trains: samples, model and parameters.

use crate::failure::Failure;
use crate::recipe::{self, Recipe};
use crate::voice::Voice;
use proxtape::data::{self, DataError, Normalization, Source, Split};
use proxtape::nn::Model;
use proxtape::train::Data;
use proxtape::{Params, Random};
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
        Ok(Samples { source, split, normalization })
    }

    pub(crate) fn data(&self) -> Data<'_> {
        Data { source: &self.source, split: &self.split, normalization: &self.normalization }
    }
}

/// Says what the reader decided, and what looks odd.
pub(crate) fn tell(source: &Source, data: &recipe::Data, voice: Voice) {
    for note in &source.notes {
        voice.say(format_args!("{}: {note}", data.source));
    }
}

/// Reads a source.
pub(crate) fn read(data: &recipe::Data) -> Result<Source, Failure> {
    obtained(data::read(&data.spec()), data)
}

/// What was read. Where it is missing, the error says where to get it.
pub(crate) fn obtained(
    read: Result<Source, DataError>,
    data: &recipe::Data,
) -> Result<Source, Failure> {
    read.map_err(|e| match &data.obtain {
        Some(obtain) if !data.source.path.exists() => Failure::failed(format!("{e}\n{obtain}")),
        _ => e.into(),
    })
}

/// The error with what to do where data is gone that was there.
pub(crate) fn gone(error: Failure, data: &recipe::Data) -> Failure {
    let path = &data.source.path;
    match path.as_os_str().is_empty() || path.exists() {
        true => error,
        false => Failure::failed(format!("{error}\nif it was moved, name its new place by --data")),
    }
}

/// The recipe's model for samples of a shape and a number of classes, as its seed starts it.
pub(crate) fn build(
    recipe: &Recipe,
    input: &[usize],
    classes: usize,
) -> Result<(Model, Params), Failure> {
    let mut params = Params::new();
    let layers = recipe.model.net.layers(classes);
    let mut random = Random::new(recipe.train.seed);
    let model = Model::new(&mut params, input, &layers, &mut random);
    let model = model.map_err(|e| Failure::failed(format!("recipe \"{}\": {e}", recipe.name)))?;
    Ok((model, params))
}
