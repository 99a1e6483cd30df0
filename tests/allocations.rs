//! A replayed training step makes no heap allocation, at any number of threads.
//!
//! This file has one test, so that no other test of the process allocates meanwhile.

use proxtape::data::{Fractions, Normalization, Source, digits};
use proxtape::kernels::prox;
use proxtape::nn::{Named, Network, zoo};
use proxtape::optim::{Blocks, Family, Grouping, LayerPenalty, Own, Penalty, Rule};
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

/// Groups of different widths in the first layer, and a function from elsewhere in the last, with a
/// strength that each step changes.
fn mixed() -> Penalty {
    #[derive(Debug)]
    struct Positive;
    impl prox::Penalty for Positive {
        fn form(&self) -> prox::Form<'_> {
            prox::Form::Whole(self)
        }
    }
    impl prox::GroupProx for Positive {
        fn prox(&self, v: &mut [f32], e: prox::Steps<'_>) {
            v.iter_mut().enumerate().for_each(|(i, v)| *v = (*v - e.at(i)).max(0.0));
        }
        fn value(&self, x: &[f32]) -> f64 {
            x.iter().map(|&x| f64::from(x)).sum()
        }
    }
    let layer = |layer: &str, family, grouping| LayerPenalty {
        layer: layer.to_owned(),
        family,
        grouping,
        ..LayerPenalty::default()
    };
    let blocks = Grouping::Blocks(Blocks::new([1, 1, 7, 16, 16, 23]));
    let own = Family::Own(Own::new(&Positive));
    let mut penalty = Penalty { lambda: 1e-3, ..Penalty::new(Family::SparseGroupLasso) };
    penalty.ramp.rise = 1.0;
    penalty.layers = vec![layer("fc1", None, Some(blocks)), layer("fc3", Some(own), None)];
    penalty
}

/// Allocations of 100 steps after a warm-up of 10.
fn allocations(layers: &[Named], penalty: &Penalty, rule: Rule, threads: usize) -> usize {
    let source = Source::from(digits::load().unwrap());
    let split = source.split(Fractions { validation: 0.0, test: 0.2 }, 1).unwrap();
    let normalization = Normalization::fit(&source.train, &split.train);
    let data = Data { source: &source, split: &split, normalization: &normalization };
    let pool = Pool::new(threads).unwrap();
    pool.install(|| {
        let network = Network::new([1, 8, 8], layers, &mut Random::new(1)).unwrap();
        let penalty = penalty.clone();
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
    let usual = Penalty { lambda: 1e-3, ..Penalty::new(Family::L11L12) };
    for threads in [1, 2] {
        for (name, layers) in [("mlp", zoo::lenet300(10)), ("cnn", zoo::digits_conv(10))] {
            for rule in [momentum, adam] {
                let count = allocations(&layers, &usual, rule, threads);
                assert_eq!(count, 0, "{name}, {rule:?}, {threads} threads");
            }
        }
    }
    for rule in [momentum, adam] {
        let count = allocations(&zoo::lenet300(10), &mixed(), rule, 2);
        assert_eq!(count, 0, "mixed groups, {rule:?}");
    }
}
