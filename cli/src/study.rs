//! Trainings that belong together: what `compare` and `sweep` share.
//!
//! ```text
//! plan     from the grid and from what is finished to the trainings that are wanted
//! cell     a training, in a run folder of its own, by the same code as `train`
//! loop     the first training that is wanted and not finished; it is told to stop, or it ends,
//!          is compacted where it is a result, and the tables are written
//! ```
//!
//! A plan depends on nothing but the grid and the finished trainings. So to go on is to start again:
//! what is finished is found, and the one that was interrupted goes on to the same bits.

mod budget;
mod cost;
mod folder;
pub(crate) mod front;
mod grid;
mod method;
mod metric;
mod outcome;
mod plot;
mod runner;
mod table;
mod trial;
mod write;

pub(crate) use budget::Budget;
pub(crate) use folder::Folder;
pub(crate) use grid::{Grid, Kind, middle};
pub(crate) use method::Method;
pub(crate) use metric::{Metric, Spread, told};
pub(crate) use outcome::{CellRow, Outcome, Row};
pub(crate) use trial::{Cell, Finished, Role};

use crate::failure::{Ending, Failure};
use crate::output::shell;
use crate::output::terminal::{Voice, print, print_json};
use crate::recipe::Recipe;
use crate::run::experiment::{Start, build, tell};
use crate::system::interrupt::{self, Saving};
use crate::system::machine::Machine;
use crate::system::stop::{Reason, Stop};
use proxtape::data::Source;
use proxtape::optim::Rule;
use runner::Cells;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

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

    fn serves(&self, task: &Task) -> bool {
        self.get(&task.cell).is_some_and(|finished| finished.serves(task.role))
    }
}

/// What a command is told, beside its plan.
pub(crate) struct Orders<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) stop: Stop,
    pub(crate) voice: Voice,
    pub(crate) json: bool,
    /// When the time that was given is over.
    pub(crate) deadline: Option<Instant>,
}

/// Runs what a plan wants, and prints the table of what there is.
pub(crate) fn run(
    (folder, source): (Folder, Arc<Source>),
    plan: &dyn Plan,
    mut orders: Orders<'_>,
) -> Result<Ending, Failure> {
    // What ends between two trainings is told, too.
    let _saving = Saving::begin();
    folder.note_lock(orders.voice);
    tell(&source, &folder.recipe.data, orders.voice);
    let mut cells = Cells { folder, source, done: Done::default(), machine: orders.machine };
    cells.find(plan)?;
    let reason = match cells.go(plan, &mut orders) {
        Err(Failure::Interrupted(_)) => Some(Reason::Interrupt),
        ended => ended?,
    };
    let outcome = cells.write(plan)?;
    match orders.json {
        true => print_json(&outcome)?,
        false => print(&table::text(&outcome))?,
    }
    let Some(reason) = reason.or_else(|| interrupt::asked().map(|_| Reason::Interrupt)) else {
        return outcome.expect_results().map(|()| Ending::Done);
    };
    let why = match reason {
        Reason::Interrupt => "interrupted and saved",
        Reason::Deadline => "the time is spent, and all is saved",
    };
    orders.voice.say(format_args!(
        "{why}: {} of {} trainings are finished; go on with `proxtape {} --resume {}`",
        outcome.cells.len(),
        outcome.planned,
        outcome.kind.name(),
        shell::word(cells.folder.path())
    ));
    Ok(match reason {
        Reason::Interrupt => Ending::Interrupted(interrupt::signal()),
        Reason::Deadline => Ending::Done,
    })
}

/// The methods that work with a recipe: those that are asked for, or else all that do.
///
/// # Errors
/// If one that is asked for does not, and the error tells why; or if no samples are kept to validate
/// by.
pub(crate) fn methods(
    asked: &[Method],
    recipe: &Recipe,
    source: &Source,
) -> Result<Vec<Method>, Failure> {
    let split = source.split(recipe.data.fractions(), recipe.train.seed)?;
    if split.validation.is_empty() {
        return Err(Failure::failed(format!(
            "recipe {:?}: expected samples for validation, which lambda is chosen by, found none; \
             set validation in [data]",
            recipe.name
        )));
    }
    let set = &source.train;
    let network = build(recipe, set, Start::Seed)?;
    let is_adam = matches!(recipe.train.optimizer.0, Rule::Adam { .. });
    let fits = |method: Method| -> Result<(), Failure> {
        let config = method.recipe(recipe, 0.0, 0).config();
        let regularized =
            config.penalty.resolve(network.model(), network.params()).map_err(Failure::failed)?;
        if config.prune.is_some() && config.refit.is_none() {
            return Err(Failure::failed(format!(
                "{}: some of the epochs are for a refit, and {} are too few",
                method.label(),
                config.epochs
            )));
        }
        match regularized.iter().any(|r| is_adam && !r.regularizer.supports_diagonal()) {
            true => Err(Failure::failed(format!(
                "{}: there is no prox in Adam's metric; use momentum, or leave it out of --families",
                method.label()
            ))),
            false => Ok(()),
        }
    };
    match asked.is_empty() {
        true => Ok(Method::all().filter(|&method| fits(method).is_ok()).collect()),
        false => {
            let mut methods: Vec<Method> = Vec::new();
            for &method in asked {
                fits(method)?;
                if !methods.contains(&method) {
                    methods.push(method);
                }
            }
            Ok(methods)
        }
    }
}
