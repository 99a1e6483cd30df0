//! A Rust source file with the weights, and a function without dependencies or allocation.
//!
//! The plan is what the file does, line by line; the file is its text, and the program can run it.

mod draft;
mod place;
mod plan;
mod run;
mod weight;
mod write;

pub(crate) use plan::Plan;
pub(crate) use run::Runner;
pub(crate) use write::{About, MARK, range, text};
