//! `eval`: loss and accuracy of a trained model.

use crate::args::EvalArgs;
use crate::experiment::{Samples, read};
use crate::failure::{Ending, Failure};
use crate::machine::Machine;
use crate::model_file::Trained;
use crate::run_folder::model_path;
use crate::summary::known;
use crate::tables::accuracy_and_loss;
use crate::voice::{Voice, print, print_json};
use proxtape::Exec;
use proxtape::data::{Dataset, Split};
use proxtape::train::{Evaluation, Evaluator};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// The object that `eval --json` prints.
#[derive(Serialize)]
struct Numbers {
    model: String,
    data: String,
    test_accuracy: Option<f64>,
    test_loss: Option<f64>,
    test_samples: usize,
    validation_accuracy: Option<f64>,
    validation_loss: Option<f64>,
    validation_samples: usize,
    threads: usize,
    isa: &'static str,
    version: &'static str,
}

/// Runs the command.
pub(crate) fn run(args: &EvalArgs, voice: Voice) -> Result<Ending, Failure> {
    let machine = Machine::new(&args.threads)?;
    let path = model_path(&args.model);
    let mut trained = Trained::read(&path)?;
    let same = args.data.as_ref().is_none_or(|d| d.absolute() == trained.recipe.data.source);
    if let (Some(source), false) = (&args.data, same) {
        trained.recipe.data.source = source.clone();
        trained.recipe.data.obtain = None;
    }
    let samples = if same { Samples::read(&trained.recipe)? } else { other(&trained)? };
    check(&path, &trained, samples.source.test_set())?;
    let parts = machine.install(|| parts(machine.exec(), &trained, &samples));
    tell(args, voice, &Evaluated { path: &path, trained: &trained, parts, machine: &machine })
}

/// Loss and accuracy on the validation and the test part.
pub(crate) fn parts(exec: Exec, trained: &Trained, samples: &Samples) -> [Evaluation; 2] {
    let batch = trained.recipe.train.batch.get().min(samples.source.train.len());
    let mut evaluator = Evaluator::new(exec, &trained.model, &trained.params, batch);
    let mut part = |set: &Dataset, indices: &[u32]| {
        evaluator.run(&trained.params, set, indices, &trained.normalization)
    };
    let validation = part(&samples.source.train, &samples.split.validation);
    [validation, part(samples.source.test_set(), &samples.split.test)]
}

struct Evaluated<'a> {
    path: &'a Path,
    trained: &'a Trained,
    /// Validation and test.
    parts: [Evaluation; 2],
    machine: &'a Machine,
}

fn tell(args: &EvalArgs, voice: Voice, e: &Evaluated<'_>) -> Result<Ending, Failure> {
    let [validation, test] = e.parts;
    let (test_accuracy, test_loss) = known(Some(test));
    let (validation_accuracy, validation_loss) = known(Some(validation));
    let source = e.trained.recipe.data.source.to_string();
    if args.speech.json {
        print_json(&Numbers {
            model: e.path.display().to_string(),
            data: source.clone(),
            test_accuracy,
            test_loss,
            test_samples: test.samples,
            validation_accuracy,
            validation_loss,
            validation_samples: validation.samples,
            threads: e.machine.threads(),
            isa: e.machine.isa(),
            version: env!("CARGO_PKG_VERSION"),
        })?;
        return Ok(Ending::Done);
    }
    let _ = voice;
    let mut text = format!("{:<16}{}\n{:<16}{source}\n", "model", e.path.display(), "data");
    for (name, part) in [("validation", validation), ("test", test)] {
        if part.samples > 0 {
            let reached = accuracy_and_loss(part.accuracy, part.loss);
            text.push_str(&format!("{name:<16}{reached}, {} samples\n", part.samples));
        }
    }
    print(&text)?;
    Ok(Ending::Done)
}

/// Data that the model was not trained on: its own test set, or all of it.
fn other(trained: &Trained) -> Result<Samples, Failure> {
    let source = Arc::new(read(&trained.recipe.data)?);
    // A dataset has at most 2^32 - 1 samples.
    let test = (0..source.test_set().len() as u32).collect();
    let split = Split { train: Vec::new(), validation: Vec::new(), test };
    Ok(Samples { source, split, normalization: trained.normalization.clone() })
}

/// Whether the model can read these samples, and means the same classes.
pub(crate) fn check(path: &Path, trained: &Trained, set: &Dataset) -> Result<(), Failure> {
    let source = &trained.recipe.data.source;
    let fault = |expected: String, found: String| {
        Err(Failure::failed(format!(
            "{source}: expected {expected}, as {} was trained on; found {found}",
            path.display()
        )))
    };
    let (wants, has) = (trained.model.input(), set.shape());
    if wants[..] != has[..] {
        return fault(format!("samples {wants}"), format!("{has:?}"));
    }
    if set.classes() > trained.classes {
        return fault(format!("{} classes", trained.classes), set.classes().to_string());
    }
    let names = &trained.class_names;
    if !names.is_empty() && set.class_names() != names {
        return fault(format!("the classes {names:?}"), format!("{:?}", set.class_names()));
    }
    Ok(())
}
