//! The `proxtape` command line: trains compact networks, evaluates them and looks into their files.
//!
//! Results go to stdout; `train`'s log and all notes, errors and progress to stderr. Exit codes: 0 done,
//! 1 failed, 2 wrong usage, 128 + N ended by signal N (129 SIGHUP, 130 SIGINT, 143 SIGTERM), with a line on
//! what is kept and how to resume.
#![forbid(unsafe_code)]
// Code for the fuzzer's readers alone is dead without them; clippy looks with all features.
#![cfg_attr(not(feature = "readers"), allow(dead_code))]

mod args;
mod commands;
mod failure;
mod output;
#[cfg(feature = "readers")]
pub mod readers;
mod recipe;
mod run;
mod study;
mod system;

use args::{Cli, refusal};
use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;
use system::{final_note, interrupt};

/// Runs the command line of the process.
pub fn main() -> ExitCode {
    run(std::env::args_os().collect())
}

/// Runs a command line; the first word is the program.
pub fn run(words: Vec<OsString>) -> ExitCode {
    let watching = interrupt::watch();
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(e) => {
            let code = u8::try_from(e.exit_code()).unwrap_or(2);
            refusal::refuse(e, &words);
            return ExitCode::from(code);
        }
    };
    let mut context = cli.command.context();
    final_note::of(cli.command.resumes(), context.terminal);
    let ending = watching.and_then(|()| commands::run(&cli.command, &mut context));
    interrupt::give_way();
    match ending {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(failure) => {
            context.terminal.error(&failure);
            ExitCode::from(failure.code())
        }
    }
}
