//! The context of a command, beside its own arguments: the terminal, execution options, and the stop.

use super::machine::Machine;
use super::stop::Stop;
use crate::failure::Failure;
use crate::output::terminal::{Terminal, print, print_json};
use proxtape::Convolution;
use serde::Serialize;

/// The options that all commands share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) terminal: Terminal,
    /// Whether stdout ends with one JSON object.
    pub(crate) json: bool,
    /// 0 is one for each core.
    pub(crate) threads: usize,
    pub(crate) convolution: Convolution,
    pub(crate) stop: Stop,
}

impl Context {
    /// The threads and the instruction set.
    ///
    /// # Errors
    /// If the environment asks for an instruction set that is not there, or no threads can be had.
    pub(crate) fn machine(&self) -> Result<Machine, Failure> {
        Machine::new(self.threads, self.convolution)
    }

    /// The result of a command on stdout: the object for machines, or the text for people.
    pub(crate) fn answer(
        &self,
        object: &impl Serialize,
        text: &dyn Fn() -> String,
    ) -> Result<(), Failure> {
        if self.json { print_json(object) } else { print(&text()) }
    }
}
