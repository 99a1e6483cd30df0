//! The methods that work with a recipe.

use super::method::Method;
use crate::failure::Failure;
use crate::recipe::Recipe;
use crate::run::network::{Initial, build};
use proxtape::data::Source;

/// The methods that work with a recipe: those that are asked for, or else all that do.
///
/// # Errors
/// If one that is asked for does not, with the reason; or if there are no validation samples.
pub(crate) fn methods(
    asked: &[Method],
    recipe: &Recipe,
    source: &Source,
) -> Result<Vec<Method>, Failure> {
    let split = source.split(recipe.data.fractions(), recipe.train.seed)?;
    if split.validation.is_empty() {
        return Err(Failure::failed(format!(
            "recipe {:?}: expected samples for validation, which lambda is chosen by, found none; \
             set validation in [data]",
            recipe.name
        )));
    }
    let set = &source.train;
    let network = build(recipe, set, Initial::Seed)?;
    let is_diagonal = recipe.train.optimizer.0.is_diagonal();
    let fits = |method: Method| -> Result<(), Failure> {
        let config = method.recipe(recipe, 0.0, 0).config();
        let regularized = config.penalty.resolve(&network).map_err(Failure::failed)?;
        if config.prune.is_some() && config.refit.is_none() {
            return Err(Failure::failed(format!(
                "{}: some of the epochs are for a refit, and {} are too few",
                method.label(),
                config.epochs
            )));
        }
        match regularized.iter().any(|r| is_diagonal && !r.supports_diagonal()) {
            true => Err(Failure::failed(format!(
                "{}: there is no prox in Adam's metric; use momentum, or leave it out of --families",
                method.label()
            ))),
            false => Ok(()),
        }
    };
    match asked.is_empty() {
        true => Ok(Method::all().filter(|&method| fits(method).is_ok()).collect()),
        false => {
            let mut methods: Vec<Method> = Vec::new();
            for &method in asked {
                fits(method)?;
                if !methods.contains(&method) {
                    methods.push(method);
                }
            }
            Ok(methods)
        }
    }
}
