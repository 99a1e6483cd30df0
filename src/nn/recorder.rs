//! A tape that a network is recorded on, and the operands of a node.

use super::graph::Parameters;
use crate::params::{ParamId, Params};
use crate::tape::{Tape, Var};

/// How layers behave that differ between training and use: batch norm and dropout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Batch statistics, random masks.
    Training,
    /// Running statistics, no masks.
    Inference,
}

/// A tape that a network is recorded on, with its parameters.
pub(super) struct Recorder<'a> {
    pub(super) tape: &'a mut Tape,
    pub(super) params: &'a Params,
    pub(super) phase: Phase,
}

/// The operands of a node.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    /// One value, or the two of a sum.
    pub(super) inputs: &'a [Var],
    pub(super) parameters: &'a Parameters,
    /// Whether a ReLU follows, and is recorded with the node.
    pub(super) with_relu: bool,
}

impl Recorder<'_> {
    pub(super) fn param(&mut self, id: ParamId) -> Var {
        self.tape.param(self.params, id)
    }
}
