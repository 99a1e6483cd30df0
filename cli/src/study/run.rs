//! A study from its start to its table.

use super::folder::Folder;
use super::plan::{Done, Plan};
use super::state::Cells;
use super::table;
use crate::failure::{Ending, Failure};
use crate::output::shell;
use crate::output::terminal::{Voice, print, print_json};
use crate::run::experiment::tell;
use crate::system::interrupt::{self, Saving};
use crate::system::machine::Machine;
use crate::system::stop::{Reason, Stop};
use proxtape::data::Source;
use std::sync::Arc;
use std::time::Instant;

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
