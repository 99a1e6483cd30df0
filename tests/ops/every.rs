//! What holds for every operation: Store overwrites, Add adds, a replay does not allocate.

use crate::allocation::ALLOCATIONS;
use crate::cases::{Case, SEED, every_case};
use crate::{bits, numbers};
use proxtape::{Exec, Forward, Isa, NoGradients, Params, Primitive, Random, Tape, Var, Vjp, ops};

/// y = the sum of x; its product leaves NaN, as a stale adjoint would.
struct Poison;

impl Primitive for Poison {
    fn name(&self) -> &'static str {
        "poison"
    }
    fn forward(&self, cx: Forward<'_>) {
        cx.y.fill(0.0);
    }
    fn vjp(&self, cx: Vjp<'_>) {
        cx.dx.fill(f32::NAN);
    }
}

/// Fills all adjoints of the tape with NaN: a backward pass over one variable that is as large as
/// all others together, planned from the lowest offset.
fn poison(tape: &mut Tape, params: &mut Params, len: usize) {
    tape.clear();
    let x = tape.variable([len]);
    let y = tape.record(Poison, &[x], []);
    tape.forward(params);
    tape.backward(params, y, &mut NoGradients);
    assert!(tape.gradient(x).iter().all(|x| x.is_nan()));
}

/// Records a case over variables, sets them, and seeds the random stream.
fn record(tape: &mut Tape, case: &Case) -> (Vec<Var>, Var) {
    let inputs: Vec<Var> = case.inputs.iter().map(|x| tape.variable(x.shape())).collect();
    let y = (case.record)(tape, &inputs);
    inputs.iter().zip(&case.inputs).for_each(|(&x, input)| tape.set(x, input.values()));
    *tape.random_mut() = Random::new(SEED);
    (inputs, y)
}

/// The bits of the value and of the gradients of one pass, recorded into `tape`.
fn pass(tape: &mut Tape, case: &Case) -> Result<Vec<Vec<u32>>, String> {
    let mut params = case.params.clone();
    let (inputs, y) = record(tape, case);
    tape.forward(&mut params);
    let cotangent = numbers(tape.shape(y).len(), 5);
    tape.backward_from(&mut params, y, &cotangent, &mut NoGradients);
    let gradients = inputs.iter().map(|&x| tape.gradient(x));
    match gradients.clone().flatten().all(|dx| dx.is_finite()) {
        true => Ok([tape.value(y)].into_iter().chain(gradients).map(bits).collect()),
        false => Err("a gradient is not finite".to_owned()),
    }
}

fn execs() -> impl Iterator<Item = Exec> {
    Isa::available().flat_map(|isa| [Exec::new(isa), Exec::new(isa).parallel()])
}

#[test]
fn store_overwrites_whatever_the_adjoints_held() {
    for exec in execs() {
        let mut dirty = Tape::new(exec);
        every_case(|case| {
            let mut fresh = Tape::new(exec);
            let clean = pass(&mut fresh, case)?;
            poison(&mut dirty, &mut Params::new(), fresh.memory());
            dirty.clear();
            match pass(&mut dirty, case)? == clean {
                true => Ok(()),
                false => Err(format!("other bits on {exec:?}")),
            }
        });
    }
}

/// Of a value with itself: y = f(x) + (2 x summed over), so that f's product is added to what the
/// later consumers of x stored.
#[test]
fn add_adds_to_what_is_there() {
    for exec in execs() {
        every_case(|case| {
            let (mut tape, mut params) = (Tape::new(exec), case.params.clone());
            let (inputs, y) = record(&mut tape, case);
            let y_sum = ops::sum(&mut tape, y);
            // Recorded later, so it comes first on the way back.
            let mut both = y_sum;
            for &x in &inputs {
                let line = ops::mul_scalar(&mut tape, x, 2.0);
                let line = ops::sum(&mut tape, line);
                both = ops::add(&mut tape, both, line);
            }
            tape.forward(&mut params);
            tape.backward(&mut params, y_sum, &mut NoGradients);
            let alone: Vec<Vec<f32>> = inputs.iter().map(|&x| tape.gradient(x).to_vec()).collect();
            tape.backward(&mut params, both, &mut NoGradients);
            for (&x, alone) in inputs.iter().zip(&alone) {
                for (got, want) in tape.gradient(x).iter().zip(alone) {
                    let error = (got - (want + 2.0)).abs();
                    if error > 1e-5 * (1.0 + want.abs()) || error.is_nan() {
                        return Err(format!("{got}, not {want} + 2, on {exec:?}"));
                    }
                }
            }
            Ok(())
        });
    }
}

#[test]
fn a_replay_does_not_allocate() {
    for isa in Isa::available() {
        every_case(|case| {
            let (mut tape, mut params) = (Tape::new(Exec::new(isa)), case.params.clone());
            let (_, y) = record(&mut tape, case);
            let cotangent = numbers(tape.shape(y).len(), 5);
            let mut step = || {
                let before = ALLOCATIONS.get();
                tape.forward(&mut params);
                tape.backward_from(&mut params, y, &cotangent, &mut NoGradients);
                ALLOCATIONS.get() - before
            };
            match [step(), step()] {
                [0, _] => Err("the first step plans, and that was not counted".to_owned()),
                [_, 0] => Ok(()),
                [_, n] => Err(format!("{n} allocations on {isa:?}")),
            }
        });
    }
}
