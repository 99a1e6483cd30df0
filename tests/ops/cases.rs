//! The table of all operations: each at some shapes, with what it should compute. The tests of
//! gradients and those of memory run every row.
//!
//! A new operation is one row in the file of its kind; a test fails where it is missing.

mod case;
mod elementwise;
mod images;
mod losses;
mod matrices;
mod norms;
mod shapes;

pub(crate) use case::{Case, SEED};

pub(crate) fn table() -> Vec<Case> {
    let kinds = [
        elementwise::cases(),
        images::cases(),
        losses::cases(),
        matrices::cases(),
        norms::cases(),
        shapes::cases(),
    ];
    kinds.into_iter().flatten().collect()
}

/// Runs every row and fails with all messages together.
pub(crate) fn every_case(mut check: impl FnMut(&Case) -> Result<(), String>) {
    let cases = table();
    let failures = cases.iter().filter_map(|case| Some((case, check(case).err()?)));
    let failures: Vec<String> = failures.map(|(case, e)| format!("{case}: {e}")).collect();
    let counts = format!("{} of {} cases", failures.len(), cases.len());
    assert!(failures.is_empty(), "{counts} fail:\n{}", failures.join("\n"));
}

/// The public functions of src/ops.rs: lower-case names of its `pub use` items, and the rows of the
/// table of unary functions.
fn public_operations() -> Vec<&'static str> {
    let source = include_str!("../../src/ops.rs");
    let items = source.split("pub use ").skip(1).map(|rest| rest.split(';').next().unwrap());
    let names = items.flat_map(|item| item.rsplit("::").next().unwrap().split(['{', '}', ',']));
    let names = names.map(str::trim).filter(|name| name.starts_with(|c: char| c.is_lowercase()));
    let table = include_str!("../../src/ops/unary.rs").split_once("\nunary! {").unwrap().1;
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
