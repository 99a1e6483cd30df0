//! Networks recorded with prepacked weights, or without their zeros, give what the dense recording
//! gives.

use proxtape::nn::{Activation, Layer, Model, Named, Phase, PrepackedNetwork, Zeros, zoo};
use proxtape::{Exec, Isa, Kind, NoGradients, Params, Pool, Random, Tape};

/// A network of the zoo that keeps about `share` of 1,000 weights; biases are not zero.
fn pruned(name: &str, input: [usize; 3], share: u32) -> (Model, Params) {
    prune(&zoo::by_name(name, 10).unwrap(), &input, share)
}

fn prune(layers: &[Named], input: &[usize], share: u32) -> (Model, Params) {
    let (mut params, mut random) = (Params::new(), Random::new(7));
    let input = input.iter().copied().collect::<proxtape::Shape>();
    let model = Model::new(&mut params, input, layers, &mut random).unwrap();
    for id in params.ids() {
        let kind = params.kind(id);
        for w in params.value_mut(id) {
            match kind {
                Kind::Weight if random.next_u32() % 1000 >= share => *w = 0.0,
                // What is left gets the scale that a whole layer had.
                Kind::Weight => *w *= (1000.0 / share as f32).sqrt(),
                Kind::Bias => *w = (random.next_u32() % 64) as f32 / 256.0 - 0.125,
                _ => {}
            }
        }
    }
    (model, params)
}

fn recorded(
    exec: Exec,
    (model, params): &(Model, Params),
    batch: usize,
    zeros: Zeros,
) -> (Vec<f32>, PrepackedNetwork) {
    let mut tape = Tape::inference(exec);
    let x = tape.input(model.input().batch(batch));
    let sparse = model.record_prepacked(&mut tape, params, x, zeros);
    let x = tape.value_mut(x);
    x.iter_mut().enumerate().for_each(|(i, x)| *x = (i * 7919 % 1009) as f32 * 1e-3 - 0.5);
    tape.infer(params);
    (tape.value(sparse.output).to_vec(), sparse)
}

#[track_caller]
fn assert_close(got: &[f32], want: &[f32], tolerance: f32) {
    let scale = want.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    assert!(scale > 1e-3, "outputs that say nothing: {want:?}");
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= tolerance * scale, "{got} is not {want}, of {scale}");
    }
}

#[test]
fn every_network_of_the_zoo_gives_the_dense_outputs() {
    // A layer rounds within 1e-6; dense 3 x 3 and 5 x 5 convolutions are Winograd's, within 4e-6.
    let networks = [
        ("lenet300", [1, 28, 28], 2e-6),
        ("lenet5", [1, 28, 28], 1e-5),
        ("digits-conv", [1, 8, 8], 1e-5),
        ("vgg-small", [3, 32, 32], 2e-5),
        ("resnet20", [3, 32, 32], 4e-5),
    ];
    for (name, input, tolerance) in networks {
        let network = pruned(name, input, 100);
        for isa in Isa::available() {
            for batch in [1, 6] {
                let exec = Exec::new(isa);
                let (want, dense) = recorded(exec, &network, batch, Zeros::Multiplied);
                let (got, sparse) = recorded(exec, &network, batch, Zeros::LeftOut);
                assert!(dense.layers.iter().all(|l| !l.sparse));
                assert!(sparse.layers.iter().filter(|l| l.sparse).count() >= 3, "{name}");
                assert_close(&got, &want, tolerance);
            }
        }
    }
}

#[test]
fn multiplied_zeros_are_the_inference_form() {
    let network = pruned("lenet5", [1, 28, 28], 100);
    let exec = Exec::new(Isa::detect());
    // One sample reads weights as they lie; many meet the same tiles, packed once or each time; a few
    // are dot products or tiles.
    for (batch, tolerance) in [(1, 0.0), (3, 2e-6), (33, 0.0)] {
        let (got, _) = recorded(exec, &network, batch, Zeros::Multiplied);
        let mut tape = Tape::inference(exec);
        let x = tape.input([batch, 1, 28, 28]);
        let y = network.0.record(&mut tape, &network.1, x, Phase::Inference);
        let x = tape.value_mut(x);
        x.iter_mut().enumerate().for_each(|(i, x)| *x = (i * 7919 % 1009) as f32 * 1e-3 - 0.5);
        tape.infer(&network.1);
        assert_close(&got, tape.value(y), tolerance);
    }
}

#[test]
fn packed_weight_is_that_of_the_recording() {
    let layers = [Layer::linear(4).named("fc1")];
    let (model, mut params) = prune(&layers, &[5], 1000);
    let mut tape = Tape::new(Exec::new(Isa::detect()));
    let x = tape.input([3, 5]);
    let packed = model.record_prepacked(&mut tape, &params, x, Zeros::Multiplied);
    tape.value_mut(x).fill(1.0);
    tape.infer(&params);
    let before = tape.value(packed.output).to_vec();
    params.value_mut(params.find("fc1.weight").unwrap()).fill(9.0);
    tape.infer(&params);
    assert_eq!(tape.value(packed.output), before);
}

#[test]
fn measured_density_decides() {
    let exec = Exec::new(Isa::detect());
    for batch in [1, 32] {
        let sparse = |share| {
            let network = pruned("lenet300", [1, 28, 28], share);
            let (_, recorded) = recorded(exec, &network, batch, Zeros::default());
            for layer in &recorded.layers {
                let density = layer.kept as f64 / layer.weights as f64;
                assert!((density - f64::from(share) * 1e-3).abs() < 0.05, "{layer:?}");
            }
            recorded.layers.iter().map(|l| l.sparse).collect::<Vec<_>>()
        };
        assert_eq!(sparse(1000), [false; 3]);
        assert_eq!(sparse(20)[..2], [true; 2]);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let network = pruned("lenet5", [1, 28, 28], 30);
    for isa in Isa::available() {
        for batch in [1, 40] {
            let (alone, _) = recorded(Exec::new(isa), &network, batch, Zeros::LeftOut);
            for threads in [2, 4] {
                let pool = Pool::new(threads).unwrap();
                let exec = pool.exec(isa);
                let (got, _) = pool.install(|| recorded(exec, &network, batch, Zeros::LeftOut));
                assert!(got.iter().zip(&alone).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }
}

#[test]
fn layer_without_any_weight_gives_its_bias() {
    let layers = [Layer::linear(4).named("fc1"), Activation::Relu.named("relu")];
    let mut network = prune(&layers, &[5], 1000);
    let (w, b) = (network.1.find("fc1.weight").unwrap(), network.1.find("fc1.bias").unwrap());
    network.1.value_mut(w).fill(0.0);
    network.1.value_mut(b).copy_from_slice(&[1.0, -1.0, 0.0, 2.0]);
    for batch in [1, 33] {
        let (y, _) = recorded(Exec::new(Isa::detect()), &network, batch, Zeros::Measured);
        assert_eq!(y, [1.0, 0.0, 0.0, 2.0].repeat(batch));
    }
}

/// A pass back through one layer of 4 x 5 weights.
fn backward(batch: usize, zeros: Zeros) {
    let layers = [Layer::linear(4).named("fc1")];
    let (model, mut params) = prune(&layers, &[5], 500);
    let mut tape = Tape::new(Exec::new(Isa::detect()));
    let x = tape.variable([batch, 5]);
    let packed = model.record_prepacked(&mut tape, &params, x, zeros);
    tape.forward(&mut params);
    tape.backward_from(&mut params, packed.output, &vec![1.0; 4 * batch], &mut NoGradients);
}

#[test]
#[should_panic(expected = "packed linear: recorded for inference only")]
fn there_is_no_gradient_of_what_is_packed() {
    backward(3, Zeros::Multiplied);
}

#[test]
#[should_panic(expected = "sparse linear: recorded for inference only")]
fn there_is_no_gradient_of_what_has_no_zeros() {
    backward(1, Zeros::LeftOut);
}
