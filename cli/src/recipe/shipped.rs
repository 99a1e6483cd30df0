//! The recipes that are part of the program.

/// What `train` trains unless it is told otherwise.
pub(crate) const DEFAULT: &str = "digits";

/// Names and texts.
pub(crate) const SHIPPED: [(&str, &str); 9] = [
    ("digits", include_str!("../../../recipes/digits.toml")),
    ("fashion-lenet300", include_str!("../../../recipes/fashion-lenet300.toml")),
    ("fashion-lenet300-dense", include_str!("../../../recipes/fashion-lenet300-dense.toml")),
    ("fashion-lenet5", include_str!("../../../recipes/fashion-lenet5.toml")),
    ("mnist-lenet300", include_str!("../../../recipes/mnist-lenet300.toml")),
    ("mnist-lenet300-structured", include_str!("../../../recipes/mnist-lenet300-structured.toml")),
    ("mnist-lenet5", include_str!("../../../recipes/mnist-lenet5.toml")),
    ("cifar10-vgg-small", include_str!("../../../recipes/cifar10-vgg-small.toml")),
    ("cifar10-resnet20", include_str!("../../../recipes/cifar10-resnet20.toml")),
];
