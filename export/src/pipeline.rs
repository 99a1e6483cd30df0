//! A network from raw samples to logits.

use core::fmt;
use proxtape::data::Normalization;
use proxtape::nn::Network;

/// x = (scale raw - mean) / std of each channel, and the network behind it.
#[derive(Clone, Copy, Debug)]
pub struct Pipeline<'a> {
    pub(crate) network: &'a Network,
    pub(crate) normalization: &'a Normalization,
}

/// A parameter holds a number that is not finite, which a text cannot hold.
#[derive(Clone, Debug, PartialEq)]
pub struct NotFinite {
    /// The name of the parameter.
    pub tensor: String,
    /// The number.
    pub found: f32,
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotFinite { tensor, found } = self;
        write!(
            f,
            "tensor {tensor:?}: expected finite values to export, found {found}; train again with a \
             smaller step"
        )
    }
}

impl std::error::Error for NotFinite {}

impl<'a> Pipeline<'a> {
    /// The pipeline of a network and of the normalisation that it was trained with.
    ///
    /// # Errors
    /// If a parameter is not finite.
    pub fn new(
        network: &'a Network,
        normalization: &'a Normalization,
    ) -> Result<Pipeline<'a>, NotFinite> {
        let params = network.params();
        for id in params.ids() {
            if let Some(&found) = params.value(id).iter().find(|x| !x.is_finite()) {
                return Err(NotFinite { tensor: params.name(id).to_owned(), found });
            }
        }
        Ok(Pipeline { network, normalization })
    }

    /// The means, as the f32 that samples are.
    pub(crate) fn means(&self) -> Vec<f32> {
        self.normalization.mean.iter().map(|&mean| mean as f32).collect()
    }
}
