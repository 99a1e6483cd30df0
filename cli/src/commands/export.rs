//! `export`: a trained network for other programs, as safetensors, as ONNX or as Rust source.
//!
//! ```text
//! model.safetensors --> safetensors: the same file under another name
//!                   --> Graph --> ONNX                        raw samples to logits and
//!                             --> Plan --> Rust source        probabilities
//! the file is run on real samples; a difference is an error, and no file is kept
//! ```
//!
//! A file of ONNX is read back and run operation by operation. Rust source would take a compiler, so its plan
//! is run, of which the text is a print, with the same functions.

mod exported;
mod target;

use crate::args::ExportArgs;
use crate::args::target::Format;
use crate::failure::{Ending, Failure};
use crate::output::escape;
use crate::output::terminal::Terminal;
use crate::recipe::Location;
use crate::recipe::redact;
use crate::run::folder::model_path;
use crate::run::inference::{Network, Recorded};
use crate::run::model_data;
use crate::run::model_file::{BATCH, Trained};
use crate::run::samples::Samples;
use crate::run::verification::{Verification, verify};
use crate::system::context::Context;
use crate::system::draft::Draft;
use crate::system::file::refused;
use exported::{Details, Exported};
use proxtape::checkpoint::{self, Checkpoint};
use proxtape::data::{Dataset, Normalization, Source, Split};
use proxtape::{Exec, Random};
use proxtape_export::rust::{self, About, Plan, Runner};
use proxtape_export::{Pipeline, onnx};
use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// The most samples of a proof, and the multiply-accumulates that it may cost where that many would
/// cost more: the functions of the exports take samples one by one, some 2e9 in a second.
const SAMPLES: usize = 1000;
const WORK: u64 = 10_000_000_000;
/// The most values of random samples: a quarter of a GiB.
const VALUES: usize = 1 << 26;
/// The fewest samples, whatever they cost.
const FEWEST: usize = 100;

/// Runs the command.
pub(crate) fn run(args: &ExportArgs, context: &mut Context) -> Result<Ending, Failure> {
    let (machine, terminal) = (context.machine()?, context.terminal);
    let path = model_path(&args.model)?;
    let mut file = checkpoint::read_sealed(&path)?;
    let mut trained = Trained::from_checkpoint(&path, &file)?;
    trained.note_vanished(&path, terminal);
    let redacted = redact::recipe(&trained.recipe);
    if redacted != trained.recipe {
        file.texts.insert("recipe".to_owned(), redacted.to_toml());
    }
    leave_out_others(&path, &trained, &mut file, terminal);
    trained.recipe.data.move_to(args.location.data.as_ref());
    let target = target::path(&args.to, &path)?;
    let (mut samples, real) = samples(&path, &trained, args.location.data.as_ref(), terminal)?;
    let format = args.to.format;
    if format != Format::Safetensors {
        check_resolution(&path, &trained)?;
        // The exported network takes f32, so it is compared on samples in f32.
        let Source { train, test, notes } = Arc::unwrap_or_clone(samples.source);
        let test = test.map(Dataset::in_f32);
        samples.source = Arc::new(Source { train: train.in_f32(), test, notes });
    }
    let mut draft = Draft::of(&target)?;
    let exec = trained.recipe.exec(machine.exec());
    let export = Export { exec, trained: &trained, file: &file, samples: &samples };
    let (mut proof, details) = machine.install(|| export.write(format, &mut draft))?;
    if !real {
        proof.part = "random";
    }
    if !proof.holds() {
        let refusal = proof.refusal(["exported", "trained"]);
        return Err(Failure::failed(format!("{}: {refusal}; no file is kept", path.display())));
    }
    let bytes = fs::metadata(draft.path()).map_err(|e| refused(&target, "a file", &e))?.len();
    draft.keep()?;
    let exported = Exported {
        model: path.display().to_string(),
        file: target.display().to_string(),
        format: format.to_string(),
        bytes,
        input: trained.network.input().to_vec(),
        range: rust::range(trained.normalization.scale),
        classes: trained.classes,
        details,
        proof,
        version: env!("CARGO_PKG_VERSION"),
    };
    context.answer(&exported, &|| exported.text())?;
    Ok(Ending::Done)
}

/// Leaves out the tensors that the network does not have, with a note: their values were not checked.
fn leave_out_others(path: &Path, trained: &Trained, file: &mut Checkpoint, terminal: Terminal) {
    let params = trained.network.params();
    let own: HashSet<&str> = params.ids().map(|id| params.name(id)).collect();
    let tensors = std::mem::take(&mut file.tensors).into_iter();
    let (kept, others): (Vec<_>, Vec<_>) = tensors.partition(|(name, ..)| own.contains(&**name));
    file.tensors = kept;
    let names: Vec<&String> =
        others.iter().map(|(name, ..)| name).chain(file.passed_over.keys()).collect();
    if names.is_empty() {
        return;
    }
    terminal.say(format_args!(
        "note: {}: tensors that the network does not have are left out: {}",
        path.display(),
        escape::few(&names)
    ));
}

/// An error where f32 samples cannot hold the differences that the model sees.
fn check_resolution(path: &Path, trained: &Trained) -> Result<(), Failure> {
    let Some(channel) = trained.normalization.coarse_in_f32() else { return Ok(()) };
    let names = trained.origin.as_ref().map_or(&[][..], |origin| &origin.columns[..]);
    let column = names.get(channel).map_or(channel.to_string(), |name| format!("{name:?}"));
    Err(Failure::failed(format!(
        "{}: expected samples that f32 can hold, found column {column} around {:e} with a deviation \
         of {:e}; subtract a constant from the column in the table, and train again",
        path.display(),
        trained.normalization.mean[channel],
        trained.normalization.std[channel]
    )))
}

struct Export<'a> {
    exec: Exec,
    trained: &'a Trained,
    /// The tensors of the model, and the texts that others may see.
    file: &'a Checkpoint,
    samples: &'a Samples,
}

impl Export<'_> {
    /// Writes a file, and verifies its contents against the model.
    fn write(&self, format: Format, draft: &mut Draft) -> Result<(Verification, Details), Failure> {
        let Trained { network, normalization, .. } = self.trained;
        let pipeline = Pipeline::new(network, normalization).map_err(Failure::failed)?;
        match format {
            Format::Safetensors => {
                draft.fill_with(self.file)?;
                let written = Trained::read(draft.path())?;
                let mut written = Recorded::new(self.exec, &written, BATCH)?;
                Ok((self.verify(&mut written)?, Details::Safetensors {}))
            }
            Format::Onnx => {
                let texts = self.file.texts.iter().filter(|(key, _)| *key != "format");
                let texts = texts.map(|(key, value)| (key.clone(), value.clone())).collect();
                let model = onnx::Model::new(&pipeline, &self.trained.recipe.name, texts);
                let bytes = model.to_bytes();
                if bytes.len() > onnx::MAX_BYTES {
                    return Err(Failure::failed(format!(
                        "expected at most {} bytes, all that a file of ONNX can hold; found {}; \
                         export to safetensors",
                        onnx::MAX_BYTES,
                        bytes.len()
                    )));
                }
                draft.fill(|file| file.write_all(&bytes))?;
                let read = fs::read(draft.path());
                let read = read.map_err(|e| refused(draft.path(), "what was written", &e))?;
                let read = onnx::Model::from_bytes(&read);
                // No other model is run: it is one whose sizes are known to fit.
                let model = read.filter(|read| *read == model);
                // What cannot be run gives nothing that could be equal.
                let run = |x: &[f32], y: &mut [f32]| match model
                    .as_ref()
                    .and_then(|model| onnx::run(model, x))
                {
                    Some(logits) if logits.len() == y.len() => y.copy_from_slice(&logits),
                    _ => y.fill(f32::NAN),
                };
                let proof = self.verify(&mut Each::new(run, self.trained))?;
                Ok((proof, Details::Onnx { opset: onnx::OPSET, ir_version: onnx::IR_VERSION }))
            }
            Format::Rust => {
                let plan = Plan::new(&pipeline);
                let about = About {
                    recipe: &self.trained.recipe.name,
                    scale: self.trained.normalization.scale,
                    class_names: &self.trained.class_names,
                    columns: self.trained.origin.as_ref().map_or(&[], |origin| &origin.columns),
                };
                let text = rust::text(&plan, &about);
                draft.fill(|file| file.write_all(text.as_bytes()))?;
                let mut runner = Runner::new(&plan);
                let run = |x: &[f32], y: &mut [f32]| y.copy_from_slice(runner.run(x));
                let proof = self.verify(&mut Each::new(run, self.trained))?;
                Ok((proof, Details::Rust { scratch_bytes: plan.bytes(), sparse: plan.sparse() }))
            }
        }
    }

    fn verify(&self, written: &mut impl Network) -> Result<Verification, Failure> {
        let network = &self.trained.network;
        let affordable = WORK / network.model().macs(network.params()).max(1);
        let most = usize::try_from(affordable).unwrap_or(SAMPLES).clamp(FEWEST, SAMPLES);
        let mut trained = Recorded::new(self.exec, self.trained, BATCH)?;
        let [proof] = verify(&mut trained, [written], self.samples, most)?;
        Ok(proof)
    }
}

/// A function from one raw sample to its logits.
struct Each<F> {
    run: F,
    /// Raw samples are those that nothing is done to.
    raw: Normalization,
    classes: usize,
    x: Vec<f32>,
    y: Vec<f32>,
}

impl<F: FnMut(&[f32], &mut [f32])> Each<F> {
    fn new(run: F, trained: &Trained) -> Each<F> {
        let channels = trained.normalization.mean.len();
        let raw = Normalization { scale: 1.0, mean: vec![0.0; channels], std: vec![1.0; channels] };
        Each { run, raw, classes: trained.classes, x: Vec::new(), y: Vec::new() }
    }
}

impl<F: FnMut(&[f32], &mut [f32])> Network for Each<F> {
    fn outputs(&mut self, set: &Dataset, indices: &[u32]) -> &[f32] {
        self.x.resize(indices.len() * set.sample_len(), 0.0);
        self.y.resize(indices.len() * self.classes, 0.0);
        set.fill(indices, &self.raw, None, &mut self.x, &mut vec![0; indices.len()]);
        let samples = self.x.chunks_exact(set.sample_len());
        for (x, y) in samples.zip(self.y.chunks_exact_mut(self.classes)) {
            (self.run)(x, y);
        }
        &self.y
    }
}

/// The samples of the recipe, or random ones where its data is not at hand; whether they are real.
fn samples(
    path: &Path,
    trained: &Trained,
    given: Option<&Location>,
    terminal: Terminal,
) -> Result<(Samples, bool), Failure> {
    let source = &trained.recipe.data.source.path;
    if given.is_some() || source.as_os_str().is_empty() || source.exists() {
        return Ok((model_data::own(path, trained, None, terminal)?, true));
    }
    let &[c, h, w] = trained.network.input().dims() else {
        return Err(Failure::failed(format!(
            "{}: expected samples of [C, H, W], found {}",
            path.display(),
            trained.network.input()
        )));
    };
    let Normalization { scale, mean, std } = &trained.normalization;
    let mut random = Random::new(1);
    let samples = (VALUES / trained.network.input().len()).clamp(1, SAMPLES);
    let mut values = Vec::new();
    for _ in 0..samples {
        for (mean, std) in mean.iter().zip(std) {
            values.extend((0..h * w).map(|_| (*mean as f32 + std * random.normal()) / scale));
        }
    }
    let set = proxtape::data::Samples::F32(values);
    let set = Dataset::new([c, h, w], set, vec![0; samples], trained.classes)?;
    let test = (0..samples as u32).collect();
    let split = Split { train: Vec::new(), validation: Vec::new(), test };
    let normalization = trained.normalization.clone();
    Ok((Samples { source: Source::from(set).into(), split, normalization }, false))
}
