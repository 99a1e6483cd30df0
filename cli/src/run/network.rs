//! The network of a recipe, for samples of a shape and a number of classes.

use crate::failure::Failure;
use crate::recipe::Recipe;
use core::fmt::Display;
use proxtape::data::Dataset;
use proxtape::nn::{Network, Plan};
use proxtape::{Params, Random};

/// The most classes.
const MAX_CLASSES: usize = 1 << 16;

/// The plan of the recipe's model for samples of a shape and a number of classes.
pub(crate) fn plan(recipe: &Recipe, input: &[usize], classes: usize) -> Result<Plan, Failure> {
    if !(1..=MAX_CLASSES).contains(&classes) {
        let wants = format_args!("expected 1 to {MAX_CLASSES} classes, found {classes}");
        return Err(refused(recipe, &wants));
    }
    let layers = recipe.model.net.layers(classes);
    Plan::new(&Params::new(), input, &layers).map_err(|e| refused(recipe, &e))
}

/// The recipe's network for these samples, initialised by its seed, or with zeros where saved values follow.
pub(crate) fn build(recipe: &Recipe, set: &Dataset, initial: Initial) -> Result<Network, Failure> {
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
    let network = match initial {
        Initial::Seed => plan.network(&mut Random::new(recipe.train.seed)),
        Initial::Saved => plan.zeros(),
    };
    network.map_err(|e| refused(recipe, &e))
}

/// The initial parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initial {
    /// The recipe's seed.
    Seed,
    /// Values of a file, which are read next.
    Saved,
}

fn refused(recipe: &Recipe, what: &dyn Display) -> Failure {
    Failure::failed(format!("recipe {:?}: {what}", recipe.name))
}
