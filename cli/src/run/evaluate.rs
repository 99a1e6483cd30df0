//! The evaluation of a trained network.

use crate::failure::Failure;
use crate::run::model_file::Trained;
use crate::run::samples::Samples;
use crate::run::summary::sound;
use proxtape::Exec;
use proxtape::data::Dataset;
use proxtape::train::{Evaluation, Evaluator};
use std::path::Path;

/// Loss and accuracy on the validation and the test part; an error if a loss is no finite number.
pub(crate) fn evaluate(
    exec: Exec,
    path: &Path,
    trained: &Trained,
    samples: &Samples,
) -> Result<[Evaluation; 2], Failure> {
    let batch = trained.recipe.train.batch.get().min(samples.source.train.len());
    trained.network.model().check_batch(batch)?;
    let mut evaluator = Evaluator::new(exec, &trained.network, batch);
    evaluator.check_memory()?;
    let mut part = |name: &str, set: &Dataset, indices: &[u32]| {
        let part = evaluator.run(trained.network.params(), set, indices, &trained.normalization);
        sound(name, part).map_err(|what| Failure::failed(format!("{}: {what}", path.display())))
    };
    let validation = part("validation", &samples.source.train, &samples.split.validation)?;
    Ok([validation, part("test", samples.source.test_set(), &samples.split.test)?])
}
