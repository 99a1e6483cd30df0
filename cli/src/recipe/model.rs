//! `[model]`: a network of the zoo, or a list of layers.

use super::fault::Fault;
use super::layer::{self, Layer};
use proxtape::nn::{Named, zoo};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::Spanned;

/// The section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Model {
    #[serde(flatten)]
    pub(crate) net: Net,
    /// A safetensors file to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weights: Option<PathBuf>,
    /// Of the contents of that file; a recipe that was never resolved has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weights_hash: Option<String>,
}

/// The layers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum Net {
    /// By the name of the zoo.
    #[serde(rename = "zoo")]
    Zoo(String),
    /// One by one.
    #[serde(rename = "layer")]
    Layers(Vec<Layer>),
}

impl Net {
    /// The network of a name.
    pub(crate) fn zoo(name: &str) -> Result<Net, String> {
        match zoo::NAMES.contains(&name) {
            true => Ok(Net::Zoo(name.to_owned())),
            false => {
                Err(format!("there is no network {name:?}; the zoo has {}", zoo::NAMES.join(", ")))
            }
        }
    }

    /// The layers for a number of classes.
    pub(crate) fn layers(&self, classes: usize) -> Vec<Named> {
        match self {
            Net::Zoo(name) => zoo::by_name(name, classes).unwrap_or_default(),
            Net::Layers(layers) => layers.iter().map(|layer| layer.0.clone()).collect(),
        }
    }
}

/// The section as read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    zoo: Option<Spanned<String>>,
    weights: Option<PathBuf>,
    weights_hash: Option<String>,
    layer: Option<Vec<layer::Table>>,
}

impl Model {
    /// The model of a section that starts at a byte of the file.
    pub(super) fn new(table: Table, at: usize) -> Result<Model, Fault> {
        let fault = |message: &str| Err(Fault { at, message: message.to_owned() });
        let net = match (table.zoo, table.layer) {
            (Some(name), None) => Net::zoo(name.get_ref())
                .map_err(|message| Fault { at: name.span().start, message })?,
            (None, Some(layers)) => {
                Net::Layers(layers.into_iter().map(Layer::try_from).collect::<Result<_, _>>()?)
            }
            (None, None) => return fault("a model is zoo = \"NAME\", or a list [[model.layer]]"),
            (Some(_), Some(_)) => {
                return fault(
                    "a model is either zoo = \"NAME\" or a list [[model.layer]], not both",
                );
            }
        };
        Ok(Model { net, weights: table.weights, weights_hash: table.weights_hash })
    }
}
