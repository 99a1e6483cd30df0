//! Feeds broken files to every reader of the program, to find those that make it panic, loop or take
//! memory. A reader may refuse whatever it likes: an error is never a finding.
//!
//! ```text
//! fuzz READER|all [--seconds N] [--executions N] [--seed S]      until the first of the two
//! fuzz READER --replay FILE                                      one input again
//! ```
//!
//! Findings are: the process ends (a panic, an abort, a stack that overflows), 2 s of computing, 256 MiB
//! of memory. Each reader has a process of its own, which notes every input before it is read; of what
//! ends that process the note is kept under target/fuzz. Exit status 0 nothing found, 1 found, 2 wrong
//! usage.

mod args;
mod campaign;
mod execute;
mod memory;
mod mutator;
mod note;
mod seeds;
mod targets;
mod watchdog;

use args::{Args, Role};
use std::process::ExitCode;

fn main() -> ExitCode {
    // The program itself, whose files are the seeds.
    if std::env::args_os().nth(1).is_some_and(|word| word == seeds::PROGRAM) {
        return proxtape_cli::run(std::env::args_os().skip(1).collect());
    }
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(wrong) => {
            eprintln!("error: {wrong}\n\n{}", args::usage());
            return ExitCode::from(2);
        }
    };
    let ended = match args.role {
        Role::Parent => campaign::run(&args),
        Role::Worker => campaign::work(&args).map(|()| 0),
    };
    match ended {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("error: {}: {e}", note::folder().display());
            ExitCode::FAILURE
        }
    }
}
