//! The proof: both networks on every test sample.

use crate::experiment::Samples;
use crate::model_file::Trained;
use proxtape::data::Dataset;
use proxtape::nn::Phase;
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
}

impl Proof {
    pub(super) fn holds(&self) -> bool {
        self.difference <= LIMIT
    }

    pub(super) fn refusal(&self) -> String {
        format!(
            "expected the outputs of the compacted network within {LIMIT:.0e} of the largest \
             output of the dense one, found a difference of {:.1e} on {} {} samples, {} decisions \
             changed; no file is kept. The network's own sums may cancel beyond what f32 can tell",
            self.difference, self.samples, self.part, self.decisions_changed
        )
    }
}

/// A network that is recorded for batches of one size.
pub(super) struct Recorded<'a> {
    params: &'a Params,
    tape: Tape,
    x: Var,
    y: Var,
    labels: Vec<u32>,
}

impl<'a> Recorded<'a> {
    pub(super) fn new(exec: Exec, trained: &'a Trained, batch: usize) -> Recorded<'a> {
        let mut tape = Tape::inference(exec);
        let x = tape.input(trained.model.input().batch(batch));
        let y = trained.model.record(&mut tape, &trained.params, x, Phase::Inference);
        tape.keep(y);
        Recorded { params: &trained.params, tape, x, y, labels: vec![0; batch] }
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
        self.tape.value(self.y)
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

/// Compares the dense and the compacted network.
pub(super) fn prove(exec: Exec, both: [&Trained; 2], samples: &Samples) -> Proof {
    let (part, set, indices) = part(samples);
    let [mut dense, mut small] = both.map(|trained| Recorded::new(exec, trained, BATCH));
    let outputs = both[0].model.output().len();
    let (mut scale, mut difference, mut decisions_changed) = (0.0, 0.0, 0);
    for batch in indices.chunks(BATCH) {
        dense.set(set, batch, both[0]);
        small.set(set, batch, both[1]);
        // The rest of a short batch holds old samples.
        let count = batch.len() * outputs;
        let (dense, small) = (&dense.run()[..count], &small.run()[..count]);
        for (a, b) in dense.chunks_exact(outputs).zip(small.chunks_exact(outputs)) {
            decisions_changed += usize::from(largest(a) != largest(b));
            for (&a, &b) in a.iter().zip(b) {
                let (a, b) = (f64::from(a), f64::from(b));
                scale = max(scale, a.abs());
                difference = max(difference, (a - b).abs());
            }
        }
    }
    if difference != 0.0 {
        difference /= scale;
    }
    Proof { samples: indices.len(), part, scale, difference, decisions_changed }
}

/// The larger number, or NaN if one of both is.
fn max(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// The first largest element.
fn largest(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}
