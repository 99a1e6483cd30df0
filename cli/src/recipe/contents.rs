//! A recipe: all that a training depends on, as TOML.
//!
//! ```text
//! name = "digits"
//! [data]        source, label, header, validation, test, obtain       (data.rs)
//! [model]       zoo, or a list [[model.layer]]; weights, their hash   (model.rs, layer.rs)
//! [train]       epochs, batch, optimizer, schedule, augment, seed ..  (train.rs)
//! [penalty]     family, lambda, mixing, grouping, [[penalty.layer]]   (penalty.rs)
//! [target]      keep, macs or groups                                  (target.rs)
//! ```
//!
//! Reading fills in every default, so a written recipe is complete: a run folder keeps
//! the recipe with everything that flags have changed, and it loads again to the same run. The
//! number of threads is no part of it, since the bits do not depend on it.

use super::data::Data;
use super::fault::Fault;
use super::model::{self, Model};
use super::penalty::Penalty;
use super::target::Target;
use super::train::Train;
use crate::output::escape;
use proxtape::train::Config;
use proxtape::{Convolution, Exec};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// A whole recipe, every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Recipe {
    /// The name of the run folder [default: the name of the file].
    pub(crate) name: String,
    pub(crate) data: Data,
    pub(crate) model: Model,
    pub(crate) train: Train,
    pub(crate) penalty: Penalty,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Target>,
}

/// The text of a file as read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    #[serde(default)]
    name: String,
    data: Option<Spanned<Data>>,
    model: Spanned<model::Table>,
    #[serde(default)]
    train: Train,
    #[serde(default)]
    penalty: Penalty,
    target: Option<Target>,
}

impl TryFrom<Table> for Recipe {
    type Error = Fault;

    fn try_from(table: Table) -> Result<Recipe, Fault> {
        let Table { name, data, model, train, penalty, target } = table;
        let data = match data {
            Some(data) => {
                let at = data.span().start;
                data.get_ref().check().map_err(|message| Fault { at, message })?;
                data.into_inner()
            }
            None => Data::default(),
        };
        let at = model.span().start;
        let model = Model::new(model.into_inner(), at)?;
        Ok(Recipe { name, data, model, train, penalty, target })
    }
}

impl Recipe {
    /// The training configuration.
    pub(crate) fn config(&self) -> Config {
        let train = &self.train;
        let (settle, refit) = train.stages();
        Config {
            epochs: train.epochs.get(),
            batch: train.batch.get(),
            accumulate: train.accumulate.get(),
            rule: train.optimizer.0,
            schedule: train.schedule.0,
            penalty: self.penalty.0.clone(),
            target: self.target.map(|target| target.0),
            settle,
            prune: train.prune.map(Into::into),
            refit,
            clip: train.clip,
            augment: train.augment.map(Into::into),
            patience: train.patience,
            keep: train.keep.into(),
            seed: train.seed,
            ..Config::default()
        }
    }

    /// Execution options: those of the command, but never less exact than the recipe asks for.
    pub(crate) fn exec(&self, exec: Exec) -> Exec {
        if self.train.exact_conv { exec.with_convolution(Convolution::Exact) } else { exec }
    }

    /// The text that loads again to this recipe.
    pub(crate) fn to_toml(&self) -> String {
        // Only maps with keys that are no strings cannot be written, and there are none.
        escape::toml(&toml::to_string(self).expect("a recipe is plain data"))
    }
}
