//! A study from its start to its table.

use super::folder::Folder;
use super::plan::{Done, Plan, Study};
use super::table;
use crate::failure::{Ending, Failure};
use crate::output::shell;
use crate::run::samples::note_reading;
use crate::system::context::Context;
use crate::system::interrupt::{self, Saving};
use crate::system::machine::Machine;
use crate::system::stop::Reason;
use proxtape::data::Source;
use std::sync::Arc;

/// Runs the trials of a plan, and prints the table of the finished ones.
pub(crate) fn run(
    folder: Folder,
    source: Arc<Source>,
    plan: &dyn Plan,
    machine: &Machine,
    context: &mut Context,
) -> Result<Ending, Failure> {
    // An end between two trials is reported, too.
    let _saving = Saving::begin();
    folder.note_lock(context.terminal);
    note_reading(&source, &folder.recipe.data, context.terminal);
    let mut study = Study { folder, source, done: Done::default(), machine };
    study.find(plan)?;
    let reason = match study.go(plan, context) {
        Err(Failure::Interrupted(_)) => Some(Reason::Interrupt),
        ended => ended?,
    };
    let results = study.write(plan)?;
    context.answer(&results, &|| table::text(&results))?;
    let Some(reason) = reason.or_else(|| interrupt::asked().map(|_| Reason::Interrupt)) else {
        return results.expect_results().map(|()| Ending::Done);
    };
    let why = match reason {
        Reason::Interrupt => "interrupted and saved",
        Reason::Deadline => "the time is spent, and all is saved",
    };
    context.terminal.say(format_args!(
        "{why}: {} of {} trainings are finished; go on with `proxtape {} --resume {}`",
        results.trials.len(),
        results.planned,
        results.kind.name(),
        shell::word(study.folder.path())
    ));
    Ok(match reason {
        Reason::Interrupt => Ending::Interrupted(interrupt::signal()),
        Reason::Deadline => Ending::Done,
    })
}
