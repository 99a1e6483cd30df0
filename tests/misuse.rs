//! Mistakes of a program are refused where they are made, by a panic that names the thing, or have the
//! right result: none gives a wrong number without a word.

use proxtape::checkpoint::Checkpoint;
use proxtape::data::{Normalization, digits};
use proxtape::nn::{Activation, Layer, Network};
use proxtape::optim::{
    Family, Groups, L1, Optimizer, Part, Penalty, Ramp, Regularized, Regularizer, Rise, Rule,
    Schedule, ScheduleShape,
};
use proxtape::train::Evaluator;
use proxtape::{Exec, GradSink, Gradients, Isa, Kind, NoGradients, Params, Random, Tape, ops};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn exec() -> Exec {
    Exec::new(Isa::detect())
}

/// Checks that `f` panics with a message that has this text.
#[track_caller]
fn refused<T>(text: &str, f: impl FnOnce() -> T) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
        panic!("it was taken; expected \"{text}\"");
    };
    let found = payload.downcast_ref::<String>().map(String::as_str);
    let found = found.or(payload.downcast_ref::<&str>().copied()).unwrap_or("no text");
    assert!(found.contains(text), "expected \"{text}\", found \"{found}\"");
}

/// y = exp x and z = x y.
fn product() -> (Tape, [proxtape::Var; 3]) {
    let mut tape = Tape::new(exec());
    let x = tape.variable([1]);
    let y = ops::exp(&mut tape, x);
    let z = ops::mul(&mut tape, x, y);
    (tape, [x, y, z])
}

#[test]
fn a_value_kept_after_a_replay_is_itself() {
    for ahead in [false, true] {
        let (mut tape, mut params) = (Tape::inference(exec()), Params::new());
        let x = tape.input([4]);
        let a = ops::relu(&mut tape, x);
        let b = ops::add_scalar(&mut tape, a, 10.0);
        let c = ops::mul_scalar(&mut tape, b, 100.0);
        let y = ops::add_scalar(&mut tape, c, 0.5);
        tape.set(x, &[1.0, 2.0, 3.0, 4.0]);
        if ahead {
            tape.check_memory().unwrap();
        } else {
            tape.forward(&mut params);
        }
        tape.keep(a);
        refused("a value is there after forward", || tape.value(a).to_vec());
        tape.forward(&mut params);
        assert_eq!(tape.value(a), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(tape.value(y), [1100.5, 1200.5, 1300.5, 1400.5]);
        refused("call keep", || tape.value(b).to_vec());
    }
}

#[test]
fn a_backward_pass_is_at_the_point_of_the_forward_pass() {
    let (mut tape, [x, _, z]) = product();
    let params = &mut Params::new();
    tape.set(x, &[1.0]);
    tape.forward(params);
    tape.set(x, &[2.0]);
    refused("an input, variable or label was set after forward", || {
        tape.backward(params, z, &mut NoGradients)
    });
    tape.forward(params);
    tape.backward(params, z, &mut NoGradients);
    assert!((tape.gradient(x)[0] - 3.0 * 2f32.exp()).abs() < 1e-4);

    let mut tape = Tape::new(exec());
    let logits = tape.variable([1, 2]);
    let targets = tape.labels(1);
    let loss = ops::cross_entropy(&mut tape, logits, targets);
    tape.forward(params);
    tape.labels_mut(targets)[0] = 1;
    refused("was set after forward", || tape.backward(params, loss, &mut NoGradients));
}

/// What is recorded after `advance` may be set before the next one.
#[test]
fn a_tape_that_grows_takes_new_inputs() {
    let (mut tape, [x, _, z]) = product();
    let params = &mut Params::new();
    tape.set(x, &[1.0]);
    tape.advance(params);
    let (w, labels) = (tape.variable([1, 1]), tape.labels(1));
    tape.set(w, &[3.0]);
    tape.labels_mut(labels)[0] = 0;
    let y = ops::mul(&mut tape, z, w);
    tape.advance(params);
    tape.backward(params, y, &mut NoGradients);
    assert_eq!(tape.gradient(w), tape.value(z));
}

#[test]
fn names_of_another_recording_are_refused() {
    let (mut tape, [x, _, z]) = product();
    let params = &mut Params::new();
    let labels = tape.labels(2);
    tape.forward(params);
    refused("there was no backward pass", || tape.gradient(x).to_vec());
    tape.backward(params, z, &mut NoGradients);
    let late = tape.variable([1]);
    refused("recorded after the last backward pass", || tape.gradient(late).to_vec());
    tape.clear();
    let number = "value 2 of a tape of 0";
    refused(number, || tape.shape(z));
    refused(number, || tape.name(z));
    refused(number, || tape.keep(z));
    refused(number, || tape.value(z).to_vec());
    refused(number, || tape.backward(params, z, &mut NoGradients));
    refused(number, || tape.view(z, [1]));
    refused(number, || tape.record(Nothing, &[z], [1]));
    refused("value 0 of a tape of 0", || tape.set(x, &[1.0]));
    refused("value 0 of a tape of 0", || tape.gradient(x).to_vec());
    refused("labels 0..2 of a tape that has 0", || tape.labels_mut(labels).fill(0));
    refused("labels 0..2 of a tape that has 0", || tape.labels_ref(labels).to_vec());
    let x = tape.variable([2, 3]);
    refused("labels 0..2 of a tape that has 0", || tape.leaves_mut(x, labels).0.fill(0.0));
    refused("labels 0..2 of a tape that has 0", || ops::cross_entropy(&mut tape, x, labels));
}

struct Nothing;

impl proxtape::Primitive for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }
    fn forward(&self, _: proxtape::Forward<'_>) {}
    fn vjp(&self, _: proxtape::Vjp<'_>) {}
}

#[test]
fn parameters_are_copied_from_the_same_declarations_alone() {
    let declared = |entries: &[(&str, Kind, &[usize])]| {
        let mut params = Params::new();
        for &(name, kind, shape) in entries {
            params.add(name, kind, shape);
        }
        params
    };
    let weight: (&str, Kind, &[usize]) = ("w", Kind::Weight, &[2, 3]);
    let mut own = declared(&[weight]);
    for others in [
        &[("w", Kind::Bias, &[5][..])][..],
        &[("w", Kind::Weight, &[3, 2])],
        &[("w", Kind::Norm, &[2, 3])],
        &[("v", Kind::Weight, &[2, 3])],
        &[weight, ("mean", Kind::Running, &[2])],
        &[weight, ("empty", Kind::Bias, &[0])],
        &[],
    ] {
        refused("copy_from: ", || own.copy_from(&declared(others)));
    }
    let mut same = declared(&[weight]);
    same.value_mut(same.find("w").unwrap()).fill(2.0);
    own.copy_from(&same);
    assert_eq!(own.value(own.find("w").unwrap()), [2.0; 6]);
}

#[test]
fn tensor_without_its_values_is_an_error() {
    let mut params = Params::new();
    params.add("w", Kind::Weight, [2]);
    for values in [vec![], vec![1.0], vec![1.0; 3]] {
        let mut checkpoint = Checkpoint::default();
        checkpoint.put("w", [2], &values);
        let message = checkpoint.get_params("", &mut params).unwrap_err().to_string();
        assert!(message.contains("tensor \"w\"") && message.contains("wants 2"), "{message}");
    }
}

#[test]
fn an_optimiser_takes_each_weight_once_with_its_own_groups() {
    let mut params = Params::new();
    let w = params.add("w", Kind::Weight, [2, 3]);
    let mean = params.add("mean", Kind::Running, [6]);
    let other = {
        let mut others = Params::new();
        ["a", "b", "c"].map(|name| others.add(name, Kind::Weight, [6]))[2]
    };
    let regularizer = Regularizer::L1(L1 { lambda1: 0.5 });
    let with = |id, groups| Regularized::new(id, regularizer, groups);
    let right = with(w, Groups::whole(6));
    let new = |list: &[Regularized]| Optimizer::new(exec(), &params, Rule::Sgd, list);
    new(std::slice::from_ref(&right));
    refused("\"w\" has two regularisers", || new(&[right.clone(), right.clone()]));
    refused("\"mean\" is a running statistic", || new(&[with(mean, Groups::whole(6))]));
    refused("parameter 2 of 2", || new(&[with(other, Groups::whole(6))]));
    refused("\"w\" has 6 elements", || new(&[with(w, Groups::rows(2, 4))]));
    let bad = Regularizer::L1(L1 { lambda1: f32::NAN });
    refused("out of range", || new(&[Regularized::new(w, bad, Groups::whole(6))]));
    let rule = Rule::Momentum { beta: 2.0 };
    refused("out of range", || Optimizer::new(exec(), &params, rule, &[]));
}

#[test]
fn the_last_step_that_can_be_counted_is_not_the_end() {
    let mut params = Params::new();
    let w = params.add("w", Kind::Weight, [1]);
    let rule = Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.0 };
    let mut optimizer = Optimizer::new(exec(), &params, rule, &[]);
    optimizer.restore([&[0.0; 16], &[0.0; 16], &[]], u64::MAX).unwrap();
    let mut gradients = Gradients::new(&params);
    gradients.destination(w).unwrap().0.fill(1.0);
    optimizer.step(&mut params, &mut gradients, 0.1);
    assert_eq!(optimizer.steps(), u64::MAX);
    assert!(params.value(w)[0] < 0.0);
    optimizer.during_backward(&mut gradients, 0.1).finish(&mut params);
}

#[test]
fn a_penalty_scales_the_weights_that_it_is_given() {
    let layers = [3, 4, 5].map(|n| Layer::linear(n).into());
    let network = Network::new([2], &layers, &mut Random::new(1)).unwrap();
    let model = network.model();
    let penalty = Penalty { lambda: 0.5, ..Penalty::new(Family::L1) };
    let all = penalty.resolve(&network).unwrap();
    let regularizer = Regularizer::L1(L1 { lambda1: 1.0 });
    for order in [vec![2], vec![0, 1, 2], vec![2, 0, 1], vec![1, 1]] {
        let mut some: Vec<_> = order.iter().map(|&l| all[l].clone()).collect();
        penalty.scale(model, 2.0, &mut some).unwrap();
        let want = order.iter().map(|&l| {
            let parts = all[l].parts.iter().map(|&part| Part { regularizer, ..part }).collect();
            Regularized { id: all[l].id, parts }
        });
        assert_eq!(some, want.collect::<Vec<_>>(), "{order:?}");
    }
    let bias = network.params().find("0.bias").unwrap();
    let mut foreign = [Regularized { id: bias, ..all[0].clone() }];
    let error = penalty.scale(model, 2.0, &mut foreign).unwrap_err().to_string();
    assert!(error.contains("no weight of the model"), "{error}");
}

#[test]
fn an_evaluator_wants_a_batch_and_an_output_for_each_label() {
    let set = digits::load().unwrap();
    let build = |layers: &[Layer]| {
        let layers: Vec<_> = layers.iter().cloned().map(Into::into).collect();
        Network::new([1, 8, 8], &layers, &mut Random::new(1)).unwrap()
    };
    let network = build(&[Layer::Flatten, Layer::linear(3)]);
    refused("a batch of 0", || Evaluator::new(exec(), &network, 0));
    let mut evaluator = Evaluator::new(exec(), &network, 8);
    let all: Vec<u32> = (0..100).collect();
    let scale = Normalization::identity(&set);
    refused("the model gives 3 outputs", || evaluator.run(network.params(), &set, &all, &scale));
    let network = build(&[Activation::Relu.into()]);
    refused("one output for each class", || Evaluator::new(exec(), &network, 8));
}

#[test]
fn schedules_out_of_range_have_no_value() {
    let schedule = |eta, warmup, shape| Schedule { eta, warmup, shape };
    let constant = ScheduleShape::Constant;
    for wrong in [
        schedule(0.1, f32::INFINITY, constant),
        schedule(0.1, f32::NAN, constant),
        schedule(0.1, -1.0, constant),
        schedule(f32::NAN, 1.0, constant),
        schedule(0.1, 1.0, ScheduleShape::Step { every: 0.0, factor: 0.5 }),
        schedule(0.1, 1.0, ScheduleShape::Cosine { floor: f32::NAN }),
    ] {
        refused("Schedule: ", || wrong.at(0.5, 10.0));
    }
    for [warmup, rise] in [[f32::NAN, 0.5], [0.5, f32::NAN], [0.6, 0.6], [f32::INFINITY, 0.0]] {
        refused("Ramp: ", || Ramp { warmup, rise, shape: Rise::Linear }.at(0.5));
    }
}

/// The squares of these leave the range of f32.
#[test]
fn the_norm_of_a_gradient_is_right_at_any_magnitude() {
    let mut params = Params::new();
    let w = params.add("w", Kind::Weight, [2]);
    let norm = |g: [f32; 2]| {
        let mut gradients = Gradients::new(&params);
        gradients.destination(w).unwrap().0.copy_from_slice(&g);
        gradients.norm(exec())
    };
    for scale in [1e-43, 1e-24, 1e-19, 1e-10, 1.0, 1e18, 1e20, 8e37] {
        let want = 5.0 * f64::from(scale);
        let found = norm([3.0 * scale, 4.0 * scale]);
        assert!((found - want).abs() <= 1e-2 * want, "{found:e}, not {want:e}");
    }
    assert_eq!(norm([3e20, f32::INFINITY]), f64::INFINITY);
    assert!(norm([3e20, f32::NAN]).is_nan());
    assert_eq!(norm([0.0, 0.0]), 0.0);
}

#[test]
fn means_of_large_numbers_are_large_numbers() {
    let params = &mut Params::new();
    for n in [1, 4, 3000] {
        let mut tape = Tape::new(exec());
        let [x, a, b] = [n, n, n].map(|n| tape.variable([n]));
        let (mean, mse) = (ops::mean(&mut tape, x), ops::mse_loss(&mut tape, a, b));
        tape.set(x, &vec![3e38; n]);
        tape.set(a, &vec![1.5e19; n]);
        tape.forward(params);
        assert!((tape.value(mean)[0] / 3e38 - 1.0).abs() < 1e-6, "{n}: {:?}", tape.value(mean));
        assert!((tape.value(mse)[0] / 2.25e38 - 1.0).abs() < 1e-6, "{n}: {:?}", tape.value(mse));
    }
}
