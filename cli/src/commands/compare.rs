//! `compare`: every regulariser on the same data, network, seeds and budget.
//!
//! ```text
//! 1. the network without a penalty, at the first seed
//! 2. each method over its strengths, at the first seed; one is chosen by validation samples
//! 3. each method at its strength, seed by seed: the rows of the table
//! ```
//!
//! Test samples are read at the end of every training, and no choice depends on them. Where data
//! brings no test set of its own, each seed cuts another one from the same samples.

mod choose;

use crate::args::CompareArgs;
use crate::failure::{Ending, Failure};
use crate::recipe;
use crate::run::origin;
use crate::run::samples::read;
use crate::study::{
    self, Done, Finished, Folder, Grid, Kind, Method, Plan, Role, Row, Task, Trial, TrialRow,
};
use crate::system::context::Context;
use choose::Candidate;
use proxtape::optim::Family;
use proxtape::train::{Measure, Target};
use std::sync::Arc;

/// The method that the others are compared with.
const BASELINE: Method = Method::Penalty(Family::None);

/// Runs the command.
pub(crate) fn run(args: &CompareArgs, context: &mut Context) -> Result<Ending, Failure> {
    let machine = context.machine()?;
    let (folder, source) = match &args.study.resume {
        Some(path) => {
            let moved = args.overrides.location.data.as_ref();
            Folder::resume(path, Kind::Compare, moved, context.terminal)?
        }
        None => {
            args.overrides.expect_no(&["regularizer", "lambda"], "--families and --lambdas")?;
            let mut recipe = args.overrides.resolve(args.recipe.as_deref())?;
            let keep = size(recipe.target.take())?;
            let source = Arc::new(read(&recipe.data)?);
            let mut families = study::methods(&args.families, &recipe, &source)?;
            // Accuracy is measured by it.
            if keep.is_none() && !families.contains(&BASELINE) {
                families.insert(0, BASELINE);
            }
            let grid = Grid {
                data_hash: Some(origin::hash(&source)),
                kind: Kind::Compare,
                families,
                lambdas: args.grid.lambdas()?,
                points: args.grid.grid.get(),
                seeds: args.grid.seeds(recipe.train.seed, 5)?,
                tolerance: keep.is_none().then_some(args.tolerance),
                keep: keep.map(f64::from),
            };
            (Folder::start(args.study.out.as_deref(), recipe, grid)?, source)
        }
    };
    let plan = Comparison { grid: folder.grid.clone() };
    machine.install(|| study::run(folder, source, &plan, &machine, context))
}

/// The size at which networks are compared: lambda is chosen here, not moved while training.
fn size(target: Option<recipe::Target>) -> Result<Option<f32>, Failure> {
    match target {
        None => Ok(None),
        Some(recipe::Target(Target { of: Measure::Weights, share })) => Ok(Some(share)),
        Some(recipe::Target(Target { of, .. })) => Err(Failure::usage(format!(
            "networks are compared at a share of their weights, by --keep; found a target for {of}"
        ))),
    }
}

struct Comparison {
    grid: Grid,
}

/// The choice of a method's strength, so far.
struct Choice {
    /// The trainings that the choice is made by.
    trials: Vec<Trial>,
    /// How many more there may be, once these are finished.
    later: usize,
    made: Option<Made>,
}

struct Made {
    strength: f32,
    note: Option<String>,
}

impl Comparison {
    fn at(&self, method: Method, strength: f32) -> Trial {
        Trial { method, strength, seed: self.grid.seeds[0] }
    }

    /// The choice of a method's strength, from the finished trials.
    fn choice(&self, method: Method, done: &Done) -> Choice {
        let mut strengths = self.grid.strengths(method);
        if let [strength] = strengths[..] {
            // One alone needs no choice, and no training for it.
            return Choice {
                trials: Vec::new(),
                later: 0,
                made: Some(Made { strength, note: None }),
            };
        }
        let mut refinements = 0;
        loop {
            let trials: Vec<Trial> = strengths.iter().map(|&s| self.at(method, s)).collect();
            let finished: Vec<&Finished> =
                trials.iter().filter_map(|trial| done.get(trial)).collect();
            let most = if self.grid.keep.is_some() { choose::REFINEMENTS - refinements } else { 0 };
            if finished.len() < trials.len() {
                return Choice { trials, later: most, made: None };
            }
            let candidates = candidates(&strengths, &finished);
            let refined = self.grid.keep.filter(|_| most > 0);
            match refined.and_then(|keep| choose::refine(&candidates, keep)) {
                Some(strength) => {
                    strengths.push(strength);
                    refinements += 1;
                }
                None => {
                    let made = self.decide(method, &candidates, done);
                    return Choice { trials, later: 0, made };
                }
            }
        }
    }

    /// None while the network without a penalty is not trained.
    fn decide(&self, method: Method, candidates: &[Candidate], done: &Done) -> Option<Made> {
        let label = method.label();
        let Some(first) = candidates.first() else {
            // Every trial has diverged: any strength shows it.
            let strength = self.grid.strengths(method)[0];
            return Some(Made { strength, note: None });
        };
        if let Some(keep) = self.grid.keep {
            let best = choose::nearest(candidates, keep).unwrap_or(first);
            let note = (!choose::is_near(best, keep)).then(|| {
                format!(
                    "{label}: the nearest to {:.1} % of the weights is {:.1} %",
                    100.0 * keep,
                    100.0 * best.kept
                )
            });
            return Some(Made { strength: best.strength, note });
        }
        let baseline = done.get(&self.at(BASELINE, 0.0))?.summary.as_ref().ok();
        let Some(baseline) = baseline else {
            let best = choose::most_accurate(candidates).unwrap_or(first);
            let note = format!(
                "{label}: the network without a penalty has diverged, so no tolerance applies and the most \
                 accurate is told"
            );
            return Some(Made { strength: best.strength, note: Some(note) });
        };
        let whole = baseline.validation_accuracy.unwrap_or(0.0);
        let tolerance = self.grid.tolerance.unwrap_or(0.0);
        let floor = whole - tolerance / 100.0;
        let (best, note) = match choose::sparsest(candidates, floor) {
            Some(best) => {
                let is_last = candidates.iter().all(|other| other.kept >= best.kept);
                let note = (is_last && best.kept < 1.0).then(|| {
                    format!("{label}: the sparsest of its grid was good enough; try a wider one")
                });
                (best, note)
            }
            None => {
                let note = format!(
                    "{label}: none is within {tolerance} points of {:.2} %, so the most accurate is \
                     told",
                    100.0 * whole
                );
                (choose::most_accurate(candidates).unwrap_or(first), Some(note))
            }
        };
        Some(Made { strength: best.strength, note })
    }
}

/// Those that have not diverged.
fn candidates(strengths: &[f32], finished: &[&Finished]) -> Vec<Candidate> {
    let known = strengths.iter().zip(finished).filter_map(|(&strength, finished)| {
        let summary = finished.summary.as_ref().ok()?;
        Some(Candidate {
            strength,
            kept: summary.counts.weights_kept as f64 / summary.counts.weights.max(1) as f64,
            accuracy: summary.validation_accuracy.unwrap_or(0.0),
        })
    });
    known.collect()
}

impl Plan for Comparison {
    fn tasks(&self, done: &Done) -> (Vec<Task>, Vec<Method>) {
        let Grid { families, seeds, .. } = &self.grid;
        let choices: Vec<(Method, Choice)> =
            families.iter().map(|&method| (method, self.choice(method, done))).collect();
        let result = |trial| Task { trial, role: Role::Result, chosen: true };
        let (mut tasks, mut later) = (Vec::new(), Vec::new());
        // First the baseline of all choices.
        if families.contains(&BASELINE) {
            tasks.push(result(self.at(BASELINE, 0.0)));
        }
        for (method, choice) in &choices {
            let strength = choice.made.as_ref().map(|made| made.strength);
            let others = choice.trials.iter().filter(|trial| Some(trial.strength) != strength);
            tasks.extend(others.map(|&trial| Task { trial, role: Role::Choice, chosen: false }));
            later.extend(vec![*method; choice.later]);
        }
        for &seed in seeds {
            for (method, choice) in &choices {
                match &choice.made {
                    Some(Made { strength, .. }) => {
                        let trial = Trial { method: *method, strength: *strength, seed };
                        if !(*method == BASELINE && seed == seeds[0]) {
                            tasks.push(result(trial));
                        }
                    }
                    // One of the trainings of the choice will be the first seed's.
                    None if seed == seeds[0] => {}
                    None => later.push(*method),
                }
            }
        }
        (tasks, later)
    }

    fn rows(&self, trials: &[TrialRow]) -> Vec<Row> {
        let row = |method: &Method| {
            let trials = trials.iter().filter(|trial| trial.family == *method && trial.chosen);
            Row::of(&trials.collect::<Vec<_>>())
        };
        self.grid.families.iter().filter_map(row).collect()
    }

    fn notes(&self, done: &Done) -> Vec<String> {
        let choices = self.grid.families.iter().map(|&method| self.choice(method, done));
        choices.filter_map(|choice| choice.made?.note).collect()
    }
}
