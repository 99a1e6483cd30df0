//! `model.safetensors`: tensors by PyTorch's names and layout, with metadata for their use.
//!
//! ```text
//! recipe          the recipe as resolved, TOML
//! normalization   {"scale": s, "mean": [C], "std": [C]}: x = (s raw - mean) / std
//! input           [C, H, W] of a sample
//! data            {"hash", "training", "validation", "test"}, and "columns" and "label" of a table
//! classes         their number;  class_names: a list, maybe empty
//! version         of the program that wrote it;  format: "pt", PyTorch's names and layout
//! ```
//!
//! Every command reads a model by [`Trained::read`], where all that the metadata claim is checked against
//! each other and against the tensors before the network is built.

use crate::failure::Failure;
use crate::output::terminal::Terminal;
use crate::recipe::{self, Recipe};
use crate::run::network::plan;
use crate::run::origin::Origin;
use crate::run::samples::Samples;
use crate::run::start_weights;
use proxtape::checkpoint::{self, Checkpoint};
use proxtape::data::Normalization;
use proxtape::nn::{Network, Plan};
use proxtape::{Params, Random};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// The facts that a model file has beside its tensors.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) samples: &'a Samples,
    pub(crate) origin: &'a Origin,
}

/// The contents of a model file.
pub(crate) fn contents(facts: &Facts<'_>, params: &Params) -> Checkpoint {
    let mut file = metadata(facts);
    file.put_params("", params);
    file
}

/// An error if a file cannot hold the metadata of a model, whose column names and means may be many. It is called
/// before the training.
pub(crate) fn check_metadata(facts: &Facts<'_>) -> Result<(), Failure> {
    let recipe = &facts.recipe.name;
    let written = checkpoint::to_bytes(&metadata(facts));
    written.map(|_| ()).map_err(|e| Failure::failed(format!("a model of recipe {recipe:?}: {e}")))
}

/// The metadata of a model.
fn metadata(Facts { recipe, samples, origin }: &Facts<'_>) -> Checkpoint {
    let set = &samples.source.train;
    let mut file = Checkpoint::default();
    file.note("recipe", recipe.to_toml());
    file.note("normalization", json(&Scaling::from(&samples.normalization)));
    file.note("input", json(&set.shape()));
    file.note("classes", set.classes());
    file.note("class_names", json(&set.class_names()));
    file.note("data", json(origin));
    file.note("version", env!("CARGO_PKG_VERSION"));
    file.note("format", "pt");
    file
}

/// Samples of a batch, where nothing asks for another number; every model that is read can take them.
pub(crate) const BATCH: usize = 128;

/// A trained model, ready for use.
pub(crate) struct Trained {
    pub(crate) recipe: Recipe,
    pub(crate) network: Network,
    pub(crate) normalization: Normalization,
    pub(crate) class_names: Vec<String>,
    pub(crate) classes: usize,
    /// The samples of its training; not in files of older programs.
    pub(crate) origin: Option<Origin>,
    /// The tensors with values that became 0, and how many.
    vanished: Vec<(String, usize)>,
}

impl Trained {
    /// Reads a file of [`contents()`].
    pub(crate) fn read(path: &Path) -> Result<Trained, Failure> {
        Trained::from_checkpoint(path, &checkpoint::read_sealed(path)?)
    }

    /// The same from a checkpoint that was read before.
    pub(crate) fn from_checkpoint(path: &Path, file: &Checkpoint) -> Result<Trained, Failure> {
        let place = path.display();
        let fault = |what: String| Failure::failed(format!("{place}: {what}"));
        let recipe =
            recipe::parse(&format!("{place}: metadata \"recipe\""), text(path, file, "recipe")?)?;
        let input: Vec<usize> = parsed(path, file, "input")?;
        if input.is_empty() || input.len() >= proxtape::MAX_RANK {
            let most = proxtape::MAX_RANK - 1;
            return Err(fault(format!(
                "metadata \"input\": expected 1 to {most} extents, found {input:?}"
            )));
        }
        let classes = parsed(path, file, "classes")?;
        let class_names: Vec<String> = parsed(path, file, "class_names")?;
        let normalization = parsed::<Scaling>(path, file, "normalization")?;
        let normalization = normalization
            .of(input[0])
            .map_err(|what| fault(format!("metadata \"normalization\": {what}")))?;
        let plan = plan(&recipe, &input, classes).map_err(|e| fault(e.to_string()))?;
        let (output, names) = (plan.output(), class_names.len());
        if output[..] != [classes] || (names != 0 && names != classes) {
            return Err(fault(format!(
                "expected an output for each of {classes} classes, and as many names or none; found \
                 outputs {output} and {names} names"
            )));
        }
        let origin = file.texts.contains_key("data").then(|| parsed(path, file, "data"));
        let origin: Option<Origin> = origin.transpose()?;
        if let Some(Origin { columns, .. }) = &origin
            && !columns.is_empty()
            && columns.len() != plan.input().len()
        {
            return Err(fault(format!(
                "metadata \"data\": expected a column for each of {input:?} features, found {}",
                columns.len()
            )));
        }
        check_tensors(&plan, file).map_err(fault)?;
        let mut network = plan.zeros().map_err(|e| fault(e.to_string()))?;
        network.model().check_batch(BATCH).map_err(|e| fault(e.to_string()))?;
        let vanished = file.get_params("", network.params_mut());
        let vanished = vanished.map_err(|e| fault(e.to_string()))?;
        Ok(Trained { recipe, network, normalization, class_names, classes, origin, vanished })
    }

    /// Whether its parameters are still those that its training started from.
    pub(crate) fn is_at_the_start(&self) -> Result<bool, Failure> {
        let Recipe { model, train, .. } = &self.recipe;
        let plan = plan(&self.recipe, self.network.input().dims(), self.classes)?;
        let mut start = match &model.weights {
            None => plan.network(&mut Random::new(train.seed)),
            Some(_) => plan.zeros(),
        }?;
        if let Some(weights) = &model.weights {
            // A resumed training prints more.
            start_weights::load(weights, model, start.params_mut(), Terminal::new(true))?;
        }
        let [start, now] = [&start, &self.network].map(Network::params);
        let mut both = start.ids().zip(now.ids());
        Ok(both.all(|(a, b)| start.value(a) == now.value(b)))
    }

    /// Prints a note on values that became 0.
    pub(crate) fn note_vanished(&self, path: &Path, terminal: Terminal) {
        start_weights::note_vanished(path, &self.vanished, terminal);
    }
}

/// Whether a file holds the tensors of a plan, before there is memory for them.
fn check_tensors(plan: &Plan, file: &Checkpoint) -> Result<(), String> {
    let found: HashMap<&str, _> = file.tensors.iter().map(|(name, s, _)| (&**name, *s)).collect();
    for (name, wants) in plan.parameters() {
        let has = match found.get(name) {
            Some(&has) => has,
            None => {
                let missing = |e| format!("{e}, and the recipe in the file wants {wants}");
                file.get(name).map_err(missing)?.0
            }
        };
        if has != wants {
            return Err(format!("tensor \"{name}\" has {has} and the model wants {wants}"));
        }
    }
    Ok(())
}

/// Whether a file has the metadata of a model.
pub(crate) fn is_model(file: &Checkpoint) -> bool {
    ["recipe", "input", "classes", "normalization"].iter().all(|key| file.texts.contains_key(*key))
}

#[derive(Serialize, Deserialize)]
struct Scaling {
    scale: f32,
    mean: Vec<f64>,
    std: Vec<f32>,
}

impl Scaling {
    /// The normalisation of samples of so many channels.
    fn of(self, channels: usize) -> Result<Normalization, String> {
        let Scaling { scale, mean, std } = self;
        if mean.len() != channels || std.len() != channels {
            return Err(format!(
                "expected a mean and a std for each of {channels} channels, found {} and {}",
                mean.len(),
                std.len()
            ));
        }
        // Smaller ones have lost digits, and a processor may take them for 0.
        let positive = |x: &f32| x.is_normal() && *x > 0.0;
        let sound = positive(&scale) && mean.iter().all(|x| x.is_finite());
        match sound && std.iter().all(positive) {
            true => Ok(Normalization { scale, mean, std }),
            false => Err(
                "expected finite numbers, with scale and std normal numbers above 0, found others"
                    .into(),
            ),
        }
    }
}

impl From<&Normalization> for Scaling {
    fn from(n: &Normalization) -> Scaling {
        Scaling { scale: n.scale, mean: n.mean.clone(), std: n.std.clone() }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and texts are plain data")
}

fn text<'a>(path: &Path, file: &'a Checkpoint, key: &str) -> Result<&'a str, Failure> {
    file.texts.get(key).map(String::as_str).ok_or_else(|| {
        Failure::failed(format!(
            "{}: expected a model that `proxtape train` wrote, found no metadata \"{key}\"; name a \
             run folder or its model.safetensors",
            path.display()
        ))
    })
}

fn parsed<T: DeserializeOwned>(path: &Path, file: &Checkpoint, key: &str) -> Result<T, Failure> {
    serde_json::from_str(text(path, file, key)?)
        .map_err(|e| Failure::failed(format!("{}: metadata \"{key}\": {e}", path.display())))
}
