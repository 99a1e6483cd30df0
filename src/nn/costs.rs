//! The costs of a batch: whether the tape can hold it, and the kernels compute it.

use super::Weight;
use super::context::ModelError;
use proxtape_kernels::conv::Conv2d;

/// The most elements of a batch in all layers together: 64 GiB.
const MAX_ACTIVATIONS: u128 = 1 << 34;

/// What a sample costs, and a batch so many times as much.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    /// The convolutions by their weights, each for one sample.
    pub(super) convs: Vec<(usize, Conv2d)>,
    /// Elements of the sample and of all layers' outputs.
    pub(super) activations: u64,
}

impl Costs {
    /// Whether a batch is one that the tape and the kernels take.
    pub(super) fn check_batch(&self, weights: &[Weight], batch: usize) -> Result<(), ModelError> {
        let Costs { convs, activations } = self;
        for &(weight, conv) in convs {
            check_conv(&weights[weight].layer, Conv2d { n: batch, ..conv })?;
        }
        let elements = u128::from(*activations) * batch as u128;
        let message = format!(
            "a batch of {batch} samples would hold {elements} values in its layers; at most \
         {MAX_ACTIVATIONS} are supported, so take a smaller batch"
        );
        (elements <= MAX_ACTIVATIONS).then_some(()).ok_or(ModelError { layer: None, message })
    }
}

/// Whether the kernels take a convolution that is otherwise possible.
pub(super) fn check_conv(layer: &str, conv: Conv2d) -> Result<(), ModelError> {
    let Conv2d { n, c, h, w, oc, .. } = conv;
    let message = || {
        format!(
            "a batch of {n} images [{c}, {h}, {w}] to {oc} channels would take more than 2^47 \
             multiplications, those at every place of the padded image counted; take less padding, fewer \
             channels or a smaller batch"
        )
    };
    let error = || ModelError { layer: Some(layer.to_owned()), message: message() };
    conv.is_valid().then_some(()).ok_or_else(error)
}
