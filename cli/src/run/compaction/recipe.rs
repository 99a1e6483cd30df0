//! The recipe in the file of a compacted model.

use crate::recipe::{Layer, Net, Penalty, Recipe};
use proxtape::compact::Compact;
use proxtape::optim::Mixing;

/// The same recipe with the layers that are left.
pub(super) fn of(recipe: &Recipe, small: &Compact) -> Recipe {
    let mut recipe = recipe.clone();
    recipe.model.net = Net::Layers(small.network.layers().iter().cloned().map(Layer).collect());
    // Weights to start from would have the shapes of before.
    (recipe.model.weights, recipe.model.weights_hash) = (None, None);
    // Shares are of the whole network.
    (recipe.target, recipe.train.prune) = (None, None);
    let penalty = &mut recipe.penalty.0;
    let left: Vec<bool> = small.removed.iter().map(|layer| layer.after.is_some()).collect();
    let weights = small.network.model().weights();
    let is_left = |name: &str| weights.iter().any(|weight| weight.layer == *name);
    penalty.layers.retain(|own| is_left(&own.layer));
    if let Mixing::Explicit(list) = &mut penalty.mixing {
        let mut left = left.into_iter();
        list.retain(|_| left.next().unwrap_or(true));
    }
    // Blocks may not divide the smaller shapes. The penalty has done its work, and serves counts alone.
    if penalty.resolve(&small.network).is_err() {
        recipe.penalty = Penalty::default();
    }
    recipe
}
