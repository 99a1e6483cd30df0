//! Models: the zoo against numbers counted by hand, errors of layers that do not fit, batch norm
//! after training, and parameters by PyTorch's names.

#[path = "models/graph.rs"]
mod graph;
#[path = "models/limits.rs"]
mod limits;

use proxtape::checkpoint::Checkpoint;
use proxtape::nn::{Activation, Init, Layer, Model, ModelError, Named, Phase, Plan, WithBias, zoo};
use proxtape::{Exec, Isa, Kind, Params, Random, Shape, Tape};

fn build(
    input: impl Into<Shape>,
    layers: impl IntoIterator<Item = Named>,
) -> Result<(Model, Params), ModelError> {
    let mut params = Params::new();
    let layers: Vec<Named> = layers.into_iter().collect();
    let model = Model::new(&mut params, input, &layers, &mut Random::new(1))?;
    Ok((model, params))
}

fn exec() -> Exec {
    Exec::new(Isa::detect())
}

/// Elements of all parameters of these kinds.
fn count(params: &Params, kinds: &[Kind]) -> usize {
    let ids = params.ids().filter(|&id| kinds.contains(&params.kind(id)));
    ids.map(|id| params.shape(id).len()).sum()
}

/// What the model gives for a batch x, recorded for inference.
fn infer(model: &Model, params: &Params, n: usize, x: &[f32]) -> Vec<f32> {
    let mut tape = Tape::inference(exec());
    let input = tape.input(model.input().batch(n));
    let y = model.record(&mut tape, params, input, Phase::Inference);
    assert_eq!(tape.shape(y), model.output().batch(n));
    tape.set(input, x);
    tape.infer(params);
    tape.value(y).to_vec()
}

struct Counts {
    weights: usize,
    biases: usize,
    norms: usize,
    macs: u64,
}

/// Every network of the zoo, counted by hand.
#[test]
fn zoo_has_the_parameters_and_macs_that_a_hand_counts() {
    let cases: [(&str, [usize; 3], Counts); 5] = [
        (
            "lenet300",
            [1, 28, 28],
            // 784 x 300 + 300 x 100 + 100 x 10
            Counts { weights: 266_200, biases: 410, norms: 0, macs: 266_200 },
        ),
        (
            "lenet5",
            [1, 28, 28],
            // 20 x 25 on 24 x 24; 50 x 20 x 25 on 8 x 8; 800 x 500; 500 x 10
            Counts {
                weights: 500 + 25_000 + 400_000 + 5_000,
                biases: 20 + 50 + 500 + 10,
                norms: 0,
                macs: 500 * 576 + 25_000 * 64 + 400_000 + 5_000,
            },
        ),
        (
            "digits-conv",
            [1, 8, 8],
            // 16 x 9 and 32 x 16 x 9 on 8 x 8; 32 x 4 x 4 x 64; 64 x 10
            Counts {
                weights: 144 + 4_608 + 32_768 + 640,
                biases: 16 + 32 + 64 + 10,
                norms: 0,
                macs: (144 + 4_608) * 64 + 32_768 + 640,
            },
        ),
        (
            "vgg-small",
            [3, 32, 32],
            // 9 x (3 x 32 + 32 x 32) on 32 x 32, 9 x (32 x 64 + 64 x 64) on 16 x 16,
            // 9 x (64 x 128 + 128 x 128) on 8 x 8, 128 x 4 x 4 x 10
            Counts {
                weights: 864 + 9_216 + 18_432 + 36_864 + 73_728 + 147_456 + 20_480,
                biases: 2 * (32 + 64 + 128) + 10,
                norms: 4 * (32 + 64 + 128),
                macs: 10_080 * 1_024 + 55_296 * 256 + 221_184 * 64 + 20_480,
            },
        ),
        (
            "resnet20",
            [3, 32, 32],
            // 3 x 16 x 9 and six of 16 x 16 x 9 on 32 x 32; 16 x 32 x 9, five of 32 x 32 x 9 and
            // 16 x 32 on 16 x 16; 32 x 64 x 9, five of 64 x 64 x 9 and 32 x 64 on 8 x 8; 64 x 10
            Counts {
                weights: (432 + 13_824) + (4_608 + 46_080 + 512) + (18_432 + 184_320 + 2_048) + 640,
                biases: 10,
                norms: 2 * (7 * 16 + 7 * 32 + 7 * 64),
                macs: 14_256 * 1_024 + 51_200 * 256 + 204_800 * 64 + 640,
            },
        ),
    ];
    assert_eq!(cases.each_ref().map(|c| c.0).len(), zoo::NAMES.len());
    for (name, input, want) in cases {
        let (model, params) = build(input, zoo::by_name(name, 10).unwrap()).unwrap();
        assert_eq!(count(&params, &[Kind::Weight]), want.weights, "{name}: weights");
        assert_eq!(count(&params, &[Kind::Bias]), want.biases, "{name}: biases");
        assert_eq!(count(&params, &[Kind::Norm]), want.norms, "{name}: norms");
        assert_eq!(count(&params, &[Kind::Running]), want.norms, "{name}: running statistics");
        assert_eq!(model.macs(&params), want.macs, "{name}: multiply-accumulates");
        assert_eq!(model.output().dims(), [10], "{name}");
        let x = vec![0.5; 2 * model.input().len()];
        let y = infer(&model, &params, 2, &x);
        assert_eq!(y[..10], y[10..], "{name}: equal samples give equal logits");
        assert!(y.iter().all(|y| y.is_finite()), "{name}: {y:?}");
    }
    assert_eq!(266_200 + 410, 266_610, "as the literature counts LeNet-300-100");
    assert_eq!(430_500 + 580, 431_080, "and LeNet-5");
    assert!(zoo::by_name("lenet6", 10).is_none());
    for name in zoo::NAMES {
        assert!(zoo::by_name(name, 3).is_some(), "{name}");
    }
}

/// Layer::Conv2d with a square kernel.
fn conv(out: usize, kernel: usize, [stride, padding, dilation, groups]: [usize; 4]) -> Layer {
    Layer::Conv2d {
        out,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [dilation; 2],
        groups,
        bias: WithBias::Yes,
        init: Default::default(),
    }
}

#[test]
fn output_shapes_follow_the_formula() {
    let cases: [(Layer, &[usize], &[usize]); 10] = [
        (conv(8, 3, [1, 0, 1, 1]), &[4, 9, 7], &[8, 7, 5]),
        (conv(8, 3, [2, 1, 1, 1]), &[4, 9, 8], &[8, 5, 4]),
        (conv(8, 3, [1, 2, 2, 4]), &[4, 9, 7], &[8, 9, 7]),
        (Layer::max_pool(2), &[4, 9, 7], &[4, 4, 3]),
        (
            Layer::AvgPool { kernel: [3; 2], stride: [2; 2], padding: [1; 2] },
            &[4, 9, 8],
            &[4, 5, 4],
        ),
        (Layer::GlobalAvgPool, &[4, 9, 7], &[4]),
        (Layer::Flatten, &[4, 9, 7], &[252]),
        (Layer::Select { indices: vec![0, 3] }, &[4, 9, 7], &[2, 9, 7]),
        (Layer::linear(5), &[7], &[5]),
        (Layer::LayerNorm { eps: 1e-5 }, &[4, 9, 7], &[4, 9, 7]),
    ];
    for (layer, input, want) in cases {
        let (model, params) = build(input, [layer.clone().into()]).unwrap();
        assert_eq!(model.output().dims(), want, "{layer:?}");
        infer(&model, &params, 2, &vec![0.25; 2 * model.input().len()]);
    }
}

/// Two channels of 1 x 2, three batches of 2 samples: 4 elements a channel.
const BATCHES: [[f32; 8]; 3] = [
    [1.0, 2.0, 10.0, -10.0, 3.0, 6.0, 30.0, 50.0],
    [0.0, 0.5, 0.0, 8.0, -1.5, 1.0, 4.0, -12.0],
    [-7.0, 2.0, 1.0, 1.0, 5.0, 0.0, 1.0, 1.0],
];

/// PyTorch's rule: r <- 0.9 r + 0.1 s from mean 0 and variance 1, with the unbiased variance in the
/// running statistics and the biased one in the batch itself.
#[test]
fn batch_norm_after_training_uses_running_statistics() {
    let (model, mut params) = build([2, 1, 2], [Layer::batch_norm().named("bn")]).unwrap();
    let id = |params: &Params, name: &str| params.find(name).unwrap();
    let (gamma, beta) = ([2.0, -0.5], [0.25, 3.0]);
    let ids = ["bn.weight", "bn.bias"].map(|name| id(&params, name));
    params.value_mut(ids[0]).copy_from_slice(&gamma);
    params.value_mut(ids[1]).copy_from_slice(&beta);

    let mut tape = Tape::new(exec());
    let x = tape.input([2, 2, 1, 2]);
    let y = model.record(&mut tape, &params, x, Phase::Training);
    let (mut mean, mut var) = ([0.0f64; 2], [1.0f64; 2]);
    let eps = f64::from(1e-5f32);
    let normalized = |x: f32, c: usize, mean: f64, var: f64| {
        f64::from(gamma[c]) * (f64::from(x) - mean) / (var + eps).sqrt() + f64::from(beta[c])
    };
    let close = |got: f32, want: f64| {
        let got = f64::from(got);
        assert!((got - want).abs() <= 1e-5 * want.abs().max(1.0), "{got}, not {want}");
    };
    for batch in BATCHES {
        tape.set(x, &batch);
        tape.forward(&mut params);
        for c in 0..2 {
            // Element i is of channel i / 2 % 2.
            let mine = [0, 1, 4, 5].map(|i| f64::from(batch[i + 2 * c]));
            let m = mine.iter().sum::<f64>() / 4.0;
            let squares = mine.iter().map(|x| (x - m).powi(2)).sum::<f64>();
            for i in [0, 1, 4, 5].map(|i| i + 2 * c) {
                close(tape.value(y)[i], normalized(batch[i], c, m, squares / 4.0));
            }
            mean[c] = 0.9 * mean[c] + 0.1 * m;
            var[c] = 0.9 * var[c] + 0.1 * squares / 3.0;
        }
    }
    for c in 0..2 {
        close(params.value(id(&params, "bn.running_mean"))[c], mean[c]);
        close(params.value(id(&params, "bn.running_var"))[c], var[c]);
    }
    let before = params.clone();
    let y = infer(&model, &params, 2, &BATCHES[0]);
    for (i, &got) in y.iter().enumerate() {
        let c = i / 2 % 2;
        close(got, normalized(BATCHES[0][i], c, mean[c], var[c]));
    }
    for id in params.ids() {
        assert_eq!(params.value(id), before.value(id), "inference moves no statistic");
    }
}

#[test]
fn names_are_those_of_pytorch() {
    let names = |params: &Params| -> Vec<String> {
        params.ids().map(|id| params.name(id).to_owned()).collect()
    };
    // nn.Sequential(nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Flatten, nn.Linear)
    let layers: [Named; 5] = [
        Layer::conv2d(2, 3, 1).into(),
        Layer::batch_norm().into(),
        Activation::Relu.into(),
        Layer::Flatten.into(),
        Layer::linear(3).into(),
    ];
    let (_, params) = build([1, 4, 4], layers).unwrap();
    let want = [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "4.weight",
        "4.bias",
    ];
    assert_eq!(names(&params), want);
    // The usual ResNet for CIFAR-10: layerS.B.convK, layerS.B.shortcut.0 and .1.
    let (_, params) = build([3, 32, 32], zoo::resnet20(10)).unwrap();
    let names = names(&params);
    for name in [
        "conv1.weight",
        "bn1.running_var",
        "layer1.0.conv1.weight",
        "layer2.0.bn2.running_mean",
        "layer2.0.shortcut.0.weight",
        "layer3.0.shortcut.1.running_var",
        "layer3.2.conv2.weight",
        "fc.bias",
    ] {
        assert!(names.iter().any(|n| n == name), "{name}");
    }
    assert!(!names.iter().any(|n| n == "layer1.0.shortcut.0.weight" || n == "conv1.bias"));
}

/// x: [1, 3, 3] under a 2 x 2 filter, batch norm, relu, and a linear layer, all by hand.
#[test]
fn pytorch_state_dict_loads_and_computes_what_pytorch_would() {
    let layers = [
        Layer::conv2d(1, 2, 0).named("conv1"),
        Layer::batch_norm().named("bn1"),
        Activation::Relu.named("relu"),
        Layer::Flatten.named("flatten"),
        Layer::linear(2).named("fc"),
    ];
    let (model, mut params) = build([1, 3, 3], layers).unwrap();
    let mut state = Checkpoint::default();
    // Not in the order of the model, and with PyTorch's counter of batches.
    state.put("fc.weight", [2, 4], &[1.0, 2.0, 3.0, 4.0, -1.0, 0.0, 0.5, 1.0]);
    state.put("fc.bias", [2], &[0.5, -0.5]);
    state.put("conv1.weight", [1, 1, 2, 2], &[1.0, 0.0, 0.0, -1.0]);
    state.put("conv1.bias", [1], &[1.0]);
    state.put("bn1.weight", [1], &[3.0]);
    state.put("bn1.bias", [1], &[-1.0]);
    state.put("bn1.running_mean", [1], &[-1.0]);
    state.put("bn1.running_var", [1], &[4.0]);
    state.put("bn1.num_batches_tracked", [], &[7.0]);
    state.get_params("", &mut params).unwrap();

    // conv: x[r, q] - x[r + 1, q + 1] + 1 of the rows 1 2 3, 4 0 6, 7 8 10
    let x = [1.0, 2.0, 3.0, 4.0, 0.0, 6.0, 7.0, 8.0, 10.0];
    let conv: [f64; 4] = [1.0 - 0.0 + 1.0, 2.0 - 6.0 + 1.0, 4.0 - 8.0 + 1.0, 0.0 - 10.0 + 1.0];
    let std = (4.0 + f64::from(1e-5f32)).sqrt();
    let h = conv.map(|c| (3.0 * (c + 1.0) / std - 1.0).max(0.0));
    let want = [h[0] + 2.0 * h[1] + 3.0 * h[2] + 4.0 * h[3] + 0.5, -h[0] + 0.5 * h[2] + h[3] - 0.5];
    assert!(h[0] > 0.0 && h[3] == 0.0, "relu has work on both sides");
    for (got, want) in infer(&model, &params, 1, &x).into_iter().zip(want) {
        assert!((f64::from(got) - want).abs() <= 1e-5, "{got}, not {want}");
    }

    for (name, value, wants) in [
        ("fc.weight", f32::NAN, "finite"),
        ("fc.bias", f32::INFINITY, "finite"),
        ("bn1.running_mean", f32::NEG_INFINITY, "finite"),
        ("bn1.running_var", -4.0, "at least 0"),
    ] {
        let mut wrong = state.clone();
        let tensor = wrong.tensors.iter_mut().find(|(n, ..)| n == name).unwrap();
        *tensor.2.last_mut().unwrap() = value;
        let last = tensor.2.len() - 1;
        let message = wrong.get_params("", &mut params).unwrap_err().to_string();
        let told = [name, wants, &format!("found {value} at index {last}")];
        assert!(told.iter().all(|part| message.contains(part)), "{message}");
    }
    // Below the smallest normal number: zero, as training makes it.
    let mut tiny = state.clone();
    tiny.tensors[0].2[..3].copy_from_slice(&[1e-40, -1e-45, f32::MIN_POSITIVE]);
    let vanished = tiny.get_params("", &mut params).unwrap();
    assert_eq!(vanished, [("fc.weight".to_owned(), 2)]);
    let weight = params.value(params.find("fc.weight").unwrap());
    assert_eq!(weight[..3].iter().map(|x| x.to_bits()).collect::<Vec<_>>(), [0, 0, 1 << 23]);

    let mut wrong = state.clone();
    let fc = wrong.tensors.iter_mut().find(|(name, ..)| name == "fc.weight").unwrap();
    fc.1 = Shape::from([4, 2]);
    let message = wrong.get_params("", &mut params).unwrap_err().to_string();
    assert!(message.contains("fc.weight") && message.contains("[4, 2]"), "{message}");
    state.tensors.retain(|(name, ..)| name != "bn1.running_var");
    let message = state.get_params("", &mut params).unwrap_err().to_string();
    assert!(message.contains("bn1.running_var"), "{message}");
}
