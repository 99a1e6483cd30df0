//! From a recipe to what the engine trains: samples, model and parameters.

use crate::failure::Failure;
use crate::output::terminal::Terminal;
use crate::recipe::{self, Recipe};
use core::fmt::Display;
use proxtape::data::{self, DataError, Dataset, Normalization, Source, Split};
use proxtape::nn::{Network, Plan};
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

/// Says what the reader decided, and what looks odd.
pub(crate) fn tell(source: &Source, data: &recipe::Data, terminal: Terminal) {
    for note in &source.notes {
        terminal.say(format_args!("{}: {note}", data.source));
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
        Some(obtain) if !data.source.path.exists() => Failure::from(e).under(obtain),
        _ => e.into(),
    })
}

/// The error with what to do where data is gone that was there.
pub(crate) fn gone(error: Failure, data: &recipe::Data) -> Failure {
    let path = &data.source.path;
    match path.as_os_str().is_empty() || path.exists() {
        true => error,
        false => error.under("if it was moved, name its new place by --data"),
    }
}

/// The most classes.
const MAX_CLASSES: usize = 1 << 16;

/// What the recipe's model comes to for samples of a shape and a number of classes.
pub(crate) fn plan(recipe: &Recipe, input: &[usize], classes: usize) -> Result<Plan, Failure> {
    if !(1..=MAX_CLASSES).contains(&classes) {
        let wants = format_args!("expected 1 to {MAX_CLASSES} classes, found {classes}");
        return Err(refused(recipe, &wants));
    }
    let layers = recipe.model.net.layers(classes);
    Plan::new(&Params::new(), input, &layers).map_err(|e| refused(recipe, &e))
}

/// The recipe's model for these samples, as its seed starts it, or zeros, where what was saved follows.
pub(crate) fn build(recipe: &Recipe, set: &Dataset, start: Start) -> Result<Network, Failure> {
    let plan = plan(recipe, &set.shape(), set.classes())?;
    let (gives, has) = (plan.output(), set.classes());
    if gives[..] != [has] {
        return Err(refused(
            recipe,
            &format_args!(
                "the model gives {gives} and the data has {has} classes; the last layer must give one \
                 number for each class"
            ),
        ));
    }
    let network = match start {
        Start::Seed => plan.network(&mut Random::new(recipe.train.seed)),
        Start::Saved => plan.zeros(),
    };
    network.map_err(|e| refused(recipe, &e))
}

/// What parameters start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The recipe's seed.
    Seed,
    /// Values of a file, which are read next.
    Saved,
}

fn refused(recipe: &Recipe, what: &dyn Display) -> Failure {
    Failure::failed(format!("recipe {:?}: {what}", recipe.name))
}
