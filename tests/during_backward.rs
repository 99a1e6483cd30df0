//! Weights updated in the backward pass: the numbers of the step after it, and no gradient buffer.
//!
//! This file has one test, so that no other test of the process allocates meanwhile.

use proxtape::optim::{Groups, L11L12, Optimizer, Regularized, Regularizer, Rule};
use proxtape::{Exec, Gradients, Isa, Kind, ParamId, Params, Pool, Random, Tape, Var, ops};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Counts the bytes of every thread, and the calls of each: the threads of a pool that has gone may
/// still be ending.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    BYTES.fetch_add(bytes, SeqCst);
    // A thread that is ending has no counter any more.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(p, layout) }
    }
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        // SAFETY: passed on.
        unsafe { System.realloc(p, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const BATCH: usize = 9;
const WARM_UP: usize = 10;
const STEPS: usize = 20;

/// Two layers by row, one by column, and a weight that two layers share.
struct Network {
    params: Params,
    tape: Tape,
    loss: Var,
    x: Var,
    regularized: Vec<Regularized>,
}

fn network(exec: Exec) -> Network {
    let mut random = Random::new(3);
    let (mut params, mut tape) = (Params::new(), Tape::new(exec));
    let x = tape.input([BATCH, 300]);
    let mut regularized = Vec::new();
    let mut weight = |params: &mut Params, name: &str, [rows, cols]: [usize; 2], by_row: bool| {
        let id = params.add(name, Kind::Weight, [rows, cols]);
        params.value_mut(id).iter_mut().for_each(|w| *w = 0.2 * (random.uniform() - 0.5));
        let regularizer = Regularizer::L11L12(L11L12 { lambda1: 1e-3, rho: 1e-4 });
        let groups = if by_row { Groups::rows(rows, cols) } else { Groups::columns(rows, cols) };
        regularized.push(Regularized::new(id, regularizer, groups));
        id
    };
    let shapes = [("a", [310, 300], true), ("b", [64, 310], false), ("c", [64, 64], true)];
    let [a, b, c] = shapes.map(|(name, shape, by_row)| weight(&mut params, name, shape, by_row));
    let d = weight(&mut params, "d", [10, 64], true);
    let bias = params.add("bias", Kind::Bias, [310]);
    let bias = tape.param(&params, bias);
    let [a, b, c, d] = [a, b, c, d].map(|id| tape.param(&params, id));
    let mut y = ops::linear(&mut tape, x, a, Some(bias));
    for w in [b, c, c, d] {
        y = ops::tanh(&mut tape, y);
        y = ops::linear(&mut tape, y, w, None);
    }
    let y = ops::mul(&mut tape, y, y);
    let loss = ops::sum(&mut tape, y);
    Network { params, tape, loss, x, regularized }
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// The weights and the state after some steps, and the parameters taken by rows.
fn train(exec: Exec, rule: Rule, during: bool) -> (Vec<Vec<u32>>, Vec<ParamId>) {
    let Network { mut params, mut tape, loss, x, regularized } = network(exec);
    let mut optimizer = Optimizer::new(exec, &params, rule, &regularized);
    let given = tape.gives_rows();
    let taken = if during { optimizer.takes_rows(&params, &given) } else { Vec::new() };
    let mut gradients = Gradients::without(&params, &taken);
    let mut random = Random::new(8);
    let mut calls = 0;
    for step in 0..STEPS {
        tape.value_mut(x).iter_mut().for_each(|x| *x = random.uniform() - 0.5);
        if step == WARM_UP {
            calls = CALLS.get();
        }
        tape.forward(&mut params);
        let outcome = if during {
            let mut sink = optimizer.during_backward(&mut gradients, 0.01);
            tape.backward(&mut params, loss, &mut sink);
            sink.finish(&mut params)
        } else {
            gradients.clear();
            tape.backward(&mut params, loss, &mut gradients);
            optimizer.step(&mut params, &mut gradients, 0.01)
        };
        assert!(!outcome.nan && outcome.passes > 0);
    }
    if !exec.is_parallel() {
        // A thread of a pool allocates when it first takes work, which may be late where there are
        // more threads than cores.
        assert_eq!(CALLS.get(), calls, "a step after the warm-up allocates");
    }
    let mut all: Vec<_> = params.ids().map(|id| bits(params.value(id))).collect();
    all.extend(optimizer.state().map(bits));
    (all, taken)
}

#[test]
fn weights_are_updated_in_the_backward_pass() {
    // First, since a thread of a pool may allocate at any time.
    a_large_weight_has_no_gradient_buffer();
    the_numbers_are_those_of_a_step_after_the_pass();
}

fn the_numbers_are_those_of_a_step_after_the_pass() {
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.0 };
    for isa in Isa::available() {
        for rule in [Rule::Momentum { beta: 0.9 }, adam] {
            let (want, _) = train(Exec::new(isa), rule, false);
            for threads in [1, 2, 4] {
                let pool = Pool::new(threads).unwrap();
                let (got, taken) = pool.install(|| train(pool.exec(isa), rule, true));
                // a and d; b lies in columns, and c is used twice.
                assert_eq!(taken.iter().map(|id| id.index()).collect::<Vec<_>>(), [0, 3]);
                assert!(got == want, "{isa:?} {rule:?} {threads}");
            }
        }
    }
}

fn a_large_weight_has_no_gradient_buffer() {
    let exec = Exec::new(Isa::detect());
    let n = 4096;
    let mut tape = Tape::new(exec);
    let start = BYTES.load(SeqCst);
    let mut params = Params::new();
    let w = params.add("w", Kind::Weight, [n, n]);
    let regularizer = Regularizer::L11L12(L11L12 { lambda1: 1e-3, rho: 1e-6 });
    let groups = Groups::rows(n, n);
    let regularized = [Regularized::new(w, regularizer, groups)];
    let rule = Rule::Momentum { beta: 0.9 };
    let mut optimizer = Optimizer::new(exec, &params, rule, &regularized);
    let taken = optimizer.takes_rows(&params, &[w]);
    let mut gradients = Gradients::without(&params, &taken);
    let state = BYTES.load(SeqCst) - start;
    // Weights, momentum and one f32 for each group; names, lists and a page for each large buffer's
    // place besides.
    let least = 4 * (2 * n * n + n);
    assert!((least..least + 16 * 1024).contains(&state), "{state} bytes, not {least}");

    let (x, weight) = (tape.input([2, n]), tape.param(&params, w));
    let y = ops::linear(&mut tape, x, weight, None);
    let loss = ops::sum(&mut tape, y);
    tape.value_mut(x).fill(0.5);
    let before = BYTES.load(SeqCst);
    tape.forward(&mut params);
    let mut sink = optimizer.during_backward(&mut gradients, 0.01);
    tape.backward(&mut params, loss, &mut sink);
    sink.finish(&mut params);
    let pass = BYTES.load(SeqCst) - before;
    // Of the product of the way forward and of the panels, the first time.
    assert!(pass < 4 * n * n / 4, "{pass} bytes in the pass");
    assert!(params.value(w).iter().all(|&w| w < 0.0), "every weight was stepped");
}
