//! Every operation against an f64 reference that is written naively here: the value, and the
//! gradient of every input against central differences of the reference, on every instruction set.
//!
//! A new operation is one row in the table of its family.

#[path = "gradients/case.rs"]
mod case;
#[path = "gradients/elementwise.rs"]
mod elementwise;
#[path = "gradients/images.rs"]
mod images;
#[path = "gradients/losses.rs"]
mod losses;
#[path = "gradients/matrices.rs"]
mod matrices;
#[path = "gradients/norms.rs"]
mod norms;
#[path = "gradients/shapes.rs"]
mod shapes;

use case::{Case, SEED};
use proxtape::gradcheck::{DOUBLE, GradCheck};
use proxtape::{Exec, Gradients, Isa, Kind, Pool, Random, Tape};

fn table() -> Vec<Case> {
    let families = [
        elementwise::cases(),
        images::cases(),
        losses::cases(),
        matrices::cases(),
        norms::cases(),
        shapes::cases(),
    ];
    families.into_iter().flatten().collect()
}

/// Runs every row and fails with all messages together.
fn every_case(check: impl Fn(&Case) -> Result<(), String>) {
    let cases = table();
    let failures = cases.iter().filter_map(|case| Some((case, check(case).err()?)));
    let failures: Vec<String> = failures.map(|(case, e)| format!("{case}: {e}")).collect();
    let counts = format!("{} of {} cases", failures.len(), cases.len());
    assert!(failures.is_empty(), "{counts} fail:\n{}", failures.join("\n"));
}

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
    tape.backward_from(&mut params, (y, &cotangent), &mut sink);
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

/// The public functions of src/ops.rs: lower-case names of its `pub use` items, and the rows of the
/// table of unary functions.
fn public_operations() -> Vec<&'static str> {
    let source = include_str!("../src/ops.rs");
    let items = source.split("pub use ").skip(1).map(|rest| rest.split(';').next().unwrap());
    let names = items.flat_map(|item| item.rsplit("::").next().unwrap().split(['{', '}', ',']));
    let names = names.map(str::trim).filter(|name| name.starts_with(|c: char| c.is_lowercase()));
    let table = include_str!("../src/ops/unary.rs").split_once("\nunary! {").unwrap().1;
    let rows = table.split("pub fn ").skip(1).map(|row| row.split('(').next().unwrap());
    names.chain(rows).collect()
}

#[test]
fn every_public_operation_has_a_case() {
    let (operations, cases) = (public_operations(), table());
    assert!(operations.len() >= 40, "only {operations:?} were found in src/ops.rs");
    for op in &operations {
        assert!(cases.iter().any(|case| case.op == *op), "no case for {op}: add a row");
    }
    for case in &cases {
        assert!(operations.contains(&case.op), "{case} is for no public operation");
    }
}
