//! `inspect`: the contents of a file.

use crate::args::InspectArgs;
use crate::failure::{Ending, Failure};
use crate::output::escape;
use crate::output::number::{grouped, percent};
use crate::output::table::Table;
use crate::run::counts::Counted;
use crate::run::folder::model_path;
use crate::run::model_file::{Trained, is_model};
use crate::run::tables;
use crate::system::context::Context;
use crate::system::file::refused;
use proxtape::Shape;
use proxtape::checkpoint::{self, Checkpoint};
use proxtape::optim::Grouping;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The object that `inspect --json` prints.
#[derive(Serialize)]
struct Contents<'a> {
    file: String,
    bytes: u64,
    tensors: Vec<Tensor<'a>>,
    values: usize,
    nonzero: usize,
    /// Tensors of integers and truth values, and their types.
    passed_over: &'a BTreeMap<String, String>,
    /// Counts by the groups of the recipe, where the file is a model of `train`.
    model: Option<Counted>,
    metadata: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    shape: &'a [usize],
    values: usize,
    nonzero: usize,
    /// Rows (output neurons, filters) and columns (input features, channels) with a value that is
    /// not zero, of a weight.
    outputs_kept: Option<usize>,
    inputs_kept: Option<usize>,
}

/// Runs the command.
pub(crate) fn run(args: &InspectArgs, context: &mut Context) -> Result<Ending, Failure> {
    let path = model_path(&args.file)?;
    let file = checkpoint::read(&path)?;
    let bytes = std::fs::metadata(&path).map_err(|e| refused(&path, "a file", &e))?.len();
    let (contents, trained) = Contents::of(&path, bytes, &file)?;
    if let Some(trained) = trained {
        trained.note_vanished(&path, context.terminal);
    }
    context.answer(&contents, &|| text(&contents, &file))?;
    Ok(Ending::Done)
}

/// The text of a file's contents.
pub(crate) fn contents(path: &Path, file: &Checkpoint) -> Result<String, Failure> {
    Ok(text(&Contents::of(path, 0, file)?.0, file))
}

impl<'a> Contents<'a> {
    /// With the model, where it is one.
    fn of(
        path: &Path,
        bytes: u64,
        file: &'a Checkpoint,
    ) -> Result<(Contents<'a>, Option<Trained>), Failure> {
        let tensors: Vec<Tensor<'_>> = file.tensors.iter().map(Tensor::of).collect();
        let trained = is_model(file).then(|| Trained::from_checkpoint(path, file)).transpose()?;
        let contents = Contents {
            file: path.display().to_string(),
            bytes,
            values: tensors.iter().map(|t| t.values).sum(),
            nonzero: tensors.iter().map(|t| t.nonzero).sum(),
            tensors,
            passed_over: &file.passed_over,
            model: trained.as_ref().map(Counted::of).transpose()?,
            metadata: &file.texts,
        };
        Ok((contents, trained))
    }
}

impl Tensor<'_> {
    fn of((name, shape, values): &(String, Shape, Vec<f32>)) -> Tensor<'_> {
        let kept = |grouping: Grouping| {
            let groups = grouping.groups(*shape, 1).ok()?;
            // Extents without a value are a word of the header alone.
            let counted = if values.is_empty() { 0 } else { groups.groups };
            let kept = |&g: &usize| groups.indices(g).any(|i| values[i] != 0.0);
            Some((0..counted).filter(kept).count())
        };
        Tensor {
            name,
            shape,
            values: values.len(),
            nonzero: values.iter().filter(|&&x| x != 0.0).count(),
            outputs_kept: kept(Grouping::Output),
            inputs_kept: kept(Grouping::Input),
        }
    }
}

fn text(contents: &Contents<'_>, file: &Checkpoint) -> String {
    let mut table =
        Table::new(&["tensor", "shape", "values", "non-zero", "%", "outputs", "inputs"]);
    for t in &contents.tensors {
        let shape: Vec<_> = t.shape.iter().map(usize::to_string).collect();
        let of = |kept: Option<usize>, axis: usize| {
            kept.map_or(String::new(), |kept| format!("{} of {}", grouped(kept), t.shape[axis]))
        };
        table.row(vec![
            t.name.to_owned(),
            shape.join("x"),
            grouped(t.values),
            grouped(t.nonzero),
            percent(t.nonzero, t.values),
            of(t.outputs_kept, 0),
            of(t.inputs_kept, 1),
        ]);
    }
    let mut text = format!(
        "{}: {} bytes, {} tensors, {} values, {} non-zero\n\n{}",
        escape::line(&contents.file),
        grouped(contents.bytes),
        contents.tensors.len(),
        grouped(contents.values),
        grouped(contents.nonzero),
        table.render()
    );
    for (name, dtype) in contents.passed_over {
        text.push_str(&format!("{}: {dtype}, passed over\n", escape::line(name)));
    }
    if let Some(model) = &contents.model {
        text.push_str(&format!(
            "\n{}\n{}",
            tables::layers(&model.layers).render(),
            tables::totals(&model.counts)
        ));
    }
    for (key, value) in &file.texts {
        // Lines of a text stand apart from those of the program.
        let value = value.trim_end().replace('\n', "\n    ");
        let apart = if value.contains('\n') { "\n    " } else { " " };
        text.push_str(&format!("\n{}:{apart}{value}\n", escape::line(key)));
    }
    text
}
