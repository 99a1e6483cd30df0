//! What is zero leaves: from a network with zeros to a smaller network with the same outputs.
//!
//! ```text
//! repeat until nothing changes
//!     outer rows and columns of a kernel that are zero leave, with their padding    (kernel.rs)
//!     forwards:  a unit without incoming weights is the constant act(b); what it
//!                feeds into a weight goes into that weight's bias: b += w act(b)    (constants.rs)
//!     backwards: a unit that no weight reads wants no weights of its own            (demand.rs)
//! cut every unit that nobody reads, in all layers that share it; keep at least one  (keep.rs, cut.rs)
//! ```
//!
//! A unit is a neuron, a channel, or a feature of the input. Layers that treat each unit for itself
//! (activations, pools, batch norm, dropout) share the units of what is before them, and both ways
//! of a residual block share theirs. A layer that mixes its units in another way than by a weight
//! (layer norm over features, a convolution of several groups) keeps all of them.
//!
//! Nothing here is approximate: a constant is folded only where it meets no padding, since the
//! border of an image would see it differently. Several constant channels before such a border
//! become one channel. Sums in another order round differently, and that is all.

mod constants;
mod cut;
mod demand;
mod keep;
mod kernel;
mod net;
mod weight;

use crate::nn::{Model, ModelError, Named, Plan};
use crate::params::Params;
use crate::shape::Shape;
use std::collections::HashMap;

/// A network without what was zero.
#[derive(Clone, Debug)]
pub struct Compact {
    /// The layers that are left, each with its name. A [`Select`](crate::nn::Layer::Select) is new
    /// where only some of the input's features, or of those behind a flatten, are read, and where
    /// that saves more weights than it copies features.
    pub layers: Vec<Named>,
    /// The same, built.
    pub model: Model,
    /// Its parameters.
    pub params: Params,
    /// What became of each weight, in the order of the layers.
    pub removed: Vec<Removed>,
}

/// What became of one weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The layer's name.
    pub layer: String,
    /// The shape of its weight: `[out, in]` or `[OC, C / groups, KH, KW]`.
    pub before: Shape,
    /// The shape that is left, or `None` where the whole layer left with its residual block.
    pub after: Option<Shape>,
}

impl Removed {
    /// How many weights left, zeros and others.
    pub fn weights(&self) -> usize {
        self.before.len() - self.after.map_or(0, |after| after.len())
    }
}

/// Removes what is zero from a network for samples of the shape `input`, without the batch axis.
///
/// The outputs in inference stay the same up to rounding, for every finite input.
///
/// ```
/// use proxtape::compact::compact;
/// use proxtape::nn::{Layer, Model};
/// use proxtape::{Params, Random};
/// let layers = [
///     Layer::linear(5).named("fc1"),
///     Layer::Relu.named("relu"),
///     Layer::linear(2).named("fc2"),
/// ];
/// let mut params = Params::new();
/// Model::new(&mut params, [4], &layers, &mut Random::new(1))?;
/// // Feature 1 feeds nothing, and neuron 2 gives relu(0.5) for every sample.
/// let w = params.find("fc1.weight").unwrap();
/// for at in [1, 5, 9, 13, 17, 8, 10, 11] {
///     params.value_mut(w)[at] = 0.0;
/// }
/// let b = params.find("fc1.bias").unwrap();
/// params.value_mut(b)[2] = 0.5;
///
/// let small = compact(&layers, &params, [4])?;
/// assert_eq!(small.layers[0].layer, Layer::Select { indices: vec![0, 2, 3] });
/// assert_eq!(small.removed[0].after, Some([4, 3].into()));
/// assert_eq!(small.removed[1].after, Some([2, 4].into()));
/// // relu(0.5) went into the biases of fc2, which were zero.
/// let (w, b) = (params.find("fc2.weight").unwrap(), small.params.find("fc2.bias").unwrap());
/// assert_eq!(small.params.value(b)[1], 0.5 * params.value(w)[7]);
/// # Ok::<(), proxtape::nn::ModelError>(())
/// ```
///
/// # Errors
/// As [`Model::new`].
///
/// # Panics
/// If `params` does not hold the parameters of these layers.
pub fn compact(
    layers: &[Named],
    params: &Params,
    input: impl Into<Shape>,
) -> Result<Compact, ModelError> {
    let input = input.into();
    let mut declared = Params::new();
    let before = Plan::new(&declared, input, layers)?.allocate(&mut declared)?;
    for id in declared.ids() {
        let (name, shape) = (declared.name(id), declared.shape(id));
        let found = params.find(name).map(|id| params.shape(id));
        assert!(found == Some(shape), "compact: the layers want \"{name}\" {shape}, not {found:?}");
    }
    let mut net = net::Net::read(layers, params, input);
    while net.pass() {}
    let (layers, values) = net.cut();
    let mut params = Params::new();
    let model = Plan::new(&params, input, &layers)?.allocate(&mut params)?;
    for (name, values) in values {
        let id = params.find(&name).expect("the model declares what its layers hold");
        params.value_mut(id).copy_from_slice(&values);
    }
    let left: HashMap<_, _> =
        model.weights().iter().map(|after| (&after.layer, params.shape(after.id))).collect();
    let removed = before.weights().iter().map(|weight| Removed {
        layer: weight.layer.clone(),
        before: declared.shape(weight.id),
        after: left.get(&weight.layer).copied(),
    });
    let removed = removed.collect();
    Ok(Compact { removed, layers, model, params })
}
