//! The trainings that a study wants: from its grid and from those that are finished.

use super::method::Method;
use super::outcome::{CellRow, Row};
use super::trial::{Cell, Finished, Role};
use std::collections::HashMap;

/// Which trainings are wanted.
pub(crate) trait Plan {
    /// All that are known to be wanted, finished or not, in the order to run them; and those that
    /// will be, at most, once it is known what they are.
    fn tasks(&self, done: &Done) -> (Vec<Task>, Vec<Method>);

    /// The rows of the table from its finished trainings, which are results.
    fn rows(&self, cells: &[CellRow]) -> Vec<Row>;

    /// What a reader of the table must know.
    fn notes(&self, done: &Done) -> Vec<String>;
}

/// A training that is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) cell: Cell,
    pub(crate) role: Role,
    /// Whether its strength is the chosen one.
    pub(crate) chosen: bool,
}

/// The finished trainings.
#[derive(Debug, Default)]
pub(crate) struct Done(HashMap<String, Finished>);

impl Done {
    pub(crate) fn get(&self, cell: &Cell) -> Option<&Finished> {
        self.0.get(&cell.name())
    }

    pub(super) fn add(&mut self, cell: &Cell, finished: Finished) {
        self.0.insert(cell.name(), finished);
    }

    pub(super) fn serves(&self, task: &Task) -> bool {
        self.get(&task.cell).is_some_and(|finished| finished.serves(task.role))
    }
}
