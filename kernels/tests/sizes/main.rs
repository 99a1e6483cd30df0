//! Absurd sizes: every public function that takes sizes is called with each of a table in the place of
//! each, on small buffers. A call either panics with a message of its own, or every buffer had the length
//! that the sizes ask for and the result is right.
//!
//! The buffers are as long as the true product where that is small, and as the product that wraps, which
//! is what a multiplication without a check would ask for. `.ci/sanitize` runs this without overflow checks
//! and with AddressSanitizer, so that no access outside of them goes unseen.

#[path = "../support/mod.rs"]
mod support;

mod groups;
mod images;
mod matrices;

use proxtape_kernels::{Exec, Isa, size};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;
use support::Rng;

/// What a size may be. (2^64 + 1) / 3 is the number that makes 1 of a product with 3.
const TABLE: [usize; 9] =
    [0, 1, 3, 1 << 31, 1 << 32, (1 << 57) - 1, 1 << 57, 0xaaaa_aaaa_aaaa_aaab, usize::MAX];

/// Buffers are at most so long, or else a call would take long.
const LONG: usize = 4096;

/// Functions that one call tries, and sizes that are possible.
struct Door {
    /// In `src`, with the names of the functions.
    functions: &'static [(&'static str, &'static [&'static str])],
    possible: &'static [usize],
    call: fn(&[usize]),
}

fn doors() -> impl Iterator<Item = &'static Door> {
    [groups::DOORS, images::DOORS, matrices::DOORS].into_iter().flatten()
}

/// Files without a size: what they take are slices, lanes or names, or (threads) numbers of elements of a
/// slice that is there.
const WITHOUT: [&str; 9] = [
    "math/erf.rs",
    "math/exp.rs",
    "math/log.rs",
    "math/tanh.rs",
    "isa.rs",
    "lib.rs",
    "threads.rs",
    "map.rs",
    "size.rs",
];

/// Functions without a size in files that have others.
const ALSO_WITHOUT: [&str; 31] = [
    "gemm.rs new",
    "gemm/view.rs t",
    "gemm/view.rs rows",
    "gemm/view.rs cols",
    "gemm/view.rs row_stride",
    "gemm/view.rs col_stride",
    "gemm/view.rs data",
    "gemm/by_rows.rs shape",
    "prox.rs is_elementwise",
    "prox.rs supports_diagonal",
    "prox.rs is_valid",
    "prox.rs zeros",
    "prox.rs is_convex",
    "prox/band.rs is_all",
    "prox/own.rs new",
    "prox/own.rs times",
    "prox/own.rs strength",
    "prox/penalty.rs at",
    "prox/solver.rs at",
    "reduce.rs sum",
    "reduce.rs dot",
    "reduce.rs sum_squares",
    "reduce.rs sum_of",
    "reduce.rs max_abs",
    "reduce.rs all_finite",
    "sparse.rs kept",
    "sparse/conv.rs kept",
    "update.rs is_diagonal",
    "update.rs moments",
    "update.rs is_valid",
    "update.rs out_of_range",
];

#[test]
fn every_call_with_absurd_sizes_is_refused_or_right() {
    for door in doors() {
        each(door.possible, door.call);
    }
    let faults = FAULTS.take();
    assert!(faults.is_empty(), "{} faults: {:#?}", faults.len(), &faults[..faults.len().min(40)]);
}

/// Calls with the possible sizes, with one and two of them replaced by all of the table, and with three
/// at random. Up to three sizes are replaced in every way.
fn each(possible: &[usize], call: fn(&[usize])) {
    let n = possible.len();
    call(possible);
    if n <= 3 {
        for i in 0..TABLE.len().pow(n as u32) {
            let sizes: Vec<usize> =
                (0..n).map(|k| TABLE[i / TABLE.len().pow(k as u32) % TABLE.len()]).collect();
            call(&sizes);
        }
        return;
    }
    for (i, j) in (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))) {
        for (a, b) in TABLE.iter().flat_map(|&a| TABLE.map(|b| (a, b))) {
            let mut sizes = possible.to_vec();
            (sizes[i], sizes[j]) = (a, b);
            call(&sizes);
        }
    }
    let mut rng = Rng::new(57);
    for _ in 0..4000 {
        let mut sizes = possible.to_vec();
        for _ in 0..3 {
            sizes[rng.below(n)] = TABLE[rng.below(TABLE.len())];
        }
        call(&sizes);
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static FAULTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f`. It may panic with a message of its own; where it returns, it must have been `right` to.
fn attempt<T>(what: &dyn std::fmt::Debug, right: impl FnOnce(&T) -> bool, f: impl FnOnce() -> T) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    QUIET.set(false);
    match result {
        Ok(result) if right(&result) => {}
        Ok(_) => fault(format!("{what:?} was taken, with a wrong length or result")),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or(payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("");
            // What arithmetic, slices and vectors say is nobody's message.
            let foreign = ["attempt to", "out of range", "out of bounds", "capacity", "mid > len"];
            let own = text.contains(": ") && !foreign.iter().any(|other| text.contains(other));
            if !own {
                fault(format!("{what:?} panics with \"{text}\""));
            }
        }
    }
}

fn fault(text: String) {
    FAULTS.with_borrow_mut(|faults| faults.push(text));
}

fn exec() -> Exec {
    Exec::new(Isa::detect())
}

/// The product as it is.
fn times(factors: &[usize]) -> u128 {
    factors.iter().fold(1, |all: u128, &factor| all.saturating_mul(factor as u128))
}

/// The product as it wraps.
fn wrapped(factors: &[usize]) -> usize {
    factors.iter().fold(1, |all: usize, &factor| all.wrapping_mul(factor))
}

/// Lengths to try for a buffer that should have so many elements.
fn lengths(factors: &[usize]) -> Vec<usize> {
    let truth = usize::try_from(times(factors)).unwrap_or(usize::MAX);
    let mut all = vec![0, 1, 5, wrapped(factors), truth];
    all.retain(|&len| len <= LONG);
    all.sort_unstable();
    all.dedup();
    all
}

/// Small integers, so that sums are exact.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7 % 5) as f32 - 2.0).collect()
}

#[test]
fn products_without_their_zeros_are_at_most_what_memory_can_hold() {
    for a in TABLE {
        for b in TABLE {
            let truth = times(&[a.max(1), b.max(1)]);
            let want = (truth <= size::MOST as u128).then(|| a * b);
            assert_eq!(size::product(&[a, b]), want, "{a} x {b}");
            let truth = a as u128 + b as u128;
            assert_eq!(
                size::sum(&[a, b]),
                (truth <= size::MOST as u128).then(|| a + b),
                "{a} + {b}"
            );
        }
    }
}

#[test]
#[should_panic(
    expected = "Groups: 12297829382473034411 x 3 x 1 elements are more than memory can hold"
)]
fn a_product_that_wraps_to_one_is_named() {
    proxtape_kernels::prox::Groups { outer: 0xaaaa_aaaa_aaaa_aaab, groups: 3, inner: 1 }.len();
}

#[test]
#[should_panic(
    expected = "conv: strides, dilations and the number of multiplications must be at most 2^47"
)]
fn a_padding_that_wraps_to_no_output_is_named() {
    use proxtape_kernels::conv::{Conv2d, ConvForward};
    let padding = [(1 << 57) - 1; 2];
    let conv = Conv2d { h: 2, w: 2, padding, ..Conv2d::default() };
    let activation = proxtape_kernels::Activation::None;
    let op = ConvForward { x: &[1.0; 4], w: &[1.0], bias: None, activation };
    conv.forward(exec(), &op, &mut [], &mut [0.0; 4096]);
}

#[test]
fn every_public_function_of_the_package_is_in_a_list() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    functions(&src, "", &mut found);
    let tried: BTreeSet<String> = doors()
        .flat_map(|door| door.functions)
        .flat_map(|(file, names)| names.iter().map(move |name| format!("{file} {name}")))
        .chain(ALSO_WITHOUT.map(str::to_owned))
        .collect();
    let missing: Vec<_> = found.difference(&tried).collect();
    assert!(
        missing.is_empty(),
        "neither tried with absurd sizes nor known to have none: {missing:?}"
    );
    let gone: Vec<_> = tried.difference(&found).collect();
    assert!(gone.is_empty(), "no longer there: {gone:?}");
}

/// Public functions of a folder: `file name`.
fn functions(folder: &Path, under: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{under}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            functions(&entry.path(), &format!("{name}/"), found);
        } else if !WITHOUT.contains(&name.as_str()) && !name.starts_with("backend/") {
            for line in std::fs::read_to_string(entry.path()).unwrap().lines() {
                let line = line.trim_start();
                let line = line.strip_prefix("pub const fn ").or(line.strip_prefix("pub fn "));
                let end = |c: char| c == '(' || c == '<';
                if let Some((function, _)) = line.and_then(|line| line.split_once(end)) {
                    found.insert(format!("{name} {function}"));
                }
            }
        }
    }
}
