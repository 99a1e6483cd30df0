//! The report of a comparison or of a sweep, from its compare.json or sweep.json.

mod choice;
mod evenness;
mod range;
mod size;
mod told;

use crate::failure::Failure;
use crate::output::html::{Element, Page, Section, code, facts, key, legend, note};
use crate::output::number::{grouped, threads};
use crate::output::shell;
use crate::recipe::handed_on;
use crate::study::Spread;
use crate::system::file::{is_there, read_text};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What is read of the object. What an older or a newer version does not write is missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Comparison {
    status: String,
    kind: String,
    recipe: Value,
    version: String,
    threads: usize,
    isa: String,
    seeds: Vec<u64>,
    /// Points below the validation accuracy of the network without a penalty.
    tolerance: Option<f64>,
    /// The share of weights that every network is to keep.
    keep: Option<f64>,
    planned: usize,
    cells: Vec<Cell>,
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// One training.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cell {
    family: String,
    label: String,
    lambda: Option<f64>,
    seed: u64,
    role: String,
    chosen: bool,
    /// The run folder, from the folder of the comparison.
    run: String,
    diverged: Option<String>,
    validation_accuracy: Option<f64>,
    test_accuracy: Option<f64>,
    weights: Option<u64>,
    weights_kept: Option<u64>,
}

/// The trainings of one method at one strength.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    family: String,
    label: String,
    lambda: Option<f64>,
    seeds: usize,
    /// Of a sweep: whether no other row is smaller and as accurate.
    front: Option<bool>,
    validation_accuracy: Option<Spread>,
    test_accuracy: Option<Spread>,
    weights: Option<Spread>,
    weights_kept: Option<Spread>,
    groups: Option<Spread>,
    groups_kept: Option<Spread>,
    macs_compact: Option<Spread>,
    macs_compact_nonzero: Option<Spread>,
    bytes_compact: Option<Spread>,
    latency_seconds: Option<Spread>,
    train_seconds: Option<Spread>,
}

/// The object of a folder, if there is one.
pub(super) fn file(folder: &Path) -> Result<Option<PathBuf>, Failure> {
    for file in ["compare.json", "sweep.json"].map(|name| folder.join(name)) {
        if is_there(&file)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// The page from that file.
pub(super) fn page(folder: &Path, file: &Path) -> Result<Page, Failure> {
    draw(folder, file, &read_text(file)?)
}

/// The page from its text.
pub(super) fn draw(folder: &Path, file: &Path, text: &str) -> Result<Page, Failure> {
    let mut comparison: Comparison = serde_json::from_str(text).map_err(|e| {
        let expected = "the object of `compare --json`";
        Failure::failed(format!("{}: expected {expected}; found {e}", file.display()))
    })?;
    range::check(&comparison)
        .map_err(|what| Failure::failed(format!("{}: {what}", file.display())))?;
    if comparison.rows.is_empty() && comparison.cells.is_empty() {
        return Err(Failure::failed(format!(
            "{}: expected finished trainings, found none; go on with it, and draw it then",
            file.display()
        )));
    }
    // A report is made to be sent.
    comparison.notes.iter_mut().for_each(|note| *note = handed_on::text(note));
    let families = comparison.families();
    let subtitle = format!(
        "{} trainings, {}, {}",
        grouped(comparison.cells.len()),
        counted(families.len(), "method"),
        counted(comparison.seeds.len(), "seed")
    );
    let mut sections = vec![
        told::section(&comparison),
        size::section(&comparison, &families),
        choice::section(&comparison, &families),
    ];
    sections.extend(evenness::section(folder, &comparison, &families)?);
    sections.push(comparison.provenance(folder));
    Ok(Page {
        title: format!("{}: {}", comparison.recipe_name(), comparison.kind_name()),
        subtitle,
        sections,
        footer: format!("Written by proxtape {}.", env!("CARGO_PKG_VERSION")),
    })
}

/// A method with its marker: its place in the list.
#[derive(Debug, PartialEq)]
struct Family {
    name: String,
    label: String,
}

impl Comparison {
    /// Every method, in the order of the rows.
    fn families(&self) -> Vec<Family> {
        let mut families: Vec<Family> = Vec::new();
        let rows = self.rows.iter().map(|row| (&row.family, &row.label));
        for (name, label) in rows.chain(self.cells.iter().map(|cell| (&cell.family, &cell.label))) {
            if !families.iter().any(|family| family.name == *name) {
                let label = if label.is_empty() { name } else { label };
                families.push(Family { name: name.clone(), label: label.clone() });
            }
        }
        families
    }

    fn recipe_name(&self) -> &str {
        // The recipe as an object, or its name alone.
        let name = self.recipe.as_str().or_else(|| self.recipe["name"].as_str());
        name.unwrap_or("a recipe")
    }

    fn kind_name(&self) -> &'static str {
        if self.is_sweep() { "a sweep" } else { "methods compared" }
    }

    fn is_sweep(&self) -> bool {
        self.kind == "sweep"
    }

    fn provenance(&self, folder: &Path) -> Section {
        let kind = if self.is_sweep() { "sweep" } else { "compare" };
        let folder = shell::word(&handed_on::place(folder));
        let command = format!("proxtape {kind} --resume {folder}");
        let seeds: Vec<_> = self.seeds.iter().map(u64::to_string).collect();
        Section::new("again", "How to get it again")
            .text("What is not finished goes on by this command; what is finished is kept.")
            .add(code(command))
            .add(facts([
                ("Version", self.version.clone()),
                ("Instruction set", self.isa.clone()),
                ("Threads", threads(self.threads)),
                ("Seeds", seeds.join(", ")),
            ]))
    }

    /// What is to be known first of an unfinished one.
    fn warning(&self) -> Option<Element> {
        (self.status != "done").then(|| {
            note(format_args!(
                "This comparison is not finished: {} of {} trainings are done.",
                grouped(self.cells.len()),
                grouped(self.planned.max(self.cells.len()))
            ))
        })
    }
}

/// The place of a method in the list, which is the number of its marker.
fn index(families: &[Family], name: &str) -> usize {
    families.iter().position(|family| family.name == name).unwrap_or(0)
}

/// A number of things.
fn counted(n: usize, thing: &str) -> String {
    format!("{} {thing}{}", grouped(n), if n == 1 { "" } else { "s" })
}

fn markers(families: &[Family]) -> Element {
    legend(families.iter().enumerate().map(|(i, family)| key(i, &family.label)))
}

/// A strength: a lambda.
fn strength(lambda: Option<f64>) -> String {
    lambda.map_or("-".to_owned(), |lambda| match lambda {
        x if (1e-3..1e4).contains(&x) => format!("{x}"),
        x => format!("{x:e}"),
    })
}
