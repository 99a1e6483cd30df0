//! Every operation against an f64 reference that is written naively in `cases`: the value, and the
//! gradient of every input against central differences of the reference, on every instruction set.

use crate::cases::{Case, SEED, every_case};
use proxtape::gradcheck::{DOUBLE, GradCheck};
use proxtape::{Exec, Gradients, Isa, Kind, Pool, Random, Tape};

fn compare(exec: Exec) {
    every_case(|case| {
        let check = GradCheck::new(exec).probe(case.probe).seed(SEED).params(case.params.clone());
        let report = check.run_against(&case.record, &case.reference, &case.inputs);
        let report = report.map_err(|e| format!("{}: {e}", exec.isa().name()))?;
        let empty = case.inputs.iter().all(|x| x.values().is_empty());
        match report.compared > 0 || empty {
            true => Ok(()),
            false => Err(format!("nothing was compared: {report:?}")),
        }
    });
}

/// max |got - want| <= 1e-5 max |want| for the value and for each gradient.
#[test]
fn operations_agree_with_their_references() {
    assert_eq!(DOUBLE, 1e-5);
    Isa::available().for_each(|isa| compare(Exec::new(isa)));
}

/// The f32 entry, which users run on their own operations, passes what is right.
#[test]
fn operations_pass_the_check_in_single_precision() {
    every_case(|case| {
        let check = GradCheck::new(Exec::new(Isa::detect())).seed(SEED).params(case.params.clone());
        check.run(&case.record, &case.inputs).map(drop).map_err(|e| e.to_string())
    });
}

/// What the inputs are recorded as.
#[derive(Clone, Copy, PartialEq)]
enum Leaf {
    Variable,
    Param,
}

fn same(a: &[Vec<u32>], b: &[Vec<u32>]) -> Result<(), String> {
    let parts = a.iter().zip(b).enumerate();
    let first =
        parts.filter_map(|(part, (a, b))| Some((part, a.iter().zip(b).position(|(a, b)| a != b)?)));
    match first.min() {
        _ if a.iter().map(Vec::len).ne(b.iter().map(Vec::len)) => Err("other lengths".to_owned()),
        None => Ok(()),
        Some((0, at)) => Err(format!("the value at {at} has other bits")),
        Some((part, at)) => {
            Err(format!("the gradient of input {} at {at} has other bits", part - 1))
        }
    }
}

/// Bits of the value and of all gradients.
fn bits(case: &Case, exec: Exec, leaf: Leaf) -> Vec<Vec<u32>> {
    let (mut tape, mut params) = (Tape::new(exec), case.params.clone());
    let leaves = case.inputs.iter().enumerate().map(|(i, x)| {
        let id = params.add(format!("input {i}"), Kind::Weight, x.shape());
        params.value_mut(id).copy_from_slice(x.values());
        (
            id,
            match leaf {
                Leaf::Param => tape.param(&params, id),
                Leaf::Variable => tape.variable(x.shape()),
            },
        )
    });
    let (ids, x): (Vec<_>, Vec<_>) = leaves.collect();
    // A value of its own: a leaf cannot be where the way back starts.
    let y = (case.record)(&mut tape, &x);
    let y = proxtape::ops::mul_scalar(&mut tape, y, 1.0);
    if leaf == Leaf::Variable {
        x.iter().zip(&case.inputs).for_each(|(&x, input)| tape.set(x, input.values()));
    }
    *tape.random_mut() = Random::new(SEED);
    tape.forward(&mut params);
    let cotangent: Vec<f32> = (0..tape.shape(y).len()).map(|i| (i % 7) as f32 - 2.5).collect();
    let mut sink = Gradients::new(&params);
    tape.backward_from(&mut params, y, &cotangent, &mut sink);
    let gradients = x.iter().zip(&ids).map(|(&x, &id)| match leaf {
        Leaf::Param => sink.get(id).map_or(vec![0.0; params.shape(id).len()], <[f32]>::to_vec),
        Leaf::Variable => tape.gradient(x).to_vec(),
    });
    let all = [tape.value(y).to_vec()].into_iter().chain(gradients);
    all.map(|x| x.iter().map(|x| x.to_bits()).collect()).collect()
}

#[test]
fn parameters_get_the_gradients_of_variables() {
    every_case(|case| {
        let exec = Exec::new(Isa::detect());
        same(&bits(case, exec, Leaf::Variable), &bits(case, exec, Leaf::Param))
    });
}

#[test]
fn threads_do_not_change_a_bit() {
    let pool = Pool::new(3).unwrap();
    every_case(|case| {
        Isa::available().try_for_each(|isa| {
            let alone = bits(case, Exec::new(isa), Leaf::Variable);
            let parallel = pool.install(|| bits(case, pool.exec(isa), Leaf::Variable));
            same(&alone, &parallel).map_err(|e| format!("{}: {e}", isa.name()))
        })
    });
}
