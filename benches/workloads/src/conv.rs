//! The convolutions of the networks.

use crate::limits::Cost;
use crate::{Workload, filled};
use proxtape::Exec;
use proxtape::kernels::conv::{Conv2d, ConvForward, ConvInputGradient, ConvWeightGradient};
use proxtape::kernels::{Accumulate, Activation, Buffer};

/// A layer of a network and its shape at the batch that the network is trained with.
#[derive(Clone, Copy, Debug)]
pub struct Layer {
    /// The network and the layer.
    pub name: &'static str,
    /// Its shape.
    pub shape: Conv2d,
}

/// One layer of each kind: of LeNet-5 at batch 128, of vgg-small and ResNet-20 at batch 64.
pub const LAYERS: [Layer; 10] = [
    layer("lenet5 conv1", [128, 1, 28], [20, 5, 1, 0]),
    layer("lenet5 conv2", [128, 20, 12], [50, 5, 1, 0]),
    layer("vgg conv1", [64, 3, 32], [32, 3, 1, 1]),
    layer("vgg conv2", [64, 32, 32], [32, 3, 1, 1]),
    layer("vgg conv4", [64, 64, 16], [64, 3, 1, 1]),
    layer("vgg conv6", [64, 128, 8], [128, 3, 1, 1]),
    layer("resnet 16", [64, 16, 32], [16, 3, 1, 1]),
    layer("resnet 16 to 32", [64, 16, 32], [32, 3, 2, 1]),
    layer("resnet 64", [64, 64, 8], [64, 3, 1, 1]),
    layer("resnet shortcut", [64, 16, 32], [32, 1, 2, 0]),
];

/// Square images and kernels: [N, C, H] and [OC, KH, stride, padding].
const fn layer(
    name: &'static str,
    [n, c, h]: [usize; 3],
    [oc, kh, stride, padding]: [usize; 4],
) -> Layer {
    let (stride, padding, dilation) = ([stride; 2], [padding; 2], [1; 2]);
    let shape = Conv2d { n, c, h, w: h, oc, kh, kw: kh, stride, padding, dilation, groups: 1 };
    Layer { name, shape }
}

/// Which of the three products of a training step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// y from x and w, with a bias.
    Forward,
    /// dx from w and dy.
    InputGradient,
    /// dw from x and dy, without the gradient of the bias.
    WeightGradient,
}

impl Phase {
    /// All three.
    pub const ALL: [Phase; 3] = [Phase::Forward, Phase::InputGradient, Phase::WeightGradient];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Forward => "forward",
            Phase::InputGradient => "input gradient",
            Phase::WeightGradient => "weight gradient",
        }
    }
}

/// Multiplications and additions, the same in each phase.
pub fn flops(shape: &Conv2d) -> f64 {
    2.0 * shape.macs() as f64
}

/// One phase of a layer.
pub fn phase(exec: Exec, layer: &Layer, phase: Phase) -> Workload {
    let shape = layer.shape;
    let (mut x, mut w, mut y) =
        (filled(shape.x_len()), filled(shape.w_len()), filled(shape.y_len()));
    let bias = filled(shape.oc);
    let mut scratch = Buffer::zeroed(shape.scratch_len(exec.isa()));
    let limit = Cost::once(flops(&shape), x.len() + w.len() + y.len());
    let name = format!("{}, {}", layer.name, phase.name());
    let store = Accumulate::Store;
    Workload::new(name, limit, move || match phase {
        Phase::Forward => {
            let activation = Activation::None;
            let op = ConvForward { x: &x, w: &w, bias: Some(&bias), activation };
            shape.forward(exec, &op, &mut y, &mut scratch);
        }
        Phase::InputGradient => {
            let op = ConvInputGradient { w: &w, dy: &y };
            shape.input_gradient(exec, &op, &mut x, store, &mut scratch);
        }
        Phase::WeightGradient => {
            let op = ConvWeightGradient { x: &x, dy: &y };
            shape.weight_gradient(exec, &op, &mut w, store, &mut scratch);
        }
    })
}
