//! Networks by name.

use super::{Activation, Init, Layer, Named, WithBias};

/// The names that [`by_name`] knows.
pub const NAMES: [&str; 5] = ["digits-conv", "lenet300", "lenet5", "vgg-small", "resnet20"];

/// A network of the zoo for a number of classes, or `None` if there is none of this name.
pub fn by_name(name: &str, classes: usize) -> Option<Vec<Named>> {
    match name {
        "digits-conv" => Some(digits_conv(classes)),
        "lenet300" => Some(lenet300(classes)),
        "lenet5" => Some(lenet5(classes)),
        "vgg-small" => Some(vgg_small(classes)),
        "resnet20" => Some(resnet20(classes)),
        _ => None,
    }
}

/// A small convolutional network for the embedded 8x8 digits.
pub fn digits_conv(classes: usize) -> Vec<Named> {
    vec![
        Layer::conv2d(16, 3, 1).named("conv1"),
        Activation::Relu.named("relu1"),
        Layer::conv2d(32, 3, 1).named("conv2"),
        Activation::Relu.named("relu2"),
        Layer::max_pool(2).named("pool"),
        Layer::Flatten.named("flatten"),
        Layer::linear(64).named("fc1"),
        Activation::Relu.named("relu3"),
        Layer::linear(classes).named("fc2"),
    ]
}

/// LeNet-300-100 (LeCun, Bottou, Bengio, Haffner 1998): two hidden layers.
pub fn lenet300(classes: usize) -> Vec<Named> {
    vec![
        Layer::Flatten.named("flatten"),
        Layer::linear(300).named("fc1"),
        Activation::Relu.named("relu1"),
        Layer::linear(100).named("fc2"),
        Activation::Relu.named("relu2"),
        Layer::linear(classes).named("fc3"),
    ]
}

/// LeNet-5 as in Caffe: 20 and 50 filters of 5 x 5, 500 hidden units.
pub fn lenet5(classes: usize) -> Vec<Named> {
    vec![
        Layer::conv2d(20, 5, 0).named("conv1"),
        Layer::max_pool(2).named("pool1"),
        Layer::conv2d(50, 5, 0).named("conv2"),
        Layer::max_pool(2).named("pool2"),
        Layer::Flatten.named("flatten"),
        Layer::linear(500).named("fc1"),
        Activation::Relu.named("relu1"),
        Layer::linear(classes).named("fc2"),
    ]
}

/// A VGG (Simonyan, Zisserman 2015) for 32 x 32 images: three pairs of 3 x 3 convolutions of 32,
/// 64 and 128 filters with batch normalisation, each pair followed by a pool.
pub fn vgg_small(classes: usize) -> Vec<Named> {
    let mut layers: Vec<Named> = Vec::new();
    for (i, filters) in [32, 64, 128].into_iter().enumerate() {
        for j in 0..2 {
            let n = 2 * i + j + 1;
            layers.push(Layer::conv2d(filters, 3, 1).named(format!("conv{n}")));
            layers.push(Layer::batch_norm().named(format!("bn{n}")));
            layers.push(Activation::Relu.named(format!("relu{n}")));
        }
        layers.push(Layer::max_pool(2).named(format!("pool{}", i + 1)));
    }
    layers.push(Layer::Flatten.named("flatten"));
    layers.push(Layer::linear(classes).named("fc"));
    layers
}

/// ResNet-20 for 32 x 32 images (He, Zhang, Ren, Sun 2016, section 4.2), with 1 x 1 convolutions
/// as shortcuts where the shape changes.
pub fn resnet20(classes: usize) -> Vec<Named> {
    let mut layers = vec![
        conv_without_bias(16, 3, 1).named("conv1"),
        Layer::batch_norm().named("bn1"),
        Activation::Relu.named("relu1"),
    ];
    let mut channels = 16;
    for (stage, filters) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..3 {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let shortcut = match stride == 1 && channels == filters {
                true => vec![],
                false => {
                    let conv = conv_without_bias(filters, 1, stride);
                    vec![conv.into(), Layer::batch_norm().into()]
                }
            };
            let body = vec![
                conv_without_bias(filters, 3, stride).named("conv1"),
                Layer::batch_norm().named("bn1"),
                Activation::Relu.named("relu1"),
                conv_without_bias(filters, 3, 1).named("conv2"),
                Layer::batch_norm().named("bn2"),
            ];
            let name = format!("layer{}.{block}", stage + 1);
            layers.push(Layer::Residual { body, shortcut }.named(name.clone()));
            layers.push(Activation::Relu.named(format!("{name}.relu2")));
            channels = filters;
        }
    }
    layers.push(Layer::GlobalAvgPool.named("pool"));
    layers.push(Layer::linear(classes).named("fc"));
    layers
}

/// A convolution that keeps the size at stride 1 and leaves the shift to a normalisation.
fn conv_without_bias(out: usize, kernel: usize, stride: usize) -> Layer {
    Layer::Conv2d {
        out,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [kernel / 2; 2],
        dilation: [1; 2],
        groups: 1,
        bias: WithBias::No,
        init: Init::KaimingNormal,
    }
}
