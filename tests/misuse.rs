//! Mistakes of a program are refused where they are made, by a panic that names the thing, or have the
//! right result: none gives a wrong number without a word.

use proxtape::{Exec, Isa, Params, Tape, ops};
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
        tape.backward(params, z, &mut ())
    });
    tape.forward(params);
    tape.backward(params, z, &mut ());
    assert!((tape.gradient(x)[0] - 3.0 * 2f32.exp()).abs() < 1e-4);

    let mut tape = Tape::new(exec());
    let logits = tape.variable([1, 2]);
    let targets = tape.labels(1);
    let loss = ops::cross_entropy(&mut tape, logits, targets);
    tape.forward(params);
    tape.labels_mut(targets)[0] = 1;
    refused("was set after forward", || tape.backward(params, loss, &mut ()));
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
    tape.backward(params, y, &mut ());
    assert_eq!(tape.gradient(w), tape.value(z));
}

#[test]
fn names_of_another_recording_are_refused() {
    let (mut tape, [x, _, z]) = product();
    let params = &mut Params::new();
    let labels = tape.labels(2);
    tape.forward(params);
    refused("there was no backward pass", || tape.gradient(x).to_vec());
    tape.backward(params, z, &mut ());
    let late = tape.variable([1]);
    refused("recorded after the last backward pass", || tape.gradient(late).to_vec());
    tape.clear();
    let number = "value 2 of a tape of 0";
    refused(number, || tape.shape(z));
    refused(number, || tape.name(z));
    refused(number, || tape.keep(z));
    refused(number, || tape.value(z).to_vec());
    refused(number, || tape.backward(params, z, &mut ()));
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
