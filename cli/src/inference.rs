//! A trained network at work: what it says of samples.

use crate::experiment::Samples;
use crate::model_file::Trained;
use proxtape::data::Dataset;
use proxtape::nn::Phase;
use proxtape::{Exec, Params, Tape, Var};

/// A network that is recorded for batches of one size.
pub(crate) struct Recorded<'a> {
    params: &'a Params,
    tape: Tape,
    x: Var,
    y: Var,
    labels: Vec<u32>,
}

impl<'a> Recorded<'a> {
    pub(crate) fn new(exec: Exec, trained: &'a Trained, batch: usize) -> Recorded<'a> {
        let mut tape = Tape::inference(exec);
        let x = tape.input(trained.model.input().batch(batch));
        let y = trained.model.record(&mut tape, &trained.params, x, Phase::Inference);
        tape.keep(y);
        Recorded { params: &trained.params, tape, x, y, labels: vec![0; batch] }
    }

    /// Sets the first samples of the batch.
    pub(crate) fn set(&mut self, set: &Dataset, indices: &[u32], trained: &Trained) {
        let values = indices.len() * set.sample_len();
        let x = &mut self.tape.value_mut(self.x)[..values];
        let labels = &mut self.labels[..indices.len()];
        set.fill(indices, &trained.normalization, None, x, labels);
    }

    pub(crate) fn run(&mut self) -> &[f32] {
        self.tape.infer(self.params);
        self.tape.value(self.y)
    }
}

/// The test samples, or those of the next best part.
pub(crate) fn part(samples: &Samples) -> (&'static str, &Dataset, &[u32]) {
    let (source, split) = (&samples.source, &samples.split);
    let parts = [
        ("test", source.test_set(), &split.test[..]),
        ("validation", &source.train, &split.validation[..]),
    ];
    let found = parts.into_iter().find(|(.., indices)| !indices.is_empty());
    found.unwrap_or(("training", &source.train, &split.train[..]))
}

/// The first largest element.
pub(crate) fn largest(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}
