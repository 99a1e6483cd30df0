//! Inference: the outputs of a trained network.

use crate::failure::Failure;
use crate::run::model_file::Trained;
use crate::run::samples::Samples;
use proxtape::data::{Dataset, Normalization};
use proxtape::nn::{PrepackedNetwork, Zeros};
use proxtape::{Exec, Tape, Var};

/// A function from samples to outputs.
pub(crate) trait Network {
    /// The outputs of at most [`BATCH`](crate::run::model_file::BATCH) samples, one row each.
    fn outputs(&mut self, set: &Dataset, indices: &[u32]) -> &[f32];
}

/// A network that is recorded for batches of one size.
pub(crate) struct Recorded<'a> {
    trained: &'a Trained,
    /// The normalisation of raw samples: that of the model, but for samples of another scale.
    pub(crate) normalization: Normalization,
    tape: Tape,
    x: Var,
    recorded: PrepackedNetwork,
    labels: Vec<u32>,
}

impl<'a> Recorded<'a> {
    pub(crate) fn new(
        exec: Exec,
        trained: &'a Trained,
        batch: usize,
    ) -> Result<Recorded<'a>, Failure> {
        Recorded::record(exec, trained, batch, Zeros::Multiplied)
    }

    /// The zeros are left out of the layers where that is faster.
    pub(crate) fn without_zeros(
        exec: Exec,
        trained: &'a Trained,
        batch: usize,
    ) -> Result<Recorded<'a>, Failure> {
        Recorded::record(exec, trained, batch, Zeros::Measured)
    }

    fn record(
        exec: Exec,
        trained: &'a Trained,
        batch: usize,
        zeros: Zeros,
    ) -> Result<Recorded<'a>, Failure> {
        trained.network.model().check_batch(batch)?;
        let mut tape = Tape::inference(exec);
        let x = tape.input(trained.network.input().batch(batch));
        let recorded = trained.network.record_prepacked(&mut tape, x, zeros);
        tape.keep(recorded.output);
        tape.check_memory()?;
        let normalization = trained.normalization.clone();
        Ok(Recorded { trained, normalization, tape, x, recorded, labels: vec![0; batch] })
    }

    /// The layers whose zeros are left out.
    pub(crate) fn sparse_layers(&self) -> impl Iterator<Item = &str> {
        self.recorded.layers.iter().filter(|layer| layer.sparse).map(|layer| &*layer.layer)
    }

    /// Sets the first samples of the batch.
    pub(crate) fn set(&mut self, set: &Dataset, indices: &[u32]) {
        let values = indices.len() * set.sample_len();
        let x = &mut self.tape.value_mut(self.x)[..values];
        let labels = &mut self.labels[..indices.len()];
        set.fill(indices, &self.normalization, None, x, labels);
    }

    pub(crate) fn run(&mut self) -> &[f32] {
        self.tape.infer(self.trained.network.params());
        self.tape.value(self.recorded.output)
    }
}

impl Network for Recorded<'_> {
    fn outputs(&mut self, set: &Dataset, indices: &[u32]) -> &[f32] {
        self.set(set, indices);
        let outputs = self.trained.network.output().len();
        // The rest of a short batch holds old samples.
        &self.run()[..indices.len() * outputs]
    }
}

/// A network that takes its samples one by one.
pub(crate) struct OneByOne<'a> {
    network: Recorded<'a>,
    outputs: Vec<f32>,
}

impl<'a> OneByOne<'a> {
    /// The network is recorded for batches of one sample.
    pub(crate) fn new(network: Recorded<'a>) -> OneByOne<'a> {
        OneByOne { network, outputs: Vec::new() }
    }
}

impl Network for OneByOne<'_> {
    fn outputs(&mut self, set: &Dataset, indices: &[u32]) -> &[f32] {
        self.outputs.clear();
        for index in indices {
            let row = self.network.outputs(set, std::slice::from_ref(index));
            self.outputs.extend_from_slice(row);
        }
        &self.outputs
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
