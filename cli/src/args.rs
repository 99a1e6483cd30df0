//! The command line.

mod budget;
mod common;
pub(crate) mod conflict;
mod data;
mod many;
pub(crate) mod overrides;
pub(crate) mod refusal;
pub(crate) mod target;

pub(crate) use common::{Convolutions, Speech, Threads};
pub(crate) use many::{CompareArgs, SweepArgs};

use crate::output::terminal::Terminal;
use crate::recipe::{Location, SHIPPED};
use crate::system::context::Context;
use crate::system::stop::Stop;
use clap::{Args, Parser, Subcommand};
use core::num::NonZeroUsize;
use data::{DataArgs, TableArgs};
use overrides::Overrides;
use proxtape::Convolution;
use std::path::PathBuf;
use target::Target;

/// Trains compact neural networks on the CPU, with exact l1,1 + l1,2 proximal steps.
#[derive(Debug, Parser)]
#[command(name = "proxtape", version, about, arg_required_else_help = true)]
#[command(after_help = "The environment variable PROXTAPE_ISA (baseline, avx2, avx512) forces an \
    instruction set that this CPU has.\nExit codes: 0 done, 1 failed, 2 wrong usage, 128 + N \
    ended by signal N (130 by Ctrl-C or --stop-after); a training that is saved says so.")]
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
    /// Its name, where `--resume` goes on with a folder of it.
    pub(crate) fn resumes(&self) -> Option<&'static str> {
        match self {
            Command::Train(_) => Some("train"),
            Command::Compare(_) => Some("compare"),
            Command::Sweep(_) => Some("sweep"),
            _ => None,
        }
    }

    /// The options that commands share, and when to stop.
    pub(crate) fn context(&self) -> Context {
        let never = || Stop::new(None);
        let (speech, threads, convolutions, stop) = match self {
            Command::Train(a) => (&a.speech, Some(&a.threads), None, Stop::new(a.stop_after)),
            Command::Eval(a) => (&a.speech, Some(&a.threads), Some(&a.convolutions), never()),
            Command::Compact(a) => (&a.speech, Some(&a.threads), Some(&a.convolutions), never()),
            Command::Export(a) => (&a.speech, Some(&a.threads), Some(&a.convolutions), never()),
            Command::Predict(a) => (&a.speech, Some(&a.threads), Some(&a.convolutions), never()),
            Command::Compare(a) => (&a.speech, Some(&a.threads), None, a.study.stop()),
            Command::Sweep(a) => (&a.speech, Some(&a.threads), None, a.study.stop()),
            Command::Inspect(a) => (&a.speech, None, None, never()),
            Command::Report(a) => (&a.speech, Some(&a.threads), None, never()),
            Command::Bench(a) => (&a.speech, Some(&a.threads), Some(&a.convolutions), never()),
        };
        Context {
            terminal: Terminal::new(speech.quiet),
            json: speech.json,
            threads: threads.map_or(0, Threads::count),
            convolution: convolutions.map_or(Convolution::Fast, Convolutions::convolution),
            stop,
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
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "Overrides", "Table", "out"])]
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

    /// Other data than the recipe names: digits, idx:FOLDER, cifar10:FOLDER or csv:FILE. Data with
    /// the contents of the recipe's is cut as it was; other data without a test set is tested whole
    #[arg(long)]
    pub(crate) data: Option<Location>,

    #[command(flatten)]
    pub(crate) table: TableArgs,

    #[command(flatten)]
    pub(crate) convolutions: Convolutions,

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
    pub(crate) location: DataArgs,

    #[command(flatten)]
    pub(crate) convolutions: Convolutions,

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
    pub(crate) location: DataArgs,

    #[command(flatten)]
    pub(crate) convolutions: Convolutions,

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
    pub(crate) convolutions: Convolutions,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
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
    pub(crate) location: DataArgs,

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
    pub(crate) convolutions: Convolutions,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
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
