//! A layer: plain data, as in a recipe, and the only list of layers that there is.

use super::{Activation, Init, WithBias};

/// One layer of a model.
///
/// Sizes that follow from the input (features, channels) are left out. Attributes of two numbers
/// are (height, width).
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// y = x W^T + b on [N, in]; W: [out, in].
    Linear {
        /// Output features.
        out: usize,
        /// Whether there is a b.
        bias: WithBias,
        /// How W starts.
        init: Init,
    },
    /// Two-dimensional convolution on [N, C, H, W]; weight: [out, C / groups, KH, KW].
    Conv2d {
        /// Output channels.
        out: usize,
        /// Kernel size.
        kernel: [usize; 2],
        /// Step between output positions.
        stride: [usize; 2],
        /// Zeros on each side.
        padding: [usize; 2],
        /// Step between kernel positions.
        dilation: [usize; 2],
        /// Channel groups.
        groups: usize,
        /// Whether there is a bias.
        bias: WithBias,
        /// How the weight starts.
        init: Init,
    },
    /// Batch normalisation over [N, C, ...], momentum 0.1 and eps 1e-5 by default, as in PyTorch.
    BatchNorm {
        /// The weight of the newest batch in the running statistics.
        momentum: f32,
        /// Added to the variance.
        eps: f32,
    },
    /// Layer normalisation over the last axis.
    LayerNorm {
        /// Added to the variance.
        eps: f32,
    },
    /// The maximum of each window.
    MaxPool {
        /// Window size.
        kernel: [usize; 2],
        /// Step between windows.
        stride: [usize; 2],
        /// Border that no maximum is taken from.
        padding: [usize; 2],
    },
    /// The mean of each window, zeros of the padding counted.
    AvgPool {
        /// Window size.
        kernel: [usize; 2],
        /// Step between windows.
        stride: [usize; 2],
        /// Zeros on each side.
        padding: [usize; 2],
    },
    /// The mean of each channel: [N, C, H, W] to [N, C].
    GlobalAvgPool,
    /// Zeroes elements at random while training and scales the others by 1 / (1 - p).
    Dropout {
        /// The probability of a zero, in [0, 1).
        p: f32,
    },
    /// [N, ...] to [N, features].
    Flatten,
    /// Some channels of [N, C, H, W], or some features of [N, features].
    Select {
        /// Which ones, in increasing order.
        indices: Vec<usize>,
    },
    /// A function of each element.
    Activation(Activation),
    /// body(x) + shortcut(x); an empty list is the identity.
    Residual {
        /// The layers of the long way.
        body: Vec<Named>,
        /// The layers of the short way.
        shortcut: Vec<Named>,
    },
}

/// A layer and its name; parameters are called `name.weight`, `name.bias`, ...
///
/// Without a name a layer is called by its position, as in PyTorch's `nn.Sequential`.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The name, or `None` for the position.
    pub name: Option<String>,
    /// The layer.
    pub layer: Layer,
}

impl Layer {
    /// A linear layer with a bias, initialised for a ReLU after it.
    pub fn linear(out: usize) -> Layer {
        Layer::Linear { out, bias: WithBias::Yes, init: Init::KaimingUniform }
    }

    /// A convolution with stride 1 and a bias, initialised for a ReLU after it.
    pub fn conv2d(out: usize, kernel: usize, padding: usize) -> Layer {
        Layer::Conv2d {
            out,
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [padding; 2],
            dilation: [1; 2],
            groups: 1,
            bias: WithBias::Yes,
            init: Init::KaimingUniform,
        }
    }

    /// Batch normalisation with PyTorch's momentum and eps.
    pub fn batch_norm() -> Layer {
        Layer::BatchNorm { momentum: 0.1, eps: 1e-5 }
    }

    /// A max pool with windows side by side.
    pub fn max_pool(kernel: usize) -> Layer {
        Layer::MaxPool { kernel: [kernel; 2], stride: [kernel; 2], padding: [0; 2] }
    }

    /// The layer with a name.
    pub fn named(self, name: impl Into<String>) -> Named {
        Named { name: Some(name.into()), layer: self }
    }
}

impl Named {
    /// The name with those of the blocks around it, for the layer at a position of its list.
    pub(super) fn full_name(&self, prefix: &str, position: usize) -> String {
        format!("{prefix}{}", self.own_name(position))
    }

    /// Its own name, at a position of its list.
    pub(crate) fn own_name(&self, position: usize) -> String {
        self.name.clone().unwrap_or_else(|| position.to_string())
    }
}

impl From<Layer> for Named {
    fn from(layer: Layer) -> Named {
        Named { name: None, layer }
    }
}

impl Activation {
    /// The activation as a layer with a name.
    pub fn named(self, name: impl Into<String>) -> Named {
        Layer::from(self).named(name)
    }
}

impl From<Activation> for Layer {
    fn from(activation: Activation) -> Layer {
        Layer::Activation(activation)
    }
}

impl From<Activation> for Named {
    fn from(activation: Activation) -> Named {
        Layer::from(activation).into()
    }
}
