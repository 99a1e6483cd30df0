//! The loop over the wanted trials.

use super::cost::{Costs, probe};
use super::folder;
use super::method::Method;
use super::plan::{Plan, Study};
use super::trial::{BATCH, COMPACT, Finished, Task, Trial};
use crate::failure::Failure;
use crate::output::number::{duration, grouped, percent, threads};
use crate::output::terminal::{Terminal, json};
use crate::recipe;
use crate::run::compaction::{Verdict, shrink};
use crate::run::folder::RunFolder;
use crate::run::model_data;
use crate::run::model_file::Trained;
use crate::run::network::{Initial, build};
use crate::run::samples::Samples;
use crate::run::start_weights;
use crate::run::training::{Destination, Ended, Job, train};
use crate::system::context::Context;
use crate::system::draft::write_text;
use crate::system::file::{is_there, read_text, refused};
use crate::system::interrupt;
use crate::system::stop::{Reason, Stop};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

impl Study<'_> {
    /// Finds the finished trainings of a plan; each may make others wanted.
    pub(super) fn find(&mut self, plan: &dyn Plan) -> Result<(), Failure> {
        loop {
            let (tasks, _) = plan.tasks(&self.done);
            let mut found = false;
            for Task { trial, .. } in tasks {
                if self.done.get(&trial).is_none() {
                    found |= self.look(&trial)?;
                }
            }
            if !found {
                return Ok(());
            }
        }
    }

    /// Reads the files of a trial, if it is finished.
    fn look(&mut self, trial: &Trial) -> Result<bool, Failure> {
        let path = self.folder.trial(trial);
        let Some(finished) = Finished::read(&path)? else { return Ok(false) };
        let file = path.join("recipe.toml");
        let (saved, asked) = (read_text(&file)?, trial.recipe(&self.folder.recipe).to_toml());
        if !recipe::is_same(&saved, &asked) {
            folder::same(&file, &saved, &asked)?;
        }
        self.done.add(trial, finished);
        Ok(true)
    }

    /// Runs the trainings that are wanted until there is none, or until it is to stop.
    pub(super) fn go(
        &mut self,
        plan: &dyn Plan,
        context: &mut Context,
    ) -> Result<Option<Reason>, Failure> {
        let terminal = context.terminal;
        let mut costs = self.costs(plan)?;
        let mut first = true;
        loop {
            let (tasks, later) = plan.tasks(&self.done);
            let planned = tasks.len() + later.len();
            let is_left = |task: &&Task| self.done.get(&task.trial).is_none();
            let left: Vec<_> = tasks.iter().filter(is_left).map(|task| task.trial.method).collect();
            let finished = tasks.len() - left.len();
            let seconds = costs.sum(left.iter().chain(&later).copied());
            if first {
                if !left.is_empty() {
                    self.check_start(terminal)?;
                }
                terminal.say(self.announcement(planned, finished, seconds));
                if context.stop.deadline().is_some_and(|end| {
                    seconds > end.saturating_duration_since(Instant::now()).as_secs_f64()
                }) {
                    terminal.say("the time that was given will not do for all of them");
                }
                first = false;
            }
            let Some(task) = tasks.iter().find(|task| !self.done.serves(task)) else {
                return Ok(None);
            };
            if let Some(reason) = context.stop.reason() {
                return Ok(Some(reason));
            }
            let start = Instant::now();
            let is_new = self.done.get(&task.trial).is_none();
            let number = finished + usize::from(is_new);
            let label = format!("{number} of {planned}  {}  ", task.trial.description());
            let was_begun = self.folder.trial(&task.trial).is_dir();
            if !self.take(task, &mut context.stop, terminal, label)? {
                return Ok(context.stop.reason().or(Some(Reason::Interrupt)));
            }
            if !was_begun {
                costs.count(task.trial.method, start.elapsed());
            }
            if is_new {
                let (tasks, later) = plan.tasks(&self.done);
                let left = tasks.iter().filter(|task| self.done.get(&task.trial).is_none());
                let left: Vec<_> = left.map(|task| task.trial.method).chain(later).collect();
                let reached = self.reached(&task.trial);
                let left = match left.is_empty() {
                    true => String::new(),
                    false => format!(", about {} left", duration(costs.sum(left.into_iter()))),
                };
                terminal.say(format_args!("{number:>3} of {planned}  {reached}{left}"));
            }
            self.write_json(plan)?;
        }
    }

    /// Checks the weights that all start from, once and with notes: trials have a line each.
    fn check_start(&self, terminal: Terminal) -> Result<(), Failure> {
        let recipe = &self.folder.recipe;
        let Some(weights) = &recipe.model.weights else { return Ok(()) };
        let mut network = build(recipe, &self.source.train, Initial::Saved)?;
        start_weights::load(weights, &recipe.model, network.params_mut(), terminal)
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

    /// The results of a trial, in a line.
    fn reached(&self, trial: &Trial) -> String {
        let name = trial.description();
        match self.done.get(trial).map(|finished| &finished.summary) {
            Some(Ok(summary)) => {
                let counts = &summary.counts;
                let accuracy = summary.validation_accuracy.unwrap_or(f64::NAN);
                format!(
                    "{name}: validation {:.2} %, kept {} %, {:.1} s",
                    100.0 * accuracy,
                    percent(counts.weights_kept as u64, counts.weights as u64),
                    summary.train_seconds
                )
            }
            Some(Err(why)) => format!("{name}: {why}"),
            None => name,
        }
    }

    /// Runs the missing parts of a task: the training, the compaction, or both. False where it was stopped.
    fn take(
        &mut self,
        task: &Task,
        stop: &mut Stop,
        terminal: Terminal,
        label: String,
    ) -> Result<bool, Failure> {
        let path = self.folder.trial(&task.trial);
        if self.done.get(&task.trial).is_none() {
            let destination = match is_there(&RunFolder::at(&path).state())? {
                true => Destination::Resume(RunFolder::open(&path)?),
                false => Destination::New(Some(cleared(&path)?)),
            };
            let recipe = task.trial.recipe(&self.folder.recipe);
            let job = Job { recipe, source: Some(Arc::clone(&self.source)), destination, label };
            match train(job, self.machine, stop, terminal.without_text())? {
                Ended::Done(_) | Ended::Diverged(_) => {}
                Ended::Stopped(_) => return Ok(false),
            }
            self.look(&task.trial)?;
        }
        if !self.done.serves(task) {
            let source = Some(Arc::clone(&self.source));
            let model = path.join("model.safetensors");
            let dense = Trained::read(&model)?;
            let asked = task.trial.recipe(&self.folder.recipe).to_toml();
            if !recipe::is_same(&dense.recipe.to_toml(), &asked) {
                return Err(Failure::failed(format!(
                    "{}: expected the network of {}, found one of another recipe; put its own back, or \
                     remove the folder of this training, and it will run again",
                    model.display(),
                    task.trial.description()
                )));
            }
            let samples = model_data::own(&model, &dense, source, terminal.without_text())?;
            let text = match shrink(&model, &dense, &samples, &[BATCH], self.machine)? {
                Verdict::Same(compaction) => json(&compaction)?,
                Verdict::Differs(why) => {
                    let model = model.display().to_string();
                    json(&serde_json::json!({ "model": model, "refused": why }))?
                }
            };
            write_text(&path.join(COMPACT), &(text + "\n"))?;
            self.look(&task.trial)?;
        }
        Ok(true)
    }

    /// Seconds of a training of each method: of one that is finished, or else from a few steps. An error if
    /// an end is asked for.
    fn costs(&self, plan: &dyn Plan) -> Result<Costs, Failure> {
        let (tasks, later) = plan.tasks(&self.done);
        let is_left = |task: &&Task| self.done.get(&task.trial).is_none();
        let left = tasks.iter().filter(is_left).map(|task| task.trial.method).chain(later);
        let mut costs = Costs::default();
        let mut seen: Vec<Method> = Vec::new();
        let mut samples = None;
        for method in left {
            if seen.contains(&method) {
                continue;
            }
            seen.push(method);
            interrupt::check()?;
            let known = tasks.iter().filter(|task| task.trial.method == method);
            let known = known.filter_map(|task| self.done.get(&task.trial)?.summary.as_ref().ok());
            let seconds = match known.map(|summary| summary.train_seconds).reduce(f64::max) {
                Some(seconds) => seconds,
                None => {
                    let grid = &self.folder.grid;
                    let (strengths, seed) = (grid.strengths(method), grid.seeds[0]);
                    let strength = strengths[strengths.len() / 2];
                    let recipe = Trial { method, strength, seed }.recipe(&self.folder.recipe);
                    let samples = match &mut samples {
                        Some(samples) => samples,
                        none => none.insert(Samples::of(Some(Arc::clone(&self.source)), &recipe)?),
                    };
                    probe(&recipe, samples, self.machine)?
                }
            };
            costs.set(method, seconds);
        }
        Ok(costs)
    }
}

/// A path without the files of a killed process: there is no state, so nothing is lost.
fn cleared(path: &Path) -> Result<&Path, Failure> {
    if is_there(path)? {
        let _lock = RunFolder::lock(path)?;
        fs::remove_dir_all(path).map_err(|e| refused(path, "a folder to start anew in", &e))?;
    }
    Ok(path)
}
