//! `compact`: a smaller network without the zeros, verified against the dense one.

use crate::args::CompactArgs;
use crate::failure::{Ending, Failure};
use crate::run::compaction::{BATCHES, Verdict, shrink};
use crate::run::folder::model_path;
use crate::run::model_data;
use crate::run::model_file::Trained;
use crate::system::context::Context;

/// Runs the command.
pub(crate) fn run(args: &CompactArgs, context: &mut Context) -> Result<Ending, Failure> {
    let machine = context.machine()?;
    let path = model_path(&args.model)?;
    let terminal = context.terminal;
    let verdict = machine.install(|| {
        let mut dense = Trained::read(&path)?;
        dense.note_vanished(&path, terminal);
        dense.recipe.data.move_to(args.location.data.as_ref());
        let samples = model_data::own(&path, &dense, None, terminal)?;
        shrink(&path, &dense, &samples, &BATCHES, &machine)
    })?;
    match verdict {
        Verdict::Differs(why) => Err(Failure::failed(why)),
        Verdict::Same(compaction) => {
            context.answer(&compaction, &|| compaction.text())?;
            Ok(Ending::Done)
        }
    }
}
