//! What must leave, case by case, and what must stay.

use crate::network::{Filled, activations, conv, names, pool, shape};
use proxtape::Random;
use proxtape::nn::{Activation, Layer, Named, WithBias};

fn random() -> Random {
    Random::new(5)
}

/// linear 6 (fc1), an activation, linear 5 (fc2), relu, linear 3 (fc3) on 4 features.
fn mlp(activation: Layer) -> Filled {
    let layers = [
        Layer::linear(6).named("fc1"),
        activation.named("act"),
        Layer::linear(5).named("fc2"),
        Activation::Relu.named("relu"),
        Layer::linear(3).named("fc3"),
    ];
    Filled::new([4], layers, &mut random())
}

#[test]
fn network_without_zeros_stays_as_it_is() {
    let network = mlp(Activation::Gelu.into());
    let small = network.checked();
    assert_eq!(small.network.layers(), network.layers());
    for id in network.params().ids() {
        assert_eq!(small.network.params().value(id), network.params().value(id));
    }
    assert!(small.removed.iter().all(|r| r.weights() == 0));
}

/// Neurons without input leave behind every activation: their constant goes into the next bias.
#[test]
fn dead_neurons_leave_through_every_activation() {
    for activation in activations() {
        let mut network = mlp(activation.clone());
        network.zero_rows("fc1", &[1, 4]);
        network.value("fc1.bias")[1] = 0.7;
        network.value("fc1.bias")[4] = -0.4;
        let small = network.checked();
        assert_eq!(shape(&small, "fc1.weight"), [4, 4], "{activation:?}");
        assert_eq!(shape(&small, "fc1.bias"), [4]);
        assert_eq!(shape(&small, "fc2.weight"), [5, 4]);
        assert_eq!(shape(&small, "fc3.weight"), [3, 5]);
        assert_eq!(small.removed[0].weights(), 2 * 4);
        assert_eq!(small.removed[1].after, Some([5, 4].into()));
    }
}

#[test]
fn layer_without_bias_gets_one_for_a_constant() {
    let bare = Layer::Linear { out: 3, bias: WithBias::No, init: Default::default() };
    let layers = [Layer::linear(4).named("fc1"), Activation::Sigmoid.into(), bare.named("fc2")];
    let mut network = Filled::new([4], layers, &mut random());
    network.zero_rows("fc1", &[0]);
    let small = network.checked();
    assert_eq!(shape(&small, "fc2.weight"), [3, 3]);
    assert_eq!(shape(&small, "fc2.bias"), [3]);
}

/// Nobody reads neuron 3 of fc2; only it reads neurons 0 and 5 of fc1; only they read feature 2.
#[test]
fn unread_neurons_leave_with_all_that_only_they_read() {
    let mut network = mlp(Activation::Tanh.into());
    network.zero_columns("fc3", &[3]);
    let w = network.value("fc2.weight");
    for o in [0, 1, 2, 4] {
        (w[o * 6], w[o * 6 + 5]) = (0.0, 0.0);
    }
    let w = network.value("fc1.weight");
    for o in 1..5 {
        w[o * 4 + 2] = 0.0;
    }
    let small = network.checked();
    assert_eq!(small.network.layers()[0].layer, Layer::Select { indices: vec![0, 1, 3] });
    assert_eq!(shape(&small, "fc1.weight"), [4, 3]);
    assert_eq!(shape(&small, "fc2.weight"), [4, 4]);
    assert_eq!(shape(&small, "fc3.weight"), [3, 4]);
}

#[test]
fn layer_keeps_one_unit() {
    let mut network = mlp(Activation::Relu.into());
    network.zero_rows("fc2", &[0, 1, 2, 3, 4]);
    let small = network.checked();
    assert_eq!(small.network.layers()[0].layer, Layer::Select { indices: vec![0] });
    for name in ["fc1", "fc2"] {
        assert_eq!(shape(&small, &format!("{name}.weight")), [1, 1]);
    }
    assert_eq!(shape(&small, "fc3.weight"), [3, 1]);
}

/// conv 4 (conv1), relu, conv 3 of 3 x 3 (conv2), pooled, on 2 channels of 6 x 7.
fn cnn(padding: usize, between: impl IntoIterator<Item = Layer>) -> Filled {
    let mut layers = vec![conv(4, 3, 1, 1).named("conv1"), Activation::Relu.named("relu")];
    layers.extend(between.into_iter().map(Named::from));
    layers.push(conv(3, 3, 1, padding).named("conv2"));
    layers.push(Layer::GlobalAvgPool.named("pool"));
    layers.push(Layer::linear(3).named("fc"));
    Filled::new([2, 6, 7], layers, &mut random())
}

#[test]
fn constant_channel_is_folded_where_there_is_no_padding() {
    let mut network = cnn(0, []);
    network.zero_rows("conv1", &[2]);
    network.value("conv1.bias")[2] = 0.6;
    let small = network.checked();
    assert_eq!(shape(&small, "conv1.weight"), [3, 2, 3, 3]);
    assert_eq!(shape(&small, "conv2.weight"), [3, 3, 3, 3]);
}

#[test]
fn constant_channels_before_padding_become_one() {
    let mut network = cnn(1, []);
    network.zero_rows("conv1", &[0, 2]);
    network.value("conv1.bias")[0] = 0.2;
    network.value("conv1.bias")[2] = 0.6;
    let small = network.checked();
    assert_eq!(shape(&small, "conv1.weight"), [3, 2, 3, 3], "one of the two stays");
    // A constant of 0 is the same at the border.
    network.value("conv1.bias")[2] = -0.6;
    network.value("conv1.bias")[0] = -0.1;
    assert_eq!(shape(&network.checked(), "conv1.weight"), [2, 2, 3, 3]);
}

#[test]
fn constant_channel_is_folded_where_its_weights_stay_off_the_border() {
    let mut network = cnn(1, []);
    network.zero_rows("conv1", &[1]);
    network.value("conv1.bias")[1] = 0.6;
    let w = network.value("conv2.weight");
    for o in 0..3 {
        // Channel 1 is read by the middle of the kernel alone.
        for k in (0..9).filter(|&k| k != 4) {
            w[(o * 4 + 1) * 9 + k] = 0.0;
        }
    }
    assert_eq!(shape(&network.checked(), "conv1.weight"), [3, 2, 3, 3]);
}

#[test]
fn constant_passes_pools_as_far_as_it_stays_one() {
    for padding in [0, 1] {
        for (layer, passes) in pool(2, 1, padding).into_iter().zip([true, padding == 0]) {
            let mut network = cnn(0, [layer.clone()]);
            network.zero_rows("conv1", &[3]);
            network.value("conv1.bias")[3] = 0.6;
            let left = shape(&network.checked(), "conv1.weight")[0];
            assert_eq!(left, if passes { 3 } else { 4 }, "{layer:?}");
        }
    }
}

#[test]
fn batch_norm_maps_a_constant_to_a_constant() {
    let mut network = cnn(0, [Layer::batch_norm(), Layer::Dropout { p: 0.5 }]);
    network.zero_rows("conv1", &[3]);
    network.value("conv1.bias")[3] = 0.6;
    // A scale of 0 does not look at its input.
    network.value("2.weight")[0] = 0.0;
    let small = network.checked();
    assert_eq!(shape(&small, "conv1.weight"), [2, 2, 3, 3]);
    for part in ["weight", "bias", "running_mean", "running_var"] {
        assert_eq!(shape(&small, &format!("2.{part}")), [2]);
    }
}

#[test]
fn input_channels_leave() {
    let mut network = cnn(1, []);
    network.zero_columns("conv1", &[0]);
    let small = network.checked();
    assert_eq!(small.network.layers()[0].layer, Layer::Select { indices: vec![1] });
    assert_eq!(shape(&small, "conv1.weight"), [4, 1, 3, 3]);
}

/// What is left of a kernel [KH, KW] with its padding.
fn kernel_left(layer: Layer, zero: impl Fn(usize, usize) -> bool) -> [[usize; 2]; 2] {
    let Layer::Conv2d { kernel: [kh, kw], .. } = layer else { unreachable!() };
    let layers = [layer.named("conv"), Activation::Relu.into()];
    let mut network = Filled::new([2, 7, 8], layers, &mut random());
    for (at, w) in network.value("conv.weight").iter_mut().enumerate() {
        let k = at % (kh * kw);
        if zero(k / kw, k % kw) {
            *w = 0.0;
        }
    }
    match network.checked().network.layers()[0].layer {
        Layer::Conv2d { kernel, padding, .. } => [kernel, padding],
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn outer_positions_of_a_kernel_leave_with_their_padding() {
    let ring = |r: usize, c: usize| r == 0 || r == 4 || c == 0 || c == 4;
    assert_eq!(kernel_left(conv(3, 5, 1, 2), ring), [[3, 3], [1, 1]]);
    assert_eq!(kernel_left(conv(3, 5, 1, 3), |r, c| [r, c] != [2, 2]), [[1, 1], [1, 1]]);
    assert_eq!(kernel_left(conv(3, 3, 1, 1), |r, _| r != 1), [[1, 3], [0, 1]]);
    // One side alone would move the image against its padding.
    assert_eq!(kernel_left(conv(3, 3, 1, 1), |r, _| r == 0), [[3, 3], [1, 1]]);
    // There is no negative padding.
    assert_eq!(kernel_left(conv(3, 5, 1, 0), ring), [[5, 5], [0, 0]]);
    // With a stride of 2 the way of 7 + 2 - 3 rows is even, and one row less at the start would be
    // one output less; the way of 8 + 2 - 3 columns is odd, and the last output stays.
    assert_eq!(kernel_left(conv(3, 3, 2, 1), |r, c| r == 0 || c == 0), [[3, 2], [1, 0]]);
}

#[test]
fn dilated_kernel_takes_its_dilation_from_the_padding() {
    let layer = match conv(3, 3, 1, 2) {
        Layer::Conv2d { out, kernel, stride, padding, groups, bias, init, .. } => {
            Layer::Conv2d { out, kernel, stride, padding, dilation: [2; 2], groups, bias, init }
        }
        _ => unreachable!(),
    };
    assert_eq!(kernel_left(layer, |r, _| r != 1), [[1, 3], [0, 2]]);
}

/// A stream of 4 channels through a block, and a linear layer.
fn block(body: Vec<Named>, shortcut: Vec<Named>) -> Filled {
    let layers = [
        conv(4, 3, 1, 1).named("conv"),
        Layer::Residual { body, shortcut }.named("block"),
        Activation::Relu.named("relu"),
        Layer::GlobalAvgPool.named("pool"),
        Layer::linear(3).named("fc"),
    ];
    Filled::new([2, 5, 5], layers, &mut random())
}

fn body() -> Vec<Named> {
    vec![
        conv(5, 3, 1, 1).named("conv1"),
        Layer::batch_norm().named("bn1"),
        Activation::Relu.named("relu"),
        conv(4, 3, 1, 1).named("conv2"),
        Layer::batch_norm().named("bn2"),
    ]
}

#[test]
fn stream_of_a_block_loses_what_nobody_reads() {
    let mut network = block(body(), vec![]);
    network.zero_columns("fc", &[1]);
    network.zero_columns("block.conv2", &[0, 3]);
    let small = network.checked();
    // The body still reads channel 1 of the stream.
    assert_eq!(shape(&small, "conv.weight"), [4, 2, 3, 3]);
    assert_eq!(shape(&small, "block.conv1.weight"), [3, 4, 3, 3]);
    assert_eq!(shape(&small, "block.conv2.weight"), [4, 3, 3, 3]);
    network.zero_columns("block.conv1", &[1]);
    let small = network.checked();
    assert_eq!(shape(&small, "conv.weight"), [3, 2, 3, 3]);
    assert_eq!(shape(&small, "block.conv1.weight"), [3, 3, 3, 3]);
    assert_eq!(shape(&small, "block.bn1.running_var"), [3]);
    assert_eq!(shape(&small, "block.conv2.weight"), [3, 3, 3, 3]);
    assert_eq!(shape(&small, "block.bn2.weight"), [3]);
    assert_eq!(shape(&small, "fc.weight"), [3, 3]);
}

#[test]
fn both_ways_of_a_block_lose_the_same_channels() {
    let mut network = block(body(), vec![conv(4, 1, 1, 0).into()]);
    network.zero_columns("fc", &[2]);
    let small = network.checked();
    assert_eq!(shape(&small, "block.conv2.weight"), [3, 5, 3, 3]);
    assert_eq!(shape(&small, "block.shortcut.0.weight"), [3, 4, 1, 1]);
    assert_eq!(shape(&small, "conv.weight"), [4, 2, 3, 3]);
}

#[test]
fn way_that_adds_nothing_leaves() {
    let mut network = block(body(), vec![]);
    network.value("block.bn2.weight").fill(0.0);
    network.value("block.bn2.bias").fill(0.0);
    let small = network.checked();
    assert_eq!(names(&small), ["conv", "relu", "pool", "fc"]);
    assert_eq!(small.removed[1].layer, "block.conv1");
    assert_eq!((small.removed[1].after, small.removed[1].weights()), (None, 5 * 4 * 9));

    let mut network = block(body(), vec![conv(4, 1, 1, 0).into()]);
    network.value("block.bn2.weight").fill(0.0);
    network.value("block.bn2.bias").fill(0.0);
    assert_eq!(names(&network.checked()), ["conv", "block.shortcut.0", "relu", "pool", "fc"]);

    let mut network = block(body(), vec![conv(4, 1, 1, 0).into()]);
    network.value("block.shortcut.0.weight").fill(0.0);
    network.value("block.shortcut.0.bias").fill(0.0);
    let small = network.checked();
    assert_eq!(names(&small)[..3], ["conv", "block.conv1", "block.bn1"]);
}

/// flatten of 3 channels of 2 x 2 and a linear layer.
fn flat(out: usize, columns: &[usize]) -> Filled {
    let layers = [
        conv(3, 3, 2, 1).named("conv"),
        Activation::Relu.named("relu"),
        Layer::Flatten.named("flatten"),
        Layer::linear(out).named("fc"),
    ];
    let mut network = Filled::new([2, 4, 4], layers, &mut random());
    network.zero_columns("fc", columns);
    network
}

#[test]
fn features_behind_a_flatten_leave_by_their_index() {
    let small = flat(20, &[1, 6, 8, 9, 10, 11]).checked();
    assert_eq!(shape(&small, "conv.weight"), [2, 2, 3, 3], "channel 2 leaves as a whole");
    assert_eq!(names(&small)[3], "flatten.select");
    assert_eq!(small.network.layers()[3].layer, Layer::Select { indices: vec![0, 2, 3, 4, 5, 7] });
    assert_eq!(shape(&small, "fc.weight"), [20, 6]);
}

/// One feature less saves 3 weights, and 11 would be copied for it.
#[test]
fn selection_that_does_not_pay_is_not_made() {
    let small = flat(3, &[5]).checked();
    assert_eq!(shape(&small, "fc.weight"), [3, 12]);
    assert_eq!(names(&small), ["conv", "relu", "flatten", "fc"]);
}

#[test]
fn table_loses_features_behind_its_flatten() {
    let layers = [Layer::Flatten.named("flatten"), Layer::linear(9).named("fc")];
    let mut network = Filled::new([6, 1, 1], layers, &mut random());
    network.zero_columns("fc", &[0, 1, 4]);
    let small = network.checked();
    assert_eq!(small.network.layers()[0].layer, Layer::Select { indices: vec![2, 3, 5] });
    assert_eq!(shape(&small, "fc.weight"), [9, 3]);
}

#[test]
fn layer_norm_keeps_its_features_and_not_its_channels() {
    let layers = [
        Layer::linear(6).named("fc1"),
        Layer::LayerNorm { eps: 1e-5 }.named("norm"),
        Layer::linear(3).named("fc2"),
    ];
    let mut network = Filled::new([4], layers, &mut random());
    network.zero_rows("fc1", &[0]);
    network.zero_columns("fc2", &[1]);
    let small = network.checked();
    assert_eq!(shape(&small, "fc1.weight"), [6, 4]);
    assert_eq!(shape(&small, "fc2.weight"), [3, 6]);
    // Over the rows of an image each channel is for itself.
    let mut network = cnn(0, [Layer::LayerNorm { eps: 1e-5 }]);
    network.zero_columns("conv2", &[1]);
    assert_eq!(shape(&network.checked(), "conv1.weight"), [3, 2, 3, 3]);
}

#[test]
fn grouped_convolution_is_left_alone() {
    let grouped = match conv(4, 3, 1, 1) {
        Layer::Conv2d { out, kernel, stride, padding, dilation, bias, init, .. } => {
            Layer::Conv2d { out, kernel, stride, padding, dilation, groups: 2, bias, init }
        }
        _ => unreachable!(),
    };
    let mut network = cnn(0, [grouped, Activation::Relu.into()]);
    network.zero_rows("conv1", &[0]);
    network.zero_rows("2", &[1]);
    network.zero_columns("conv2", &[2]);
    let small = network.checked();
    assert_eq!(shape(&small, "conv1.weight"), [4, 2, 3, 3]);
    assert_eq!(shape(&small, "2.weight"), [4, 2, 3, 3]);
}
