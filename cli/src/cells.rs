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
mod cell;
mod cost;
mod folder;
mod grid;
mod method;
mod metric;
mod outcome;
mod table;

pub(crate) use budget::Budget;
pub(crate) use cell::{Cell, Finished, Role};
pub(crate) use folder::Folder;
pub(crate) use grid::{Grid, Kind, middle};
pub(crate) use method::Method;
pub(crate) use metric::{Metric, Spread};
pub(crate) use outcome::{CellRow, Outcome, Row};

use crate::compact::{Refused, shrink};
use crate::experiment::{Samples, build, read};
use crate::failure::{Ending, Failure};
use crate::machine::Machine;
use crate::number::{duration, grouped, percent, threads};
use crate::recipe::Recipe;
use crate::run_folder::{read_text, refused, write_text};
use crate::stop::{Reason, Stop};
use crate::train::{Ended, Job, Place, train};
use crate::voice::{Voice, print, print_json};
use cell::{BATCH, COMPACT, DIVERGED};
use cost::Costs;
use proxtape::data::Source;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
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
    folder: Folder,
    plan: &dyn Plan,
    mut orders: Orders<'_>,
) -> Result<Ending, Failure> {
    let source = Arc::new(read(&folder.recipe.data)?);
    let mut cells = Cells { folder, source, done: Done::default(), machine: orders.machine };
    cells.find(plan)?;
    let reason = cells.go(plan, &mut orders)?;
    let outcome = cells.write(plan)?;
    match orders.json {
        true => print_json(&outcome)?,
        false => print(&table::text(&outcome))?,
    }
    let Some(reason) = reason else { return Ok(Ending::Done) };
    let why = match reason {
        Reason::Interrupt => "interrupted and saved",
        Reason::Deadline => "the time is spent, and all is saved",
    };
    orders.voice.say(format_args!(
        "{why}: {} of {} trainings are finished; go on with `proxtape {} --resume {}`",
        outcome.cells.len(),
        outcome.planned,
        outcome.kind.name(),
        outcome.folder
    ));
    Ok(match reason {
        Reason::Interrupt => Ending::Interrupted,
        Reason::Deadline => Ending::Done,
    })
}

struct Cells<'a> {
    folder: Folder,
    source: Arc<Source>,
    done: Done,
    machine: &'a Machine,
}

impl Cells<'_> {
    /// Finds the finished trainings of a plan; each may make others wanted.
    fn find(&mut self, plan: &dyn Plan) -> Result<(), Failure> {
        loop {
            let (tasks, _) = plan.tasks(&self.done);
            let mut found = false;
            for Task { cell, .. } in tasks {
                if self.done.get(&cell).is_none() {
                    found |= self.look(&cell)?;
                }
            }
            if !found {
                return Ok(());
            }
        }
    }

    /// Reads what a training has left, if it is finished.
    fn look(&mut self, cell: &Cell) -> Result<bool, Failure> {
        let path = self.folder.cell(cell);
        let Some(finished) = Finished::read(&path)? else { return Ok(false) };
        let recipe = path.join("recipe.toml");
        folder::same(&recipe, &read_text(&recipe)?, &cell.recipe(&self.folder.recipe).to_toml())?;
        self.done.0.insert(cell.name(), finished);
        Ok(true)
    }

    /// Runs the trainings that are wanted until there is none, or until it is to stop.
    fn go(&mut self, plan: &dyn Plan, orders: &mut Orders<'_>) -> Result<Option<Reason>, Failure> {
        let voice = orders.voice;
        let mut costs = self.costs(plan)?;
        let mut first = true;
        loop {
            let (tasks, later) = plan.tasks(&self.done);
            let planned = tasks.len() + later.len();
            let is_left = |task: &&Task| self.done.get(&task.cell).is_none();
            let left: Vec<_> = tasks.iter().filter(is_left).map(|task| task.cell.method).collect();
            let finished = tasks.len() - left.len();
            let seconds = costs.sum(left.iter().chain(&later).copied());
            if first {
                voice.say(self.announcement(planned, finished, seconds));
                if orders.deadline.is_some_and(|end| {
                    seconds > end.saturating_duration_since(Instant::now()).as_secs_f64()
                }) {
                    voice.say("the time that was given will not do for all of them");
                }
                first = false;
            }
            let Some(task) = tasks.iter().find(|task| !self.done.serves(task)) else {
                return Ok(None);
            };
            if let Some(reason) = orders.stop.reason() {
                return Ok(Some(reason));
            }
            let start = Instant::now();
            let is_new = self.done.get(&task.cell).is_none();
            let number = finished + usize::from(is_new);
            let label = format!("{number} of {planned}  {}  ", task.cell.told());
            let was_begun = self.folder.cell(&task.cell).is_dir();
            if !self.take(task, (&mut orders.stop, voice, label))? {
                return Ok(orders.stop.reason().or(Some(Reason::Interrupt)));
            }
            if !was_begun {
                costs.count(task.cell.method, start.elapsed());
            }
            if is_new {
                let (tasks, later) = plan.tasks(&self.done);
                let left = tasks.iter().filter(|task| self.done.get(&task.cell).is_none());
                let left = left.map(|task| task.cell.method).chain(later);
                let told = self.reached(&task.cell);
                let left = duration(costs.sum(left));
                voice.say(format_args!("{number:>3} of {planned}  {told}, about {left} left"));
            }
            self.write(plan)?;
        }
    }

    fn announcement(&self, planned: usize, finished: usize, seconds: f64) -> String {
        let finished = match finished {
            0 => String::new(),
            n => format!("; {} finished", if n == 1 { "1 is".into() } else { format!("{n} are") }),
        };
        let time = match seconds > 0.0 {
            true => format!(", about {}", duration(seconds)),
            false => String::new(),
        };
        format!(
            "{}: {} trainings{time} on {}, {}{finished}",
            self.folder.path().display(),
            grouped(planned),
            threads(self.machine.threads()),
            self.machine.isa()
        )
    }

    /// What a training has reached, in a line.
    fn reached(&self, cell: &Cell) -> String {
        let told = cell.told();
        match self.done.get(cell).map(|finished| &finished.summary) {
            Some(Ok(summary)) => {
                let counts = &summary.counts;
                let accuracy = summary.validation_accuracy.unwrap_or(f64::NAN);
                format!(
                    "{told}: validation {:.2} %, kept {} %, {:.1} s",
                    100.0 * accuracy,
                    percent(counts.weights_kept as u64, counts.weights as u64),
                    summary.train_seconds
                )
            }
            Some(Err(why)) => format!("{told}: {why}"),
            None => told,
        }
    }

    /// Does what a task lacks: the training, the compaction, or both. False where it was stopped.
    fn take(
        &mut self,
        task: &Task,
        (stop, voice, label): (&mut Stop, Voice, String),
    ) -> Result<bool, Failure> {
        let path = self.folder.cell(&task.cell);
        if self.done.get(&task.cell).is_none() {
            let place = match path.join("state.safetensors").is_file() {
                true => Place::Resume(&path),
                false => Place::New(Some(cleared(&path)?)),
            };
            let recipe = task.cell.recipe(&self.folder.recipe);
            let job = Job { recipe, source: Some(Arc::clone(&self.source)), place, label };
            match train(job, self.machine, (stop, voice.hushed()))? {
                Ended::Done(_) => {}
                Ended::Stopped(_) => return Ok(false),
                Ended::Diverged(why) => write_text(&path.join(DIVERGED), &format!("{why}\n"))?,
            }
            self.look(&task.cell)?;
        }
        if !self.done.serves(task) {
            let source = Some(Arc::clone(&self.source));
            let shrunk = shrink(&path.join("model.safetensors"), (source, &[BATCH]), self.machine)?;
            let text = match shrunk {
                Ok(outcome) => serde_json::to_string(&outcome),
                Err(Refused(why)) => serde_json::to_string(&serde_json::json!({ "refused": why })),
            };
            write_text(&path.join(COMPACT), &(text.map_err(Failure::failed)? + "\n"))?;
            self.look(&task.cell)?;
        }
        Ok(true)
    }

    /// Writes the tables of what there is.
    fn write(&self, plan: &dyn Plan) -> Result<Outcome<'_>, Failure> {
        let (tasks, later) = plan.tasks(&self.done);
        let is_done = later.is_empty() && tasks.iter().all(|task| self.done.serves(task));
        let cells: Vec<CellRow> = tasks
            .iter()
            .filter_map(|Task { cell, role, chosen }| {
                Some(CellRow::new(cell, (*role, *chosen), self.done.get(cell)?))
            })
            .collect();
        let grid = &self.folder.grid;
        let outcome = Outcome {
            status: if is_done { "done" } else { "partial" },
            kind: grid.kind,
            folder: self.folder.path().display().to_string(),
            recipe: &self.folder.recipe,
            version: env!("CARGO_PKG_VERSION"),
            threads: self.machine.threads(),
            isa: self.machine.isa(),
            seeds: &grid.seeds,
            tolerance: grid.tolerance,
            keep: grid.keep,
            planned: tasks.len() + later.len(),
            rows: plan.rows(&cells),
            notes: self.notes(plan, &tasks),
            cells,
        };
        let json = serde_json::to_string(&outcome).map_err(Failure::failed)?;
        write_text(&self.folder.table("json"), &(json + "\n"))?;
        write_text(&self.folder.table("md"), &table::markdown(&outcome))?;
        write_text(&self.folder.table("csv"), &table::csv(&outcome))?;
        Ok(outcome)
    }

    fn notes(&self, plan: &dyn Plan, tasks: &[Task]) -> Vec<String> {
        let mut notes = plan.notes(&self.done);
        for Task { cell, .. } in tasks {
            let Some(finished) = self.done.get(cell) else { continue };
            if let Err(why) = &finished.summary {
                notes.push(format!("{}: {why}", cell.told()));
            }
            let refused = finished.compact.as_ref().and_then(|compact| compact.refused.as_ref());
            if let Some(why) = refused {
                notes.push(format!("{}: {why}", cell.told()));
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
            let summary = self.done.get(&task.cell).and_then(|done| done.summary.as_ref().ok());
            summary.is_some_and(|summary| summary.isa != isa)
        };
        let others = tasks.iter().filter(other).count();
        if others > 0 {
            notes.push(format!("{others} trainings ran with another instruction set than {isa}"));
        }
        notes
    }

    /// Seconds of a training of each method: of one that is finished, or else from a few steps.
    fn costs(&self, plan: &dyn Plan) -> Result<Costs, Failure> {
        let (tasks, later) = plan.tasks(&self.done);
        let is_left = |task: &&Task| self.done.get(&task.cell).is_none();
        let left = tasks.iter().filter(is_left).map(|task| task.cell.method).chain(later);
        let mut costs = Costs::default();
        let mut seen: Vec<Method> = Vec::new();
        let mut samples = None;
        for method in left {
            if seen.contains(&method) {
                continue;
            }
            seen.push(method);
            let known = tasks.iter().filter(|task| task.cell.method == method);
            let known = known.filter_map(|task| self.done.get(&task.cell)?.summary.as_ref().ok());
            let seconds = match known.map(|summary| summary.train_seconds).reduce(f64::max) {
                Some(seconds) => seconds,
                None => {
                    let grid = &self.folder.grid;
                    let (strengths, seed) = (grid.strengths(method), grid.seeds[0]);
                    let strength = strengths[strengths.len() / 2];
                    let recipe = Cell { method, strength, seed }.recipe(&self.folder.recipe);
                    let samples = match &mut samples {
                        Some(samples) => samples,
                        none => none.insert(Samples::of(Some(Arc::clone(&self.source)), &recipe)?),
                    };
                    cost::probe(&recipe, samples, self.machine)?
                }
            };
            costs.set(method, seconds);
        }
        Ok(costs)
    }
}

/// A path without what a killed process has left there: no state, so nothing that counts.
fn cleared(path: &Path) -> Result<&Path, Failure> {
    if path.is_dir() {
        fs::remove_dir_all(path).map_err(|e| refused(path, "a folder to start anew in", &e))?;
    }
    Ok(path)
}

/// The methods that work with a recipe: those that are asked for, or else all that do.
///
/// # Errors
/// If one that is asked for does not, and the error tells why; or if no samples are kept to validate
/// by.
pub(crate) fn methods(asked: &[Method], recipe: &Recipe) -> Result<Vec<Method>, Failure> {
    let source = read(&recipe.data)?;
    let split = source.split(recipe.data.fractions(), recipe.train.seed)?;
    if split.validation.is_empty() {
        return Err(Failure::failed(format!(
            "recipe \"{}\": expected samples for validation, which lambda is chosen by, found none; \
             set validation in [data]",
            recipe.name
        )));
    }
    let set = &source.train;
    let (model, params) = build(recipe, &set.shape(), set.classes())?;
    let is_adam = matches!(recipe.train.optimizer.0, proxtape::optim::Rule::Adam { .. });
    let fits = |method: Method| -> Result<(), Failure> {
        let config = method.recipe(recipe, 0.0, 0).config();
        let regularized = config.penalty.resolve(&model, &params).map_err(Failure::failed)?;
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
