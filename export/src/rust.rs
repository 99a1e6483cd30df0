//! A Rust source file with the weights, and a function without dependencies or allocation.
//!
//! The plan is what the file does, line by line; the file is its text, and [`Runner`] runs it.

mod call;
mod draft;
mod place;
mod plan;
mod runner;
mod span;
mod tables;
mod text;
mod weight;

pub use plan::Plan;
pub use runner::Runner;
pub use text::{About, MARK, range, text};

use crate::pipeline::Pipeline;

impl<'a> Plan<'a> {
    /// The plan of a pipeline.
    pub fn new(pipeline: &Pipeline<'a>) -> Plan<'a> {
        place::place(pipeline.network.graph(), draft::draft(pipeline))
    }
}
