//! A study while it runs.

use super::folder::Folder;
use super::plan::Done;
use crate::system::machine::Machine;
use proxtape::data::Source;
use std::sync::Arc;

/// The folder, the data, the finished trials, and the machine.
pub(super) struct Study<'a> {
    pub(super) folder: Folder,
    pub(super) source: Arc<Source>,
    pub(super) done: Done,
    pub(super) machine: &'a Machine,
}
