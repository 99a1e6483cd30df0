//! `train`: one training, from its recipe to its summary.

use crate::args::TrainArgs;
use crate::failure::{Ending, Failure};
use crate::output::shell;
use crate::output::terminal::print_json;
use crate::recipe::{self, Recipe};
use crate::run::folder::RunFolder;
use crate::run::model_file::Trained;
use crate::run::samples::{gone, read};
use crate::run::training::{Destination, Ended, Job, train};
use crate::run::{model_data, tables};
use crate::system::context::Context;
use crate::system::file::is_there;
use crate::system::interrupt;
use proxtape::data::Source;
use std::sync::Arc;

/// Runs the command.
pub(crate) fn run(args: &TrainArgs, context: &mut Context) -> Result<Ending, Failure> {
    let machine = context.machine()?;
    let (recipe, source, destination) = match &args.resume {
        Some(folder) => {
            let folder = RunFolder::open(folder)?;
            let mut recipe = recipe_of(&folder)?;
            recipe.data.move_to(args.overrides.location.data.as_ref());
            let source = source_of(&folder, &recipe.data)?;
            (recipe, Some(Arc::new(source)), Destination::Resume(folder))
        }
        None => {
            let recipe = args.overrides.resolve(args.recipe.as_deref())?;
            (recipe, None, Destination::New(args.out.as_deref()))
        }
    };
    let job = Job { recipe, source, destination, label: String::new() };
    let terminal = context.terminal;
    match machine.install(|| train(job, &machine, &mut context.stop, terminal))? {
        Ended::Done(summary) => {
            terminal.say_lines(&tables::text(&summary));
            if context.json {
                print_json(&summary)?;
            }
            Ok(Ending::Done)
        }
        Ended::Stopped(stopped) => {
            terminal.say(format_args!(
                "interrupted at {:.1} % and saved; go on with `proxtape train --resume {}`",
                100.0 * stopped.fraction,
                shell::word(&stopped.folder)
            ));
            if context.json {
                print_json(&stopped)?;
            }
            Ok(Ending::Interrupted(interrupt::signal()))
        }
        Ended::Diverged(failure) => Err(failure),
    }
}

/// The recipe that a run has saved.
fn recipe_of(folder: &RunFolder) -> Result<Recipe, Failure> {
    for (file, command) in [("compare.toml", "compare"), ("sweep.toml", "sweep")] {
        if is_there(&folder.path().join(file))? {
            return Err(Failure::failed(format!(
                "{}: expected the folder of a training, found many trainings; go on with them by \
                 `proxtape {command} --resume {}`",
                folder.path().display(),
                shell::word(folder.path())
            )));
        }
    }
    recipe::read(&folder.recipe())
}

/// The data of a run that goes on. Columns are found by the names that its model keeps, once there is one.
fn source_of(folder: &RunFolder, data: &recipe::Data) -> Result<Source, Failure> {
    let model = folder.model();
    // One that is there and cannot be read is damaged: an error.
    let read = match is_there(&model)? {
        true => model_data::read(&Trained::read(&model)?, data),
        false => read(data),
    };
    read.map_err(|e| gone(e, data))
}
