//! The arguments of commands that train many networks.

use super::budget::Budget;
use super::common::{Speech, Threads, at_least_one};
use crate::args::overrides::{Overrides, strength};
use crate::failure::Failure;
use crate::study::Method;
use crate::system::stop::Stop;
use clap::Args;
use clap::builder::TypedValueParser;
use core::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A recipe file (TOML) or the name of a shipped recipe [default: digits]
    pub(crate) recipe: Option<String>,

    /// Regularisers, by commas, and magnitude, which is pruning [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "resume")]
    pub(crate) families: Vec<Method>,

    /// Choose the network with the fewest weights whose validation accuracy is so many points below
    /// that without a penalty, at most
    #[arg(long, value_name = "POINTS", default_value_t = 0.5, value_parser = points())]
    #[arg(conflicts_with_all = ["resume", "keep"])]
    pub(crate) tolerance: f64,

    #[command(flatten)]
    pub(crate) grid: GridArgs,

    #[command(flatten)]
    pub(crate) study: StudyArgs,

    #[command(flatten)]
    pub(crate) overrides: Overrides,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// A recipe file (TOML) or the name of a shipped recipe [default: digits]
    pub(crate) recipe: Option<String>,

    /// The regulariser, or magnitude, which is pruning [default: the recipe's]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["resume", "regularizer"])]
    pub(crate) family: Option<Method>,

    #[command(flatten)]
    pub(crate) grid: GridArgs,

    #[command(flatten)]
    pub(crate) study: StudyArgs,

    #[command(flatten)]
    pub(crate) overrides: Overrides,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) speech: Speech,
}

/// Strengths and seeds.
#[derive(Debug, Args)]
#[group(id = "Grid", multiple = true)]
pub(crate) struct GridArgs {
    /// Lambdas to try, by commas, for every penalty [default: a range of each]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = strength)]
    #[arg(allow_negative_numbers = true)]
    lambdas: Vec<f32>,

    /// How many lambdas of a range to try
    #[arg(long, value_name = "N", default_value = "7", value_parser = count())]
    pub(crate) grid: NonZeroUsize,

    /// How many seeds, from the recipe's [default: 5 to compare, 1 to sweep]
    #[arg(long, value_name = "N", value_parser = count())]
    seeds: Option<NonZeroUsize>,
}

impl GridArgs {
    /// The given ones, weakest first.
    pub(crate) fn lambdas(&self) -> Result<Option<Vec<f32>>, Failure> {
        let mut lambdas = self.lambdas.clone();
        lambdas.sort_by(f32::total_cmp);
        lambdas.dedup();
        match lambdas.first() {
            Some(0.0) => Err(Failure::usage("--lambdas takes numbers above 0")),
            first => Ok(first.is_some().then_some(lambdas)),
        }
    }

    /// So many from the first one.
    pub(crate) fn seeds(&self, first: u64, usual: usize) -> Result<Vec<u64>, Failure> {
        let count = self.seeds.map_or(usual, NonZeroUsize::get) as u64;
        match first.checked_add(count - 1).filter(|&last| last <= i64::MAX as u64) {
            Some(last) => Ok((first..=last).collect()),
            None => Err(Failure::usage(format!("there are no {count} seeds from {first} on"))),
        }
    }
}

/// The folder of many trainings, and when to leave it.
#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// Go on with what is in this folder
    #[arg(long, value_name = "FOLDER")]
    #[arg(conflicts_with_all = ["recipe", "Overrides", "Table", "Grid", "out"])]
    pub(crate) resume: Option<PathBuf>,

    /// The folder; new or empty, or one that was started the same way [default: runs/NAME-...-N]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,

    /// Stop after this time, as 90s, 20m or 1h30m: save, and tell what there is
    #[arg(long, value_name = "TIME")]
    budget: Option<Budget>,

    /// Stop after so many optimiser steps, as Ctrl-C would: save, and exit with 130
    #[arg(long, value_name = "STEPS")]
    stop_after: Option<u64>,
}

impl StudyArgs {
    /// When to stop: the time begins now.
    pub(super) fn stop(&self) -> Stop {
        Stop::new(self.stop_after).at(self.budget.map(|Budget(time)| Instant::now() + time))
    }
}

/// Points of accuracy.
fn points() -> impl TypedValueParser<Value = f64> {
    clap::builder::StringValueParser::new().try_map(|text| {
        let points = text.parse().ok().filter(|points| (0.0..=100.0).contains(points));
        points.ok_or("expected a number from 0 to 100")
    })
}

/// 1 to 1000: more trainings than a person can wait for.
fn count() -> impl TypedValueParser<Value = NonZeroUsize> {
    at_least_one(1000)
}
