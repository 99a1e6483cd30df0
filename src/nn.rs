//! Networks: lists of layers that own spans of [`Params`](crate::Params) and record themselves on a tape.
//!
//! A layer is data, and so is a list of [`Named`] layers. A [`Network`] is such a list with its
//! parameters: [`Network::new`] checks that each layer fits what comes before it, declares the parameters
//! and initialises them; [`Network::record`] writes the operations to a tape, in training or in inference
//! form, and [`Network::record_prepacked`] for inference only, with weights that are laid out once. Below
//! it are the [`Model`], which knows names and shapes and no values, and its [`Graph`].

mod activation;
mod build;
mod context;
mod costs;
mod declare;
mod graph;
mod init;
mod layer;
mod layers;
mod model;
mod names;
mod network;
mod plan;
mod prepacked;
mod record;
mod recorder;
mod weight;
mod window;
pub mod zoo;

pub use activation::Activation;
pub use context::ModelError;
pub use graph::{Graph, Node, Parameters};
pub use init::{Init, WithBias};
pub use layer::{Layer, Named};
pub use model::Model;
pub(crate) use names::{body_prefix, shortcut_prefix};
pub use network::Network;
pub use plan::Plan;
pub use prepacked::{PrepackedLayer, PrepackedNetwork, Zeros};
pub use recorder::Phase;
pub use weight::Weight;
