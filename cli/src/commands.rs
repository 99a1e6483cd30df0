//! The commands, a file or a folder each. None imports another: shared code lies below, in `study/`, `run/`,
//! `recipe/` or `output/`.

pub(crate) mod bench;
pub(crate) mod compact;
pub(crate) mod compare;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod inspect;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod sweep;
pub(crate) mod train;

use crate::args::Command;
use crate::failure::{Ending, Failure};
use crate::system::context::Context;

/// Runs a command.
pub(crate) fn run(command: &Command, context: &mut Context) -> Result<Ending, Failure> {
    match command {
        Command::Train(args) => train::run(args, context),
        Command::Eval(args) => eval::run(args, context),
        Command::Compact(args) => compact::run(args, context),
        Command::Export(args) => export::run(args, context),
        Command::Predict(args) => predict::run(args, context),
        Command::Compare(args) => compare::run(args, context),
        Command::Sweep(args) => sweep::run(args, context),
        Command::Inspect(args) => inspect::run(args, context),
        Command::Report(args) => report::run(args, context),
        Command::Bench(args) => bench::run(args, context),
    }
}
