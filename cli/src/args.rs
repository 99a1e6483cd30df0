//! The command line.

use crate::cells::{Budget, Method};
use crate::export::Target;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::overrides::{Overrides, strength};
use crate::recipe::{Location, SHIPPED};
use crate::stop::Stop;
use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand};
use core::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

/// Trains compact neural networks on the CPU, with exact l1,1 + l1,2 proximal steps.
#[derive(Debug, Parser)]
#[command(name = "proxtape", version, about, arg_required_else_help = true)]
#[command(after_help = "The environment variable PROXTAPE_ISA (baseline, avx2, avx512) forces an \
    instruction set that this CPU has.\nExit codes: 0 done, 1 failed, 2 wrong usage, 130 \
    interrupted and saved.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network by a recipe
    #[command(after_help = recipes_help())]
    Train(Box<TrainArgs>),
    /// Tell loss and accuracy of a trained network
    Eval(EvalArgs),
    /// Remove from a trained network what is zero, and prove that its outputs stay the same
    Compact(CompactArgs),
    /// Write a trained network as safetensors, as ONNX or as Rust source, and prove it
    Export(ExportArgs),
    /// Tell the class of images, and how probable it is
    Predict(PredictArgs),
    /// Train a network with every regulariser, and set them beside each other
    #[command(
        after_help = "Every training is a run folder under FOLDER/cells, and runs once: --resume \
        goes on with what is missing. The lambdas are chosen at the first seed, on validation samples \
        alone. The table is also in FOLDER/compare.md, .csv and .json."
    )]
    Compare(Box<CompareArgs>),
    /// Train a network with one regulariser at many strengths: accuracy against size
    #[command(
        after_help = "Every training is a run folder under FOLDER/cells, and runs once: --resume \
        goes on with what is missing. The table is also in FOLDER/sweep.md, .csv and .json."
    )]
    Sweep(Box<SweepArgs>),
    /// List what a model file or a run holds
    Inspect(InspectArgs),
    /// Draw a run, or a comparison, as one HTML file
    Report(ReportArgs),
    /// Measure the kernels on this machine, as shares of what it can do
    Bench(BenchArgs),
}

impl Command {
    pub(crate) fn quiet(&self) -> bool {
        match self {
            Command::Train(args) => args.speech.quiet,
            Command::Eval(args) => args.speech.quiet,
            Command::Compact(args) => args.speech.quiet,
            Command::Export(args) => args.speech.quiet,
            Command::Predict(args) => args.speech.quiet,
            Command::Compare(args) => args.speech.quiet,
            Command::Sweep(args) => args.speech.quiet,
            Command::Inspect(args) => args.speech.quiet,
            Command::Report(args) => args.speech.quiet,
            Command::Bench(args) => args.speech.quiet,
        }
    }
}

fn recipes_help() -> String {
    let names: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
    format!(
        "Shipped recipes: {}.\nA run is a folder: recipe.toml (as resolved), metrics.jsonl (a \
         line for each epoch), model.safetensors, state.safetensors and summary.json (at the end).",
        names.join(", ")
    )
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// A recipe file (TOML) or the name of a shipped recipe [default: digits]
    pub(crate) recipe: Option<String>,

    #[command(flatten)]
    pub(crate) overrides: Overrides,

    /// Go on with the run in this folder, to the same bits as if it had not stopped
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "Overrides", "out"])]
    pub(crate) resume: Option<PathBuf>,

    /// The run folder; it must be new or empty [default: runs/NAME-N]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,

    /// Stop after so many optimiser steps, as Ctrl-C would: save, and exit with 130
    #[arg(long, value_name = "STEPS")]
    pub(crate) stop_after: Option<u64>,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// A run folder, or a model file that `train` wrote
    #[arg(value_name = "RUN|FILE")]
    pub(crate) model: PathBuf,

    /// Other data than the recipe names: digits, idx:FOLDER, cifar10:FOLDER or csv:FILE; data
    /// without a test set of its own is tested whole
    #[arg(long)]
    pub(crate) data: Option<Location>,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
#[command(after_help = "The smaller network is written beside the model, as \
    model-compact.safetensors, which `eval` and `inspect` take as well.")]
pub(crate) struct CompactArgs {
    /// A run folder, or a model file that `train` wrote
    #[arg(value_name = "RUN|FILE")]
    pub(crate) model: PathBuf,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
#[command(after_help = "safetensors  names and layout of PyTorch, recipe and scaling in the \
    metadata\nonnx         raw samples to logits and probabilities, for any size of batch\n\
    rust         a source file for `no_std`, without dependencies or allocation\nWithout a file \
    it stands beside the model. The data of the recipe is read for the proof, where it is there.")]
pub(crate) struct ExportArgs {
    /// A run folder, or a model file that `train` or `compact` wrote
    #[arg(value_name = "RUN|FILE")]
    pub(crate) model: PathBuf,

    /// safetensors, onnx or rust, or a file that ends with .safetensors, .onnx or .rs
    #[arg(long, value_name = "FORMAT|FILE")]
    pub(crate) to: Target,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Images are PNG, whose pixels from black to white are those of the data from \
    0 to its largest value, or IDX (the format of MNIST, plain or gzip), whose bytes are those of \
    the data. They have the size that the network was trained on."
)]
pub(crate) struct PredictArgs {
    /// A run folder, or a model file that `train`, `compact` or `export` wrote
    #[arg(value_name = "RUN|FILE")]
    pub(crate) model: PathBuf,

    /// Images: PNG or IDX
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<PathBuf>,

    /// Only so many images of each IDX file
    #[arg(long, value_name = "N")]
    pub(crate) first: Option<NonZeroUsize>,

    /// Turn black to white: for dark drawings on light paper, where the data has light ones on dark
    #[arg(long)]
    pub(crate) invert: bool,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A recipe file (TOML) or the name of a shipped recipe [default: digits]
    pub(crate) recipe: Option<String>,

    /// Regularisers, by commas, and magnitude, which is pruning [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "resume")]
    pub(crate) families: Vec<Method>,

    /// Choose the network with the fewest weights whose validation accuracy is so many points below
    /// that without a penalty, at most
    #[arg(long, value_name = "POINTS", default_value_t = 0.5, value_parser = points())]
    #[arg(conflicts_with_all = ["resume", "keep"])]
    pub(crate) tolerance: f64,

    #[command(flatten)]
    pub(crate) grid: GridArgs,

    #[command(flatten)]
    pub(crate) cells: CellsArgs,

    #[command(flatten)]
    pub(crate) overrides: Overrides,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// A recipe file (TOML) or the name of a shipped recipe [default: digits]
    pub(crate) recipe: Option<String>,

    /// The regulariser, or magnitude, which is pruning [default: the recipe's]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["resume", "regularizer"])]
    pub(crate) family: Option<Method>,

    #[command(flatten)]
    pub(crate) grid: GridArgs,

    #[command(flatten)]
    pub(crate) cells: CellsArgs,

    #[command(flatten)]
    pub(crate) overrides: Overrides,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

/// Strengths and seeds.
#[derive(Debug, Args)]
#[group(id = "Grid", multiple = true)]
pub(crate) struct GridArgs {
    /// Lambdas to try, by commas, for every penalty [default: a range of each]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = strength)]
    #[arg(allow_negative_numbers = true)]
    lambdas: Vec<f32>,

    /// How many lambdas of a range to try
    #[arg(long, value_name = "N", default_value = "7", value_parser = count())]
    pub(crate) grid: NonZeroUsize,

    /// How many seeds, from the recipe's [default: 5 to compare, 1 to sweep]
    #[arg(long, value_name = "N", value_parser = count())]
    seeds: Option<NonZeroUsize>,
}

impl GridArgs {
    /// Those that are told, weakest first.
    pub(crate) fn lambdas(&self) -> Result<Option<Vec<f32>>, Failure> {
        let mut lambdas = self.lambdas.clone();
        lambdas.sort_by(f32::total_cmp);
        lambdas.dedup();
        match lambdas.first() {
            Some(0.0) => Err(Failure::usage("--lambdas takes numbers above 0")),
            first => Ok(first.is_some().then_some(lambdas)),
        }
    }

    /// So many from the first one.
    pub(crate) fn seeds(&self, first: u64, usual: usize) -> Result<Vec<u64>, Failure> {
        let count = self.seeds.map_or(usual, NonZeroUsize::get) as u64;
        match first.checked_add(count - 1).filter(|&last| last <= i64::MAX as u64) {
            Some(last) => Ok((first..=last).collect()),
            None => Err(Failure::usage(format!("there are no {count} seeds from {first} on"))),
        }
    }
}

/// The folder of many trainings, and when to leave it.
#[derive(Debug, Args)]
pub(crate) struct CellsArgs {
    /// Go on with what is in this folder
    #[arg(long, value_name = "FOLDER")]
    #[arg(conflicts_with_all = ["recipe", "Overrides", "Grid", "out"])]
    pub(crate) resume: Option<PathBuf>,

    /// The folder; new or empty, or one that was started the same way [default: runs/NAME-...-N]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,

    /// Stop after this time, as 90s, 20m or 1h30m: save, and tell what there is
    #[arg(long, value_name = "TIME")]
    budget: Option<Budget>,

    /// Stop after so many optimiser steps, as Ctrl-C would: save, and exit with 130
    #[arg(long, value_name = "STEPS")]
    stop_after: Option<u64>,
}

impl CellsArgs {
    /// When to stop, and the moment when the time is over.
    pub(crate) fn stop(&self) -> Result<(Stop, Option<Instant>), Failure> {
        let deadline = self.budget.map(|Budget(time)| Instant::now() + time);
        Ok((Stop::new(Interrupt::watch()?, self.stop_after).at(deadline), deadline))
    }
}

/// Points of accuracy.
fn points() -> impl TypedValueParser<Value = f64> {
    clap::builder::StringValueParser::new().try_map(|text| {
        let points = text.parse().ok().filter(|points| (0.0..=100.0).contains(points));
        points.ok_or("expected a number from 0 to 100")
    })
}

/// 1 to 1000: more trainings than a person can wait for.
fn count() -> impl TypedValueParser<Value = NonZeroUsize> {
    at_least_one(1000)
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A safetensors file, or a run folder
    #[arg(value_name = "FILE|RUN")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The file is report.html in the folder. It needs nothing but a browser, and prints \
    well."
)]
pub(crate) struct ReportArgs {
    /// The folder of a run, or of a comparison
    #[arg(value_name = "RUN|FOLDER")]
    pub(crate) folder: PathBuf,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Run each kernel once: rough numbers in a few seconds instead of half a minute
    #[arg(long)]
    pub(crate) quick: bool,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
pub(crate) struct Threads {
    /// Threads that compute; the result does not depend on them [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads())]
    pub(crate) threads: Option<NonZeroUsize>,
}

impl Threads {
    /// The number for `Pool::new`, where 0 means all cores.
    pub(crate) fn count(&self) -> usize {
        self.threads.map_or(0, NonZeroUsize::get)
    }
}

/// 1 to 1024: a slip of a digit must not start a million threads.
fn threads() -> impl TypedValueParser<Value = NonZeroUsize> {
    at_least_one(1024)
}

fn at_least_one(most: i64) -> impl TypedValueParser<Value = NonZeroUsize> {
    clap::value_parser!(u16)
        .range(1..=most)
        .map(|n| NonZeroUsize::new(n.into()).unwrap_or(NonZeroUsize::MIN))
}

#[derive(Debug, Args)]
pub(crate) struct Speech {
    /// End stdout with one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Tell people nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
