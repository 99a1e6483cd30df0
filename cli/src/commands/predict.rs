//! `predict`: the classes of images.

mod images;
mod png;
mod predictions;
mod wanted;

use crate::args::PredictArgs;
use crate::failure::{Ending, Failure};
use crate::run::folder::model_path;
use crate::run::inference::{Network, Recorded};
use crate::run::model_file::{BATCH, Trained};
use crate::system::context::Context;
use images::Images;
use predictions::{Prediction, Predictions};
use proxtape::data::{Dataset, Samples};
use std::io::Cursor;
use std::path::Path;
use wanted::Wanted;

/// Runs the command.
pub(crate) fn run(args: &PredictArgs, context: &mut Context) -> Result<Ending, Failure> {
    let machine = context.machine()?;
    let path = model_path(&args.model)?;
    if let Some(kind @ ("onnx" | "rs")) = path.extension().and_then(|e| e.to_str()) {
        return Err(Failure::failed(format!(
            "{}: expected a run folder or a safetensors file of `train`, `compact` or `export`, \
             found one for other programs (.{kind}); name the model that it was exported from",
            path.display()
        )));
    }
    let trained = Trained::read(&path)?;
    trained.note_vanished(&path, context.terminal);
    let wanted = Wanted::new(&path, &trained, args)?;
    let groups = images::read(&args.images, &wanted, context.terminal)?;
    let mut predictions = Vec::new();
    let most = groups.iter().map(|group| group.names.len()).max().unwrap_or(1);
    machine.install(|| -> Result<(), Failure> {
        let exec = trained.recipe.exec(machine.exec());
        let mut network = Recorded::new(exec, &trained, most.min(BATCH))?;
        for group in groups {
            predict(&trained, &mut network, most.min(BATCH), group, &mut predictions)?;
        }
        Ok(())
    })?;
    let answer = Predictions {
        model: path.display().to_string(),
        classes: trained.classes,
        predictions,
        threads: machine.threads(),
        isa: machine.isa(),
        version: env!("CARGO_PKG_VERSION"),
    };
    context.answer(&answer, &|| answer.text())?;
    Ok(Ending::Done)
}

/// Adds the predictions of a group of images.
fn predict(
    trained: &Trained,
    network: &mut Recorded<'_>,
    batch: usize,
    group: Images,
    predictions: &mut Vec<Prediction>,
) -> Result<(), Failure> {
    let Images { names, pixels, scale, shape } = group;
    let set = Dataset::new(shape, Samples::U8(pixels), vec![0; names.len()], trained.classes)?;
    network.normalization.scale = scale;
    // A dataset has at most 2^32 - 1 samples.
    let indices: Vec<u32> = (0..set.len() as u32).collect();
    let mut names = names.into_iter();
    for part in indices.chunks(batch) {
        let outputs = network.outputs(&set, part);
        for (logits, name) in outputs.chunks_exact(trained.classes).zip(&mut names) {
            if !logits.iter().all(|x| x.is_finite()) {
                return Err(Failure::failed(format!(
                    "{}: expected finite outputs of the network, found {logits:?}; its weights \
                     are of no use",
                    name.file
                )));
            }
            predictions.push(Prediction::new(name, logits, &trained.class_names));
        }
    }
    Ok(())
}

/// The number of pixels of a picture in PNG, of 8 x 8 and of one channel or three.
pub(crate) fn pixels(file: &[u8]) -> Result<usize, Failure> {
    let decode = |channels| {
        let wanted = Wanted::of([channels, 8, 8]);
        png::decode(Path::new("picture"), Cursor::new(file), &wanted)
            .map(|picture| picture.pixels.len())
    };
    decode(1).or_else(|_| decode(3))
}
