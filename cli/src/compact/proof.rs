//! The proof: both networks on every test sample, and the small one without its zeros too.

use crate::experiment::Samples;
use crate::model_file::Trained;
use proxtape::data::Dataset;
use proxtape::nn::{SparseModel, Zeros};
use proxtape::{Exec, Params, Tape, Var};
use serde::Serialize;

/// The largest difference that rounding may make, as a part of the largest output.
const LIMIT: f64 = 1e-5;

/// Samples of a batch.
const BATCH: usize = 128;

/// What the comparison found.
#[derive(Debug, Serialize)]
pub(super) struct Proof {
    /// How many samples were compared.
    pub(super) samples: usize,
    /// The part that they are: `test`, or what there is where nothing is kept for a test.
    pub(super) part: &'static str,
    /// The largest absolute output of the dense network.
    pub(super) scale: f64,
    /// The largest difference of an output, divided by the scale.
    pub(super) difference: f64,
    /// Samples whose largest output is another one.
    pub(super) decisions_changed: usize,
    /// The same for the compacted network where zeros are left out, in batches of 128 and one by
    /// one: the larger of both.
    pub(super) sparse_difference: f64,
    pub(super) sparse_decisions_changed: usize,
}

impl Proof {
    pub(super) fn holds(&self) -> bool {
        self.difference <= LIMIT && self.sparse_difference <= LIMIT
    }

    pub(super) fn refusal(&self) -> String {
        format!(
            "expected the outputs of the compacted network within {LIMIT:.0e} of the largest \
             output of the dense one, found a difference of {:.1e} ({:.1e} with its zeros left \
             out) on {} {} samples, {} decisions changed; no file is kept. The network's own sums \
             may cancel beyond what f32 can tell",
            self.difference,
            self.sparse_difference,
            self.samples,
            self.part,
            self.decisions_changed
        )
    }
}

/// A network that is recorded for batches of one size.
pub(super) struct Recorded<'a> {
    params: &'a Params,
    tape: Tape,
    x: Var,
    sparse: SparseModel,
    labels: Vec<u32>,
}

impl<'a> Recorded<'a> {
    pub(super) fn new(
        exec: Exec,
        trained: &'a Trained,
        batch: usize,
        zeros: Zeros,
    ) -> Recorded<'a> {
        let mut tape = Tape::inference(exec);
        let x = tape.input(trained.model.input().batch(batch));
        let sparse = trained.model.record_sparse(&mut tape, &trained.params, x, zeros);
        tape.keep(sparse.output);
        Recorded { params: &trained.params, tape, x, sparse, labels: vec![0; batch] }
    }

    /// The layers whose zeros are left out.
    pub(super) fn sparse_layers(&self) -> impl Iterator<Item = &str> {
        self.sparse.layers.iter().filter(|layer| layer.sparse).map(|layer| &*layer.layer)
    }

    /// Sets the first samples of the batch.
    pub(super) fn set(&mut self, set: &Dataset, indices: &[u32], trained: &Trained) {
        let values = indices.len() * set.sample_len();
        let x = &mut self.tape.value_mut(self.x)[..values];
        let labels = &mut self.labels[..indices.len()];
        set.fill(indices, &trained.normalization, None, x, labels);
    }

    pub(super) fn run(&mut self) -> &[f32] {
        self.tape.infer(self.params);
        self.tape.value(self.sparse.output)
    }
}

/// The test samples, or those of the next best part.
pub(super) fn part(samples: &Samples) -> (&'static str, &Dataset, &[u32]) {
    let (source, split) = (&samples.source, &samples.split);
    let parts = [
        ("test", source.test_set(), &split.test[..]),
        ("validation", &source.train, &split.validation[..]),
    ];
    let found = parts.into_iter().find(|(.., indices)| !indices.is_empty());
    found.unwrap_or(("training", &source.train, &split.train[..]))
}

/// Compares the dense and the compacted network, and what the latter gives without its zeros.
pub(super) fn prove(exec: Exec, both: [&Trained; 2], samples: &Samples) -> Proof {
    let (part, set, indices) = part(samples);
    let [dense, small] = both;
    let mut expected = Recorded::new(exec, dense, BATCH, Zeros::Multiplied);
    let mut found = Recorded::new(exec, small, BATCH, Zeros::Multiplied);
    let mut sparse = Recorded::new(exec, small, BATCH, Zeros::Measured);
    let mut single = Recorded::new(exec, small, 1, Zeros::Measured);
    let outputs = dense.model.output().len();
    let mut compacted = Differences::default();
    let mut left_out = [Differences::default(); 2];
    for batch in indices.chunks(BATCH) {
        // The rest of a short batch holds old samples.
        let count = batch.len() * outputs;
        for recorded in [&mut found, &mut sparse] {
            recorded.set(set, batch, small);
        }
        expected.set(set, batch, dense);
        let expected = &expected.run()[..count];
        compacted.add(expected, &found.run()[..count], outputs);
        left_out[0].add(expected, &sparse.run()[..count], outputs);
        for (index, expected) in batch.iter().zip(expected.chunks_exact(outputs)) {
            single.set(set, std::slice::from_ref(index), small);
            left_out[1].add(expected, single.run(), outputs);
        }
    }
    let [batched, single] = left_out;
    Proof {
        samples: indices.len(),
        part,
        scale: compacted.scale,
        difference: compacted.relative(),
        decisions_changed: compacted.decisions_changed,
        sparse_difference: max(batched.relative(), single.relative()),
        sparse_decisions_changed: batched.decisions_changed.max(single.decisions_changed),
    }
}

/// Between two networks.
#[derive(Clone, Copy, Default)]
struct Differences {
    /// The largest absolute output of the first.
    scale: f64,
    largest: f64,
    decisions_changed: usize,
}

impl Differences {
    /// Counts samples of so many outputs.
    fn add(&mut self, expected: &[f32], found: &[f32], outputs: usize) {
        for (a, b) in expected.chunks_exact(outputs).zip(found.chunks_exact(outputs)) {
            self.decisions_changed += usize::from(largest(a) != largest(b));
            for (&a, &b) in a.iter().zip(b) {
                let (a, b) = (f64::from(a), f64::from(b));
                self.scale = max(self.scale, a.abs());
                self.largest = max(self.largest, (a - b).abs());
            }
        }
    }

    /// The largest difference as a part of the scale.
    fn relative(&self) -> f64 {
        if self.largest == 0.0 { 0.0 } else { self.largest / self.scale }
    }
}

/// The larger number, or NaN if one of both is.
fn max(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// The first largest element.
fn largest(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}
