use crate::allocation::count;
use proxtape::data::{Batches, LastBatch};

fn sorted(batches: &Batches) -> Vec<u32> {
    let mut all: Vec<u32> = batches.iter().flatten().copied().collect();
    all.sort_unstable();
    all
}

#[test]
fn an_epoch_has_every_index_once() {
    let indices: Vec<u32> = (0..23).map(|k| 3 * k + 1).collect();
    for size in 1..=25 {
        let mut batches = Batches::new(&indices, size, LastBatch::Keep, 9).unwrap();
        for epoch in [0, 1, 77] {
            batches.start_epoch(epoch);
            assert_eq!(batches.epoch(), epoch);
            assert_eq!(sorted(&batches), indices);
            assert_eq!(batches.iter().len(), 23_usize.div_ceil(size));
            let short = batches.iter().filter(|batch| batch.len() < size).count();
            assert_eq!(short, usize::from(23 % size != 0));
        }
    }
}

#[test]
fn dropping_leaves_whole_batches_only() {
    let indices: Vec<u32> = (0..23).collect();
    for size in 1..=23 {
        let batches = Batches::new(&indices, size, LastBatch::Drop, 9).unwrap();
        assert_eq!(batches.steps(), 23 / size);
        assert!(batches.iter().all(|batch| batch.len() == size));
        let mut seen = sorted(&batches);
        seen.dedup();
        assert_eq!(seen.len(), 23 / size * size);
    }
}

#[test]
fn an_epoch_depends_on_seed_and_number_only() {
    let indices: Vec<u32> = (0..100).collect();
    let order = |seed, epochs: &[u32]| {
        let mut batches = Batches::new(&indices, 10, LastBatch::Keep, seed).unwrap();
        epochs.iter().for_each(|&epoch| batches.start_epoch(epoch));
        batches.iter().flatten().copied().collect::<Vec<_>>()
    };
    assert_eq!(order(1, &[5]), order(1, &[0, 1, 2, 3, 4, 5]));
    assert_eq!(order(1, &[]), order(1, &[3, 0]));
    assert_ne!(order(1, &[5]), order(1, &[6]));
    assert_ne!(order(1, &[5]), order(2, &[5]));
    assert_ne!(order(1, &[0]), indices);
}

/// Pins the order of a run.
#[test]
fn golden_order() {
    let mut batches = Batches::new(&[0, 1, 2, 3, 4, 5, 6, 7], 8, LastBatch::Keep, 42).unwrap();
    batches.start_epoch(3);
    assert_eq!(batches.batch(0), [3, 7, 1, 6, 2, 5, 4, 0]);
}

#[test]
fn no_epoch_and_no_step_allocates() {
    let indices: Vec<u32> = (0..1000).collect();
    let mut batches = Batches::new(&indices, 64, LastBatch::Keep, 9).unwrap();
    let (_, calls, _) = count(|| {
        for epoch in 1..4 {
            batches.start_epoch(epoch);
            for step in 0..batches.steps() {
                std::hint::black_box(batches.batch(step));
            }
            batches.iter().for_each(|batch| assert!(!batch.is_empty()));
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn batches_without_a_batch_are_refused() {
    assert!(Batches::new(&[1, 2], 0, LastBatch::Keep, 0).is_err());
    assert!(Batches::new(&[], 1, LastBatch::Keep, 0).is_err());
    assert!(Batches::new(&[], 0, LastBatch::Drop, 0).is_err());
    assert!(Batches::new(&[1, 2], 3, LastBatch::Drop, 0).is_err());
    assert!(Batches::new(&[1, 2], 3, LastBatch::Keep, 0).is_ok());
}
