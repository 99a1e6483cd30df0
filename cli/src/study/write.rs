//! The files of the finished trials: `compare.json`, `.md` and `.csv`.

use super::plan::{Plan, Study};
use super::results::{Results, TrialRow};
use super::table;
use super::trial::Task;
use crate::failure::Failure;
use crate::output::terminal::json;
use crate::system::draft::write_text;

impl Study<'_> {
    /// Writes the tables of the finished trials.
    pub(super) fn write(&self, plan: &dyn Plan) -> Result<Results<'_>, Failure> {
        let results = self.write_json(plan)?;
        write_text(&self.folder.table("md"), &table::markdown(&results))?;
        write_text(&self.folder.table("csv"), &table::csv(&results))?;
        Ok(results)
    }

    /// Writes the object alone, for people who watch.
    pub(super) fn write_json(&self, plan: &dyn Plan) -> Result<Results<'_>, Failure> {
        let (tasks, later) = plan.tasks(&self.done);
        let is_done = later.is_empty() && tasks.iter().all(|task| self.done.serves(task));
        let trials: Vec<TrialRow> = tasks
            .iter()
            .filter_map(|task| Some(TrialRow::new(task, self.done.get(&task.trial)?)))
            .collect();
        let grid = &self.folder.grid;
        let is_lost = |trial: &TrialRow| trial.diverged.is_some();
        // The baseline of the accuracies.
        let baseline = |trial: &&TrialRow| trial.lambda.is_none() && trial.seed == grid.seeds[0];
        let has_baseline = !trials.iter().find(baseline).is_some_and(is_lost);
        let status = match is_done {
            false => "partial",
            true if trials.iter().all(is_lost) => "diverged",
            true => "done",
        };
        let results = Results {
            status,
            kind: grid.kind,
            folder: self.folder.path().display().to_string(),
            recipe: &self.folder.recipe,
            version: env!("CARGO_PKG_VERSION"),
            threads: self.machine.threads(),
            isa: self.machine.isa(),
            seeds: &grid.seeds,
            tolerance: grid.tolerance.filter(|_| has_baseline),
            keep: grid.keep,
            planned: tasks.len() + later.len(),
            rows: plan.rows(&trials),
            notes: self.notes(plan, &tasks),
            trials,
        };
        write_text(&self.folder.table("json"), &(json(&results)? + "\n"))?;
        Ok(results)
    }

    fn notes(&self, plan: &dyn Plan, tasks: &[Task]) -> Vec<String> {
        let mut notes = plan.notes(&self.done);
        for Task { trial, .. } in tasks {
            let Some(finished) = self.done.get(trial) else { continue };
            if let Err(why) = &finished.summary {
                notes.push(format!("{}: {why}", trial.description()));
            }
            let refused = finished.compact.as_ref().and_then(|compact| compact.refused.as_ref());
            if let Some(why) = refused {
                notes.push(format!("{}: {why}", trial.description()));
            }
        }
        let own = self.folder.recipe.penalty.0.layers.iter();
        let own = own.filter(|own| own.family.is_some() || own.lambda.is_some());
        let own: Vec<_> = own.map(|own| own.layer.as_str()).collect();
        if !own.is_empty() {
            let own = own.join(", ");
            notes.push(format!("what the recipe tells of the lambda of {own} alone is not used"));
        }
        let isa = self.machine.isa();
        let other = |task: &&Task| {
            let summary = self.done.get(&task.trial).and_then(|done| done.summary.as_ref().ok());
            summary.is_some_and(|summary| summary.isa != isa)
        };
        let others = tasks.iter().filter(other).count();
        if others > 0 {
            notes.push(format!("{others} trainings ran with another instruction set than {isa}"));
        }
        notes
    }
}
