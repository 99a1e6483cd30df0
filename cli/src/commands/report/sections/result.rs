//! The most important numbers of a run.

use crate::commands::report::run::{Measured, Run};
use crate::output::html::{Section, facts, note, tiles};
use crate::output::number::{grouped, percent, share};
use crate::output::shell;
use crate::recipe::redact;
use proxtape::optim::{Family, Mixing};
use proxtape::train::Evaluation;

pub(in crate::commands::report) fn section(
    run: &Run,
    measured: Result<&Measured, &str>,
) -> Section {
    let counts = &run.counted.counts;
    let mut shown = Vec::new();
    let tile = |name: &str, value: String, remark: String| [name.to_owned(), value, remark];
    let mut accuracy = |name: &str, e: &Evaluation| {
        if e.samples > 0 {
            let remark = format!("of {} samples, loss {:.4}", grouped(e.samples), e.loss);
            shown.push(tile(name, share(e.accuracy), remark));
        }
    };
    if let Ok(measured) = measured {
        accuracy("Test accuracy", &measured.test);
        accuracy("Validation accuracy", &measured.validation);
    }
    let part = |kept: u64, all: u64| format!("of {}, {} %", grouped(all), percent(kept, all));
    let (kept, all) = (counts.weights_kept as u64, counts.weights as u64);
    shown.push(tile("Weights kept", grouped(kept), part(kept, all)));
    let (kept, all) = (counts.groups_kept as u64, counts.groups as u64);
    shown.push(tile("Groups kept", grouped(kept), part(kept, all)));
    let remark = format!("of {} dense, for one sample", grouped(counts.macs));
    shown.push(tile("MACs with a weight", grouped(counts.macs_nonzero), remark));
    shown.push(tile("Model file", grouped(run.bytes), "bytes, zeros included".to_owned()));
    if let Some(seconds) = seconds(run) {
        let remark = format!("{} epochs", run.epochs());
        shown.push(tile("Training time", format!("{seconds:.1} s"), remark));
    }
    let mut section = Section::new("result", "Result");
    if let Some(why) = &run.diverged {
        let why = redact::text(why);
        section = section.add(note(format_args!("This training has diverged: {why}.")));
    } else if !run.is_done() {
        let (last, all) = (run.epochs(), run.trained.recipe.train.epochs);
        let folder = shell::word(&redact::place(run.folder.path()));
        section = section.add(note(format_args!(
            "This training is not finished: {last} of {all} epochs are done. Go on with \
             `proxtape train --resume {folder}`."
        )));
    }
    if let Err(why) = measured {
        let why = format!(
            "The data of this run could not be read, so what they would say is missing: {why}"
        );
        section = section.add(note(why));
    }
    section.add(tiles(shown)).add(facts(about(run, measured)))
}

/// The training in facts.
fn about(run: &Run, measured: Result<&Measured, &str>) -> Vec<(&'static str, String)> {
    let recipe = &run.trained.recipe;
    let mut facts = vec![("Data", redact::recipe(recipe).data.source.to_string())];
    if let Ok(Measured { samples, .. }) = measured {
        let split = &samples.split;
        let [train, validation, test] =
            [&split.train, &split.validation, &split.test].map(|part| grouped(part.len()));
        facts.push((
            "Samples",
            format!("{train} for training, {validation} for validation, {test} for the test"),
        ));
    }
    let penalty = &recipe.penalty.0;
    let text = match penalty.family {
        Family::None => "none".to_owned(),
        family => {
            let mixing = match &penalty.mixing {
                Mixing::Constant(mu) => format!(", mu {mu}"),
                _ => String::new(),
            };
            format!("{family}, lambda {}{mixing}, groups by {}", penalty.lambda, penalty.linear)
        }
    };
    facts.push(("Penalty", text));
    facts.push(("Epochs", format!("{}, batches of {}", recipe.train.epochs, recipe.train.batch)));
    facts.push(("Seed", recipe.train.seed.to_string()));
    facts
}

/// The time of the training, up to its last save.
fn seconds(run: &Run) -> Option<f64> {
    let last = run.summary.as_ref().map(|summary| summary.train_seconds);
    let noted = run.lines.last().map(|line| line.seconds);
    last.or(noted).or(run.state.as_ref().map(|state| state.seconds))
}
