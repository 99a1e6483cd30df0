//! A study: its plan, the wanted and the finished trials, and the machine that runs them.

use super::folder::Folder;
use super::method::Method;
use super::results::{Row, TrialRow};
use super::trial::{Finished, Task, Trial};
use crate::system::machine::Machine;
use proxtape::data::Source;
use std::collections::HashMap;
use std::sync::Arc;

/// The trials that a study wants.
pub(crate) trait Plan {
    /// The tasks that are known, finished or not, in the order to run them; and the methods of those that may
    /// follow, once their strengths are known.
    fn tasks(&self, done: &Done) -> (Vec<Task>, Vec<Method>);

    /// The rows of the table from its finished trainings, which are results.
    fn rows(&self, trials: &[TrialRow]) -> Vec<Row>;

    /// Notes for readers of the table.
    fn notes(&self, done: &Done) -> Vec<String>;
}

/// The finished trials.
#[derive(Debug, Default)]
pub(crate) struct Done(HashMap<String, Finished>);

impl Done {
    pub(crate) fn get(&self, trial: &Trial) -> Option<&Finished> {
        self.0.get(&trial.name())
    }

    pub(super) fn add(&mut self, trial: &Trial, finished: Finished) {
        self.0.insert(trial.name(), finished);
    }

    pub(super) fn serves(&self, task: &Task) -> bool {
        self.get(&task.trial).is_some_and(|finished| finished.serves(task.role))
    }
}

/// A study while it runs.
pub(super) struct Study<'a> {
    pub(super) folder: Folder,
    pub(super) source: Arc<Source>,
    pub(super) done: Done,
    pub(super) machine: &'a Machine,
}
