//! `eval`: loss and accuracy of a trained model.

use crate::args::EvalArgs;
use crate::failure::{Ending, Failure};
use crate::output::escape;
use crate::output::number::grouped;
use crate::output::terminal::{print, print_json};
use crate::run::evaluate::evaluate;
use crate::run::folder::model_path;
use crate::run::model_data::{self, Named};
use crate::run::model_file::Trained;
use crate::run::origin;
use crate::run::summary::known;
use crate::run::tables::accuracy_and_loss;
use crate::system::context::Context;
use crate::system::machine::Machine;
use proxtape::train::Evaluation;
use serde::Serialize;
use std::path::Path;

/// The object that `eval --json` prints.
#[derive(Serialize)]
struct Numbers {
    model: String,
    data: String,
    data_hash: String,
    /// Whether it is what the network was trained on, and cut as it was; if not, all of it is the
    /// test. Null for a model of an older program.
    same_data: Option<bool>,
    /// Of other data: how many samples were trained on as well; null where that is not known.
    samples_trained_on: Option<usize>,
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
pub(crate) fn run(args: &EvalArgs, context: &mut Context) -> Result<Ending, Failure> {
    let machine = context.machine()?;
    let path = model_path(&args.model)?;
    let trained = Trained::read(&path)?;
    let terminal = context.terminal;
    trained.note_vanished(&path, terminal);
    let mut data = trained.recipe.data.clone();
    data.move_to(args.data.as_ref());
    if data.source.kind != trained.recipe.data.source.kind {
        (data.label, data.header) = (None, None);
    }
    args.table.apply(&mut data)?;
    let named = match &args.data {
        None if data == trained.recipe.data => {
            let samples = model_data::own(&path, &trained, None, terminal)?;
            Named { same: trained.origin.as_ref().map(|_| true), samples, seen: None }
        }
        _ => model_data::named(&path, &trained, &data, terminal)?,
    };
    let exec = trained.recipe.exec(machine.exec());
    let parts = machine.install(|| evaluate(exec, &path, &trained, &named.samples))?;
    let source = data.source.to_string();
    answer(context, &Evaluated { path: &path, source, named, parts, machine: &machine })
}

struct Evaluated<'a> {
    path: &'a Path,
    source: String,
    named: Named,
    /// Validation and test.
    parts: [Evaluation; 2],
    machine: &'a Machine,
}

fn answer(context: &Context, e: &Evaluated<'_>) -> Result<Ending, Failure> {
    let [validation, test] = e.parts;
    let (test_accuracy, test_loss) = known(Some(test));
    let (validation_accuracy, validation_loss) = known(Some(validation));
    let Named { samples, same, seen } = &e.named;
    if context.json {
        print_json(&Numbers {
            model: e.path.display().to_string(),
            data: e.source.clone(),
            data_hash: origin::hash(&samples.source),
            same_data: *same,
            samples_trained_on: *seen,
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
    let [model, source] = [escape::line(e.path.display()), escape::line(&e.source)];
    let mut text = format!("{:<16}{model}\n{:<16}{source}\n", "model", "data");
    // Of an old model's data it is not known; a note has said so.
    if *same == Some(false) {
        let seen = match seen {
            None => "what of it was trained on is not known, and counts too".to_owned(),
            Some(0) => "none of it was trained on".to_owned(),
            Some(n) => format!("{} of them are samples of the training, too", grouped(*n)),
        };
        text.push_str(&format!(
            "{:<16}not the data of the training: all {} samples are evaluated, {seen}\n",
            "",
            grouped(test.samples)
        ));
    }
    for (name, part) in [("validation", validation), ("test", test)] {
        if part.samples > 0 {
            let reached = accuracy_and_loss(part.accuracy, part.loss);
            text.push_str(&format!("{name:<16}{reached}, {} samples\n", part.samples));
        }
    }
    print(&text)?;
    Ok(Ending::Done)
}
