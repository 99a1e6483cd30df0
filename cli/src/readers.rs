//! The program's readers of files, from bytes in memory, for the fuzzer. Each returns the error that the
//! program would print.

use crate::commands::{inspect, predict, report};
use crate::recipe;
use crate::run::inference::Recorded;
use crate::run::model_file::Trained;
use crate::run::network::{Initial, build};
use crate::run::summary::Summary;
use crate::run::training;
use crate::study::Grid;
use proxtape::checkpoint::{self, Checkpoint};
use proxtape::data::Dataset;
use proxtape::{Exec, Isa};
use proxtape_export::onnx;
use std::path::Path;

/// A file that was read, or the error of the one that was not.
pub type Read = Result<(), String>;

/// A recipe, and its model for some samples.
///
/// # Errors
/// Those of `train`.
pub fn recipe(file: &[u8], set: &Dataset) -> Read {
    let recipe = recipe::parse("recipe", text(file)?).map_err(message)?;
    build(&recipe, set, Initial::Seed).map_err(message)?;
    Ok(())
}

/// Any safetensors file, and the text of `inspect`.
///
/// # Errors
/// Those of `inspect`.
pub fn inspect(file: &[u8]) -> Read {
    let file = checkpoint::parse(file).map_err(message)?;
    inspect::contents(Path::new("file"), &file).map(|_| ()).map_err(message)
}

/// A model, run on one sample of zeros.
///
/// # Errors
/// Those of `eval`.
pub fn model(file: &[u8]) -> Read {
    let path = Path::new("model");
    let file = checkpoint::parse(file).map_err(message)?;
    let trained = Trained::from_checkpoint(path, &file).map_err(message)?;
    Recorded::new(Exec::new(Isa::detect()), &trained, 1).map_err(message)?.run();
    Ok(())
}

/// The command line's part of the state of a training of so many weights.
///
/// # Errors
/// Those of `train --resume`.
pub fn run_state(state: &Checkpoint, weights: usize) -> Read {
    training::check_state(state, weights).map_err(message)
}

/// compare.toml or sweep.toml, and the strengths of every method in it.
///
/// # Errors
/// Those of `compare --resume`.
pub fn grid(file: &[u8]) -> Read {
    let grid: Grid = toml::from_str(text(file)?).map_err(message)?;
    grid.check()?;
    grid.families.iter().for_each(|&method| _ = grid.strengths(method));
    Ok(())
}

/// summary.json.
///
/// # Errors
/// Those of `report`.
pub fn summary(file: &[u8]) -> Read {
    let _: Summary = serde_json::from_slice(file).map_err(message)?;
    Ok(())
}

/// metrics.jsonl, and its curves.
///
/// # Errors
/// Those of `report`.
pub fn metrics(file: &[u8]) -> Read {
    report::draw_metrics(text(file)?).map_err(message)
}

/// compare.json or sweep.json, and its page.
///
/// # Errors
/// Those of `report`.
pub fn comparison(file: &[u8]) -> Read {
    report::draw_comparison(text(file)?).map(|_| ()).map_err(message)
}

/// A picture in PNG, of 8 x 8.
///
/// # Errors
/// Those of `predict`.
pub fn png(file: &[u8]) -> Read {
    predict::pixels(file).map(|_| ()).map_err(message)
}

/// ONNX as `export` reads it back; it is run only where it equals what was written.
///
/// # Errors
/// If it is no such file.
pub fn onnx(file: &[u8]) -> Read {
    let model = onnx::Model::from_bytes(file);
    model.map(|_| ()).ok_or_else(|| "it is no file of `export`".to_owned())
}

fn text(file: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(file).map_err(message)
}

fn message(error: impl ToString) -> String {
    error.to_string()
}
