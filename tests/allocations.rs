//! A replayed training step makes no heap allocation, at any number of threads.
//!
//! This file has one test, so that no other test of the process allocates meanwhile.

use proxtape::data::{Fractions, Normalization, Source, digits};
use proxtape::nn::{Named, Network, zoo};
use proxtape::optim::{Family, Penalty, Rule};
use proxtape::train::{Config, Data, Event, Trainer};
use proxtape::{Isa, Pool, Random};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Counts what every thread allocates.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, SeqCst);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(p, layout) }
    }
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, SeqCst);
        // SAFETY: passed on.
        unsafe { System.realloc(p, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of 100 steps after a warm-up of 10.
fn allocations(layers: &[Named], rule: Rule, threads: usize) -> usize {
    let source = Source::from(digits::load().unwrap());
    let split = source.split(Fractions { validation: 0.0, test: 0.2 }, 1).unwrap();
    let normalization = Normalization::fit(&source.train, &split.train);
    let data = Data { source: &source, split: &split, normalization: &normalization };
    let pool = Pool::new(threads).unwrap();
    pool.install(|| {
        let network = Network::new([1, 8, 8], layers, &mut Random::new(1)).unwrap();
        let penalty = Penalty { lambda: 1e-3, ..Penalty::new(Family::L11L12) };
        let config = Config { epochs: 20, batch: 128, rule, penalty, ..Config::default() };
        let exec = pool.exec(Isa::detect());
        let mut trainer = Trainer::new(exec, data, network, config).unwrap();
        let mut take = |steps: usize| {
            let mut taken = 0;
            while taken < steps {
                match trainer.advance().unwrap() {
                    Event::Step(_) => taken += 1,
                    Event::Epoch(_) => {}
                    Event::Done => panic!("too few steps"),
                }
            }
        };
        take(10);
        let before = ALLOCATIONS.load(SeqCst);
        take(100);
        ALLOCATIONS.load(SeqCst) - before
    })
}

#[test]
fn a_training_step_does_not_allocate() {
    let probe = ALLOCATIONS.load(SeqCst);
    drop(std::hint::black_box(vec![1u8; 100]));
    assert!(ALLOCATIONS.load(SeqCst) > probe, "the counter counts");
    let momentum = Rule::Momentum { beta: 0.9 };
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.0 };
    for threads in [1, 2] {
        for (name, layers) in [("mlp", zoo::lenet300(10)), ("cnn", zoo::digits_conv(10))] {
            for rule in [momentum, adam] {
                let count = allocations(&layers, rule, threads);
                assert_eq!(count, 0, "{name}, {rule:?}, {threads} threads");
            }
        }
    }
}
