//! The object of `compare --json` and `sweep --json`, as far as it is drawn.

use crate::study::Spread;
use serde::Deserialize;
use serde_json::Value;

/// The object; members that an older or a newer version does not write are missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Comparison {
    pub(super) status: String,
    pub(super) kind: String,
    pub(super) recipe: Value,
    pub(super) version: String,
    pub(super) threads: usize,
    pub(super) isa: String,
    pub(super) seeds: Vec<u64>,
    /// Points below the validation accuracy of the network without a penalty.
    pub(super) tolerance: Option<f64>,
    /// The share of weights that every network is to keep.
    pub(super) keep: Option<f64>,
    pub(super) planned: usize,
    #[serde(rename = "cells")]
    pub(super) trials: Vec<Trial>,
    pub(super) rows: Vec<Row>,
    pub(super) notes: Vec<String>,
}

/// One training.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Trial {
    pub(super) family: String,
    pub(super) label: String,
    pub(super) lambda: Option<f64>,
    pub(super) seed: u64,
    pub(super) role: String,
    pub(super) chosen: bool,
    /// The run folder, from the folder of the comparison.
    pub(super) run: String,
    pub(super) diverged: Option<String>,
    pub(super) validation_accuracy: Option<f64>,
    pub(super) test_accuracy: Option<f64>,
    pub(super) weights: Option<u64>,
    pub(super) weights_kept: Option<u64>,
}

/// The trainings of one method at one strength.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    pub(super) family: String,
    pub(super) label: String,
    pub(super) lambda: Option<f64>,
    pub(super) seeds: usize,
    /// Of a sweep: whether no other row is smaller and as accurate.
    pub(super) front: Option<bool>,
    pub(super) validation_accuracy: Option<Spread>,
    pub(super) test_accuracy: Option<Spread>,
    pub(super) weights: Option<Spread>,
    pub(super) weights_kept: Option<Spread>,
    pub(super) groups: Option<Spread>,
    pub(super) groups_kept: Option<Spread>,
    pub(super) macs_compact: Option<Spread>,
    pub(super) macs_compact_nonzero: Option<Spread>,
    pub(super) bytes_compact: Option<Spread>,
    pub(super) latency_seconds: Option<Spread>,
    pub(super) train_seconds: Option<Spread>,
}

/// A method with its marker: its place in the list.
#[derive(Debug, PartialEq)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) label: String,
}

impl Comparison {
    /// Every method, in the order of the rows.
    pub(super) fn families(&self) -> Vec<Family> {
        let mut families: Vec<Family> = Vec::new();
        let rows = self.rows.iter().map(|row| (&row.family, &row.label));
        for (name, label) in
            rows.chain(self.trials.iter().map(|trial| (&trial.family, &trial.label)))
        {
            if !families.iter().any(|family| family.name == *name) {
                let label = if label.is_empty() { name } else { label };
                families.push(Family { name: name.clone(), label: label.clone() });
            }
        }
        families
    }

    pub(super) fn recipe_name(&self) -> &str {
        // The recipe as an object, or its name alone.
        let name = self.recipe.as_str().or_else(|| self.recipe["name"].as_str());
        name.unwrap_or("a recipe")
    }

    pub(super) fn kind_name(&self) -> &'static str {
        if self.is_sweep() { "a sweep" } else { "methods compared" }
    }

    pub(super) fn is_sweep(&self) -> bool {
        self.kind == "sweep"
    }
}

/// The place of a method in the list, which is the number of its marker.
pub(super) fn index(families: &[Family], name: &str) -> usize {
    families.iter().position(|family| family.name == name).unwrap_or(0)
}

/// A strength: a lambda.
pub(super) fn strength(lambda: Option<f64>) -> String {
    lambda.map_or("-".to_owned(), |lambda| match lambda {
        x if (1e-3..1e4).contains(&x) => format!("{x}"),
        x => format!("{x:e}"),
    })
}
