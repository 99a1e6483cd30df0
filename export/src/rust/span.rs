//! Places in the memory of a plan.

/// The first elements of a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) place: Place,
    pub(crate) len: usize,
}

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Input,
    Buffer(usize),
    Output,
}
