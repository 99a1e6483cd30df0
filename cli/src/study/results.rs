//! The object of `compare --json` and `sweep --json`, which is also `compare.json` or `sweep.json`.

use super::metric::{Number, Numbers, Spread};
use super::{Finished, Folder, Kind, Method, Role, Task};
use crate::failure::Failure;
use crate::recipe::Recipe;
use serde::Serialize;

/// The finished trials, and the rows of the table.
#[derive(Serialize)]
pub(crate) struct Results<'a> {
    /// `done`, `partial` while trainings are left to do, or `diverged` where all have.
    pub(crate) status: &'static str,
    /// `compare` or `sweep`.
    pub(crate) kind: Kind,
    /// The folder.
    pub(crate) folder: String,
    /// The recipe that all trials share.
    pub(crate) recipe: &'a Recipe,
    pub(crate) version: &'static str,
    pub(crate) threads: usize,
    pub(crate) isa: &'static str,
    pub(crate) seeds: &'a [u64],
    /// Points below the unregularised network's validation accuracy; null where a size is given,
    /// or where that network has diverged.
    pub(crate) tolerance: Option<f64>,
    /// The share of weights that every network is to keep; null where a tolerance is given.
    pub(crate) keep: Option<f64>,
    /// Trainings in all, at most.
    pub(crate) planned: usize,
    #[serde(rename = "cells")]
    pub(crate) trials: Vec<TrialRow>,
    pub(crate) rows: Vec<Row>,
    /// Notes for readers of the table.
    pub(crate) notes: Vec<String>,
}

/// A finished trial, with each [`Metric`](super::Metric). Null is unknown: the trial has diverged, or was not
/// compacted, as those that serve the choice alone.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TrialRow {
    /// As `--families` takes it.
    pub(crate) family: Method,
    pub(crate) label: &'static str,
    /// In units of the objective; the share of weights that stays for `magnitude`; null for `none`.
    pub(crate) lambda: Option<f32>,
    pub(crate) seed: u64,
    pub(crate) role: Role,
    /// Whether this is the strength that was chosen.
    pub(crate) chosen: bool,
    /// The run folder, from the folder.
    pub(crate) run: String,
    /// Why there are no numbers, if the training diverged.
    pub(crate) diverged: Option<String>,
    #[serde(flatten)]
    pub(crate) numbers: Numbers<Number>,
}

/// The finished trainings of one method at one strength; each [`Metric`](super::Metric) is an object
/// with `mean` and `std`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) family: Method,
    pub(crate) label: &'static str,
    pub(crate) lambda: Option<f32>,
    /// How many trainings the numbers are of.
    pub(crate) seeds: usize,
    /// Whether no other row is smaller and as accurate, on validation samples; for a sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) front: Option<bool>,
    #[serde(flatten)]
    pub(crate) numbers: Numbers<Spread>,
}

impl Results<'_> {
    /// An error if there is no result at all: every training has diverged.
    pub(super) fn expect_results(&self) -> Result<(), Failure> {
        let reasons: Vec<&str> =
            self.trials.iter().filter_map(|trial| trial.diverged.as_deref()).collect();
        match reasons[..] {
            [first, ..] if reasons.len() == self.trials.len() => Err(Failure::failed(format!(
                "{}: expected results, found none: all trainings have diverged, {} of {}; the first: {first}",
                self.folder,
                reasons.len(),
                self.trials.len()
            ))),
            _ => Ok(()),
        }
    }
}

impl TrialRow {
    pub(super) fn new(task: &Task, finished: &Finished) -> TrialRow {
        let Task { trial, role, chosen } = *task;
        TrialRow {
            family: trial.method,
            label: trial.method.label(),
            lambda: trial.lambda(),
            seed: trial.seed,
            role,
            chosen,
            run: Folder::run(&trial),
            diverged: finished.summary.as_ref().err().cloned(),
            numbers: Numbers::of(finished),
        }
    }
}

impl Row {
    /// The row of trainings that differ in nothing but their seed; none where none is there.
    pub(crate) fn of(trials: &[&TrialRow]) -> Option<Row> {
        let known: Vec<_> = trials.iter().filter(|trial| trial.diverged.is_none()).collect();
        let numbers: Vec<_> = known.iter().map(|trial| &trial.numbers).collect();
        let first = known.first()?;
        Some(Row {
            family: first.family,
            label: first.label,
            lambda: first.lambda,
            seeds: known.len(),
            front: None,
            numbers: Numbers::of_all(&numbers),
        })
    }
}
