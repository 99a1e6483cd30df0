//! From a recipe to what the engine trains: samples, model and parameters.

use crate::failure::Failure;
use crate::recipe::{self, Recipe};
use proxtape::data::{self, Normalization, Source, Split};
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
    /// Reads what the recipe names, and cuts it by the recipe's seed.
    pub(crate) fn read(recipe: &Recipe) -> Result<Samples, Failure> {
        Samples::of(None, recipe)
    }

    /// The same, where the samples of the recipe may have been read already.
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

    /// What tells these samples from others, to be kept with a state: their numbers.
    pub(crate) fn mark(&self) -> String {
        let Split { train, validation, test } = &self.split;
        format!("{} + {} + {}", train.len(), validation.len(), test.len())
    }
}

/// Reads a source. Where it is missing, the error says where to get it.
pub(crate) fn read(data: &recipe::Data) -> Result<Source, Failure> {
    data::read(&data.spec()).map_err(|e| match &data.obtain {
        Some(obtain) if !data.source.path.exists() => Failure::failed(format!("{e}\n{obtain}")),
        _ => e.into(),
    })
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
