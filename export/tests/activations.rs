//! Every activation, as both formats hold it: the outputs are those of the engine.

use proxtape::data::Normalization;
use proxtape::nn::{Activation, Layer, Network, Phase};
use proxtape::{Exec, Isa, Random, Tape};
use proxtape_export::rust::{About, Plan, Runner, text};
use proxtape_export::{Pipeline, onnx};

fn assert_near(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 2e-6 * want.abs().max(1.0), "{what}: {got}, not {want}");
    }
}

#[test]
fn every_activation_gives_in_both_formats_what_the_engine_gives() {
    let raw: Vec<f32> = (-40..=40).map(|i| i as f32 * 0.2).collect();
    let width = raw.len();
    // (2 raw - 1) / 4: the activation sees -4.25 to 3.75.
    let normalization = Normalization { scale: 2.0, mean: vec![1.0; width], std: vec![4.0; width] };
    let x: Vec<f32> = raw.iter().map(|raw| (2.0 * raw - 1.0) / 4.0).collect();
    for activation in Activation::ALL.iter().map(|activation| activation.with_number(0.3)) {
        let layers = [Layer::from(activation).into()];
        let network = Network::new([width], &layers, &mut Random::new(1)).unwrap();
        let mut tape = Tape::inference(Exec::new(Isa::detect()));
        let input = tape.input([1, width]);
        let y = network.record(&mut tape, input, Phase::Inference);
        tape.set(input, &x);
        tape.infer(network.params());
        let want = tape.value(y);

        let pipeline = Pipeline::new(&network, &normalization).unwrap();
        let name = activation.name();
        let model = onnx::Model::new(&pipeline, name, Vec::new());
        let read = onnx::Model::from_bytes(&model.to_bytes()).expect("it was just written");
        assert!(read == model, "{name}: what is read is what was written");
        assert_near(name, &onnx::run(&read, &raw).expect("it fits together"), want);
        let plan = Plan::new(&pipeline);
        assert_near(name, Runner::new(&plan).run(&raw), want);
        let about = About { recipe: name, scale: 2.0, class_names: &[], columns: &[] };
        let function = format!("fn {}(", name.replace('-', "_"));
        assert!(text(&plan, &about).contains(&function), "{name}: the file has its function");
    }
}
