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

use crate::nn::{ModelError, Network};
use crate::shape::Shape;
use std::collections::HashMap;

/// A network without what was zero.
#[derive(Clone, Debug)]
pub struct Compact {
    /// The network that is left; each of its layers has a name. A [`Select`](crate::nn::Layer::Select) is
    /// new where only some of the input's features, or of those behind a flatten, are read, and where
    /// that saves more weights than it copies features.
    pub network: Network,
    /// The change of each weight, in the order of the layers.
    pub removed: Vec<Removed>,
}

/// The change of one weight.
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

impl Network {
    /// The network without what is zero.
    ///
    /// The outputs in inference stay the same up to rounding, for every finite input.
    ///
    /// ```
    /// use proxtape::Random;
    /// use proxtape::nn::{Activation, Layer, Network};
    /// let layers = [
    ///     Layer::linear(5).named("fc1"),
    ///     Activation::Relu.named("relu"),
    ///     Layer::linear(2).named("fc2"),
    /// ];
    /// let mut network = Network::new([4], &layers, &mut Random::new(1))?;
    /// // Feature 1 feeds nothing, and neuron 2 gives relu(0.5) for every sample.
    /// let params = network.params_mut();
    /// let w = params.find("fc1.weight").unwrap();
    /// for at in [1, 5, 9, 13, 17, 8, 10, 11] {
    ///     params.value_mut(w)[at] = 0.0;
    /// }
    /// let b = params.find("fc1.bias").unwrap();
    /// params.value_mut(b)[2] = 0.5;
    ///
    /// let small = network.compact()?;
    /// assert_eq!(small.network.layers()[0].layer, Layer::Select { indices: vec![0, 2, 3] });
    /// assert_eq!(small.removed[0].after, Some([4, 3].into()));
    /// assert_eq!(small.removed[1].after, Some([2, 4].into()));
    /// // relu(0.5) went into the biases of fc2, which were zero.
    /// let (before, after) = (network.params(), small.network.params());
    /// let (w, b) = (before.find("fc2.weight").unwrap(), after.find("fc2.bias").unwrap());
    /// assert_eq!(after.value(b)[1], 0.5 * before.value(w)[7]);
    /// # Ok::<(), proxtape::nn::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn compact(&self) -> Result<Compact, ModelError> {
        let mut net = net::Net::read(self);
        while net.pass() {}
        let (layers, values) = net.cut();
        let mut network = Network::zeros(self.input(), &layers)?;
        let params = network.params_mut();
        assert_eq!(params.ids().len(), values.len(), "the layers declare what they hold");
        for (id, values) in params.ids().zip(values) {
            params.value_mut(id).copy_from_slice(&values);
        }
        let shape = |network: &Network, id| network.params().shape(id);
        let weights = network.model().weights().iter();
        let left: HashMap<_, _> =
            weights.map(|after| (&after.layer, shape(&network, after.id))).collect();
        let removed = self.model().weights().iter().map(|weight| Removed {
            layer: weight.layer.clone(),
            before: shape(self, weight.id),
            after: left.get(&weight.layer).copied(),
        });
        let removed = removed.collect();
        Ok(Compact { network, removed })
    }
}
