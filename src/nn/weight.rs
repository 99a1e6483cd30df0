//! The weights of a model.

use crate::params::ParamId;

/// A weight of the model, and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Its name without `.weight`.
    pub layer: String,
    /// Where its values are: `[out, in]` or `[OC, C / groups, KH, KW]`.
    pub id: ParamId,
    /// Multiply-accumulates that one weight takes part in, for one sample: the number of output
    /// positions of a convolution, 1 for a linear layer.
    pub uses: u64,
    /// The groups of a convolution, 1 for a linear layer.
    pub conv_groups: usize,
}
