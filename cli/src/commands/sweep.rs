//! `sweep`: one regulariser at many strengths, the front of accuracy against size.

use crate::args::SweepArgs;
use crate::failure::{Ending, Failure};
use crate::run::origin;
use crate::run::samples::read;
use crate::study::{
    self, Done, Folder, Grid, Kind, Method, Metric, Plan, Role, Row, Task, Trial, TrialRow, front,
};
use crate::system::context::Context;
use proxtape::optim::Family;
use std::sync::Arc;

/// Runs the command.
pub(crate) fn run(args: &SweepArgs, context: &mut Context) -> Result<Ending, Failure> {
    let machine = context.machine()?;
    let (folder, source) = match &args.study.resume {
        Some(path) => {
            let moved = args.overrides.location.data.as_ref();
            Folder::resume(path, Kind::Sweep, moved, context.terminal)?
        }
        None => {
            args.overrides.expect_no(&["lambda"], "--lambdas")?;
            let recipe = args.overrides.resolve(args.recipe.as_deref())?;
            let method = args.family.unwrap_or(Method::Penalty(recipe.penalty.0.family));
            if method == Method::Penalty(Family::None) {
                return Err(Failure::usage(
                    "a sweep is over the strengths of a regulariser, and the recipe has none; name \
                     one by --regularizer",
                ));
            }
            if recipe.target.is_some() {
                return Err(Failure::usage(
                    "a sweep tries strengths, and a target moves lambda; leave --keep and [target] out",
                ));
            }
            let lambdas = args.grid.lambdas()?;
            if method == Method::Magnitude && lambdas.iter().flatten().any(|&share| share > 1.0) {
                return Err(Failure::usage("--lambdas of magnitude are shares, up to 1"));
            }
            let source = Arc::new(read(&recipe.data)?);
            let grid = Grid {
                data_hash: Some(origin::hash(&source)),
                kind: Kind::Sweep,
                families: study::methods(&[method], &recipe, &source)?,
                lambdas,
                points: args.grid.grid.get(),
                seeds: args.grid.seeds(recipe.train.seed, 1)?,
                tolerance: None,
                keep: None,
            };
            (Folder::start(args.study.out.as_deref(), recipe, grid)?, source)
        }
    };
    let plan = Sweep { grid: folder.grid.clone() };
    machine.install(|| study::run(folder, source, &plan, &machine, context))
}

struct Sweep {
    grid: Grid,
}

impl Plan for Sweep {
    fn tasks(&self, _: &Done) -> (Vec<Task>, Vec<Method>) {
        let mut tasks = Vec::new();
        for &seed in &self.grid.seeds {
            for &method in &self.grid.families {
                for strength in self.grid.strengths(method) {
                    let trial = Trial { method, strength, seed };
                    tasks.push(Task { trial, role: Role::Result, chosen: true });
                }
            }
        }
        (tasks, Vec::new())
    }

    /// One for each strength, in the order of their sizes.
    fn rows(&self, trials: &[TrialRow]) -> Vec<Row> {
        let strengths: Vec<f32> =
            self.grid.families.iter().flat_map(|&method| self.grid.strengths(method)).collect();
        let row = |strength: &f32| {
            let trials = trials.iter().filter(|trial| trial.lambda == Some(*strength));
            Row::of(&trials.collect::<Vec<_>>())
        };
        let mut rows: Vec<Row> = strengths.iter().filter_map(row).collect();
        let point = |row: &Row| {
            let mean = |metric| row.numbers.mean(metric).unwrap_or(f64::NAN);
            (mean(Metric::WeightsKept), mean(Metric::ValidationAccuracy))
        };
        let points: Vec<_> = rows.iter().map(point).collect();
        for (row, is_on) in rows.iter_mut().zip(front(&points)) {
            row.front = Some(is_on);
        }
        rows
    }

    fn notes(&self, _: &Done) -> Vec<String> {
        Vec::new()
    }
}
