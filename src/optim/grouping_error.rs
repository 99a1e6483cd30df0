//! A grouping that does not fit a weight.

use core::fmt;

/// A weight cannot be grouped this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupingError(String);

impl fmt::Display for GroupingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GroupingError {}

impl GroupingError {
    pub(super) fn new(what: String) -> GroupingError {
        GroupingError(what)
    }
}
