//! Garbage wherever an operation may rely on nothing, so that a check sees who does.

use super::{Source, Tape};

/// As a count or an index this is far out of range; as bits it is a pattern, not all ones.
const GARBAGE: u32 = 0xA5A5_A5A5;

impl Tape {
    /// Fills all that a replay must write before it reads: outputs, what `forward` leaves for
    /// `vjp`, adjoints and scratch. Inputs, variables, parameters and labels stay.
    pub(crate) fn poison(&mut self) {
        self.grow();
        for node in self.nodes.iter().filter(|node| matches!(node.source, Source::Op(_))) {
            self.primals[node.primal..][..node.span_len()].fill(f32::NAN);
        }
        self.saved.fill(GARBAGE);
        self.adjoints.fill(f32::NAN);
        self.poison_scratch();
    }

    /// Fills the scratch memory, which is undefined at each entry of an operation.
    pub(crate) fn poison_scratch(&mut self) {
        self.scratch.fill(f32::NAN);
    }
}
