//! The command line.

use crate::overrides::Overrides;
use crate::recipe::{Location, SHIPPED};
use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand};
use core::num::NonZeroUsize;
use std::path::PathBuf;

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
    /// List what a model file or a run holds
    Inspect(InspectArgs),
    /// Measure the kernels on this machine, as shares of what it can do
    Bench(BenchArgs),
}

impl Command {
    pub(crate) fn quiet(&self) -> bool {
        match self {
            Command::Train(args) => args.speech.quiet,
            Command::Eval(args) => args.speech.quiet,
            Command::Compact(args) => args.speech.quiet,
            Command::Inspect(args) => args.speech.quiet,
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
pub(crate) struct InspectArgs {
    /// A safetensors file, or a run folder
    #[arg(value_name = "FILE|RUN")]
    pub(crate) file: PathBuf,

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
    clap::value_parser!(u16)
        .range(1..=1024)
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
