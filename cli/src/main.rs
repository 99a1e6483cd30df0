//! The `proxtape` program; all of it is in the library beside, where tests can call its parts.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    proxtape_cli::run(std::env::args_os().collect())
}
