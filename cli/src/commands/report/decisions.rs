//! The decisions of a network on one part of the samples.

use crate::failure::Failure;
use crate::run::inference::{Recorded, largest, part};
use crate::run::model_file::Trained;
use crate::run::samples::Samples;
use proxtape::Exec;
use std::collections::BTreeMap;

/// The decisions of a network on one part of the samples.
pub(super) struct Decisions {
    /// `test`, or the next best part.
    pub(super) part: &'static str,
    pub(super) decisions: Vec<Decision>,
}

/// One sample.
pub(super) struct Decision {
    pub(super) index: u32,
    pub(super) label: usize,
    pub(super) said: usize,
    /// Of the decision, 0 to 1.
    pub(super) probability: f64,
}

impl Decisions {
    /// Runs the network over the test samples, or those of the next best part.
    pub(super) fn of(
        exec: Exec,
        trained: &Trained,
        samples: &Samples,
    ) -> Result<Decisions, Failure> {
        let (part, set, indices) = part(samples);
        // The batches of the evaluation, so that both have the same bits.
        let batch = trained.recipe.train.batch.get().min(samples.source.train.len());
        let mut network = Recorded::new(exec, trained, batch)?;
        let outputs = trained.network.output().len();
        let mut decisions = Vec::with_capacity(indices.len());
        for batch in indices.chunks(batch) {
            network.set(set, batch);
            for (&index, row) in batch.iter().zip(network.run().chunks_exact(outputs)) {
                let said = largest(row);
                let sum: f64 = row.iter().map(|&y| f64::from(y - row[said]).exp()).sum();
                let label = set.labels()[index as usize] as usize;
                decisions.push(Decision { index, label, said, probability: 1.0 / sum });
            }
        }
        Ok(Decisions { part, decisions })
    }

    /// How often each class (row) was said to be each class (column).
    pub(super) fn confusion(&self, classes: usize) -> Confusion {
        let [samples, said] = [(); 2].map(|()| vec![0; classes]);
        let mut confusion = Confusion { counts: BTreeMap::new(), samples, said };
        for d in &self.decisions {
            *confusion.counts.entry((d.label, d.said)).or_default() += 1;
            confusion.samples[d.label] += 1;
            confusion.said[d.said] += 1;
        }
        confusion
    }
}

/// How often classes were said to be others. There may be thousands of classes, and as many pairs as
/// decisions at most, so only pairs that there are have a place.
pub(super) struct Confusion {
    /// By the class of a sample, and the decision.
    pub(super) counts: BTreeMap<(usize, usize), usize>,
    /// Of each class.
    pub(super) samples: Vec<usize>,
    /// How often each class was decided for.
    pub(super) said: Vec<usize>,
}

impl Confusion {
    pub(super) fn of(&self, is: usize, said: usize) -> usize {
        self.counts.get(&(is, said)).copied().unwrap_or(0)
    }
}
