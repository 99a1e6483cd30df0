//! What a model may be: layers that fit, within limits that are told before there is memory for them.

use super::*;

#[test]
fn layers_that_do_not_fit_are_errors_that_name_the_layer() {
    let image = || Shape::from([3, 8, 8]);
    let fc = || Layer::linear(4).named("fc");
    let residual =
        |body: Vec<Named>, shortcut: Vec<Named>| Layer::Residual { body, shortcut }.named("block");
    let huge = usize::MAX / 4;
    let pool = |kernel, stride, padding| {
        Layer::MaxPool { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2] }
            .named("p")
    };
    let named = |layer: Layer| vec![layer.named("c")];
    let cases: Vec<(Shape, Vec<Named>, &[&str])> = vec![
        (image(), vec![fc()], &["layer \"fc\"", "[3, 8, 8]", "flatten"]),
        ([64].into(), named(Layer::conv2d(4, 3, 1)), &["layer \"c\"", "[C, H, W]", "[64]"]),
        ([64].into(), vec![pool(2, 2, 0)], &["layer \"p\"", "[C, H, W]", "[64]"]),
        ([64].into(), named(Layer::GlobalAvgPool), &["layer \"c\"", "[64]"]),
        (image(), named(Layer::conv2d(4, 9, 0)), &["layer \"c\"", "window of 9", "into 8"]),
        (image(), named(conv(4, 3, [1, 0, 4, 1])), &["window of 3 (dilation 4)", "into 8"]),
        (image(), vec![pool(9, 1, 0)], &["layer \"p\"", "window of 9"]),
        (image(), vec![pool(2, 2, 2)], &["layer \"p\"", "half of its kernel"]),
        (image(), vec![pool(0, 1, 0)], &["layer \"p\"", "kernel", "from 1"]),
        (image(), vec![pool(2, 0, 0)], &["layer \"p\"", "stride", "from 1"]),
        (image(), named(conv(4, 3, [1, 1, 0, 1])), &["layer \"c\"", "dilation", "from 1"]),
        (image(), named(conv(4, 3, [1, 1, 1, 2])), &["2 groups", "3 input", "4 output"]),
        (image(), named(conv(4, 3, [1, 1, 1, 3])), &["3 groups", "4 output"]),
        (image(), named(conv(4, 3, [1, 1, 1, 0])), &["0 groups"]),
        (image(), named(Layer::Select { indices: vec![] }), &["layer \"c\"", "one or more"]),
        (image(), named(Layer::Select { indices: vec![1, 3] }), &["below 3", "[3, 8, 8]"]),
        (image(), named(Layer::Select { indices: vec![2, 1] }), &["increasing"]),
        (image(), named(Layer::Dropout { p: 1.0 }), &["layer \"c\"", "[0, 1)", "1"]),
        (image(), named(Layer::Dropout { p: f32::NAN }), &["layer \"c\"", "NaN"]),
        (image(), vec![Layer::Flatten.into(), fc(), fc()], &["layer \"fc\"", "names must differ"]),
        (
            image(),
            vec![residual(named(Layer::conv2d(4, 3, 1)), vec![])],
            &["layer \"block\"", "[4, 8, 8]", "[3, 8, 8]"],
        ),
        (
            image(),
            vec![residual(named(Layer::linear(3)), vec![])],
            &["layer \"block.c\"", "flatten"],
        ),
        ([64].into(), named(Layer::linear(0)), &["layer \"c\"", "[0, 64]"]),
        ([64].into(), named(Layer::linear(huge)), &["layer \"c\"", "at most 1073741824"]),
        (image(), named(Layer::conv2d(4, huge, huge / 2)), &["layer \"c\""]),
        (image(), named(Layer::conv2d(4, 3, huge)), &["layer \"c\"", "padding", "65535"]),
        (image(), named(Layer::conv2d(4, 3, 1 << 16)), &["layer \"c\"", "padding", "65535"]),
        (image(), named(Layer::conv2d(4, 3, 60_000)), &["layer \"c\"", "1073741824"]),
        (image(), named(conv(huge, 1, [1, 0, 1, 1])), &["layer \"c\"", "1073741824"]),
        (image(), named(conv(4, 2, [1, 0, usize::MAX, 1])), &["layer \"c\"", "dilation", "65535"]),
        (image(), named(conv(4, 2, [1 << 40, 1 << 40, 1 << 40, 1])), &["layer \"c\"", "65535"]),
        (image(), vec![pool(usize::MAX / 2, 1, usize::MAX / 4)], &["layer \"p\"", "65535"]),
        ([huge, huge].into(), vec![Layer::Flatten.into()], &["layer \"input\"", "1073741824"]),
        ([0].into(), vec![fc()], &["layer \"input\"", "[0]"]),
    ];
    for (input, layers, parts) in cases {
        let Err(error) = build(input, layers.clone()) else { panic!("{layers:?} on {input}") };
        let message = error.to_string();
        for part in parts {
            assert!(message.contains(part), "\"{message}\" should name {part}");
        }
    }
}

/// A model has at most 4,096 layers, and residual blocks lie in each other at most 32 deep. Names are
/// found by a map: this took minutes for ten times as many.
#[test]
fn layers_and_their_depth_have_limits() {
    let layers = |n: usize| (0..n).map(|_| Named::from(Layer::LayerNorm { eps: 1e-5 }));
    assert_eq!(build([2], layers(4096)).unwrap().1.ids().len(), 2 * 4096);
    let message = build([2], layers(40_000)).unwrap_err().to_string();
    assert!(message.contains("layer \"4096\"") && message.contains("at most 4096"), "{message}");
    let deep = |n: usize| {
        (0..n).fold(Layer::from(Activation::Relu), |inner, _| Layer::Residual {
            body: vec![inner.into()],
            shortcut: vec![],
        })
    };
    assert!(build([2], [deep(32).into()]).is_ok());
    assert!(build([2], [deep(33).into()]).unwrap_err().to_string().contains("at most 32"));
    // Layers in blocks count as well.
    let body: Vec<Named> = layers(4096).collect();
    let block = Layer::Residual { body, shortcut: vec![] };
    assert!(build([2], [block.into()]).is_err());
}

/// What a plan tells is what is declared, and nothing is declared where it does not fit.
#[test]
fn plan_tells_the_parameters_before_there_are_any() {
    for layers in [zoo::lenet5(10), zoo::resnet20(10)] {
        let input = if layers.len() > 15 { [3, 32, 32] } else { [1, 28, 28] };
        let plan = Plan::new(&Params::new(), input, &layers).unwrap();
        let planned: Vec<_> = plan.parameters().map(|(n, s)| (n.to_owned(), s)).collect();
        let (_, params) = build(input, layers).unwrap();
        let declared = params.ids().map(|id| (params.name(id).to_owned(), params.shape(id)));
        assert_eq!(planned, declared.collect::<Vec<_>>());
    }
    let mut params = Params::new();
    let layers = [Layer::linear(3).named("a"), Layer::linear(1 << 30).named("b")];
    let random = &mut Random::new(1);
    assert!(Model::new(&mut params, [2], &layers, random).is_err());
    assert_eq!(params.ids().len(), 0);
    // Behind others, whose names are taken.
    let first = Model::new(&mut params, [2], &layers[..1], random).unwrap();
    let error = Plan::new(&params, [2], &layers[..1]).unwrap_err().to_string();
    assert!(error.contains("names must differ"), "{error}");
    let second = [Layer::linear(5).named("c")];
    let second = Plan::new(&params, [3], &second).unwrap().allocate(&mut params).unwrap();
    let ids = [&first, &second].map(|model| params.name(model.weights()[0].id));
    assert_eq!(ids, ["a.weight", "c.weight"]);
}

#[test]
fn batch_that_no_machine_holds_is_an_error() {
    let (model, _) = build([1 << 20], [Activation::Relu.into()]).unwrap();
    assert!(model.check_batch(1 << 13).is_ok());
    let message = model.check_batch(1 << 14).unwrap_err().to_string();
    assert!(message.contains("a batch of 16384") && message.contains("17179869184"), "{message}");
    assert!(model.check_batch(usize::MAX).is_err());
}

/// What the kernels refuse, a plan refuses with the layer's name, and a batch that makes it too much.
#[test]
fn windows_that_no_kernel_takes_are_errors_of_their_layer() {
    let conv = |out: usize, padding: usize| Layer::Conv2d {
        out,
        kernel: [1; 2],
        stride: [65_535; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        groups: 1,
        bias: WithBias::No,
        init: Init::KaimingUniform,
    };
    let net = |conv: Layer| {
        let ways = || vec![conv.clone().named("wide")];
        let block = Layer::Residual { body: ways(), shortcut: ways() };
        build([1, 8, 8], [block.named("block")])
    };
    // One sample takes 4096 * 131,078^2 = 2^46 multiplications.
    let (model, _) = net(conv(4096, 65_535)).unwrap();
    assert!(model.check_batch(1).is_ok());
    for batch in [2, 64] {
        let message = model.check_batch(batch).unwrap_err().to_string();
        let parts = ["layer \"block.wide\"", &format!("a batch of {batch}"), "2^47"];
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let message = net(conv(8192, 65_535)).unwrap_err().to_string();
    assert!(message.contains("layer \"block.wide\"") && message.contains("2^47"), "{message}");

    let pool = |kernel: [usize; 2], padding: [usize; 2]| {
        let pool = Layer::MaxPool { kernel, stride: [65_535; 2], padding };
        build([1, 208, 208], vec![pool.named("pool")])
    };
    let message = pool([65_535; 2], [32_767; 2]).unwrap_err().to_string();
    assert!(message.contains("layer \"pool\"") && message.contains("2^23"), "{message}");
    // 40,329 rows of 208 columns, but for the last one, which is as wide as the window.
    assert!(pool([40_329, 1], [20_164, 0]).is_ok());
    assert!(pool([40_331, 1], [20_165, 0]).is_err());
}

#[test]
fn least_batch_is_two_where_a_channel_has_one_element() {
    let flat = || Layer::Flatten.into();
    let least = |layers: Vec<Named>| build([3, 8, 8], layers).unwrap().0.least_batch();
    assert_eq!(least(vec![flat(), Layer::linear(4).into()]), 1);
    assert_eq!(least(vec![Layer::batch_norm().into(), flat()]), 1);
    assert_eq!(least(vec![flat(), Layer::batch_norm().into()]), 2);
}
