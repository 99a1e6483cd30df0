//! The sections of the report of a run, in its order.

pub(super) mod compaction;
pub(super) mod curves;
pub(super) mod decisions;
pub(super) mod filters;
pub(super) mod groups;
pub(super) mod inputs;
pub(super) mod layers;
pub(super) mod result;
