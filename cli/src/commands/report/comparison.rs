//! The report of a comparison or of a sweep, from its compare.json or sweep.json.

mod choice;
mod evenness;
mod object;
mod range;
mod rows;
mod size;

use crate::failure::Failure;
use crate::output::html::{Page, Section, code, facts};
use crate::output::number::{grouped, threads};
use crate::output::shell;
use crate::recipe::redact;
use crate::system::file::{is_there, read_text};
use object::Comparison;
use std::path::{Path, PathBuf};

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
    if comparison.rows.is_empty() && comparison.trials.is_empty() {
        return Err(Failure::failed(format!(
            "{}: expected finished trainings, found none; go on with it, and draw it then",
            file.display()
        )));
    }
    // A report is made to be sent.
    comparison.notes.iter_mut().for_each(|note| *note = redact::text(note));
    let families = comparison.families();
    let subtitle = format!(
        "{} trainings, {}, {}",
        grouped(comparison.trials.len()),
        counted(families.len(), "method"),
        counted(comparison.seeds.len(), "seed")
    );
    let mut sections = vec![
        rows::section(&comparison),
        size::section(&comparison, &families),
        choice::section(&comparison, &families),
    ];
    sections.extend(evenness::section(folder, &comparison, &families)?);
    sections.push(provenance(&comparison, folder));
    Ok(Page {
        title: format!("{}: {}", comparison.recipe_name(), comparison.kind_name()),
        subtitle,
        sections,
        footer: format!("Written by proxtape {}.", env!("CARGO_PKG_VERSION")),
    })
}

fn provenance(comparison: &Comparison, folder: &Path) -> Section {
    let kind = if comparison.is_sweep() { "sweep" } else { "compare" };
    let folder = shell::word(&redact::place(folder));
    let command = format!("proxtape {kind} --resume {folder}");
    let seeds: Vec<_> = comparison.seeds.iter().map(u64::to_string).collect();
    Section::new("again", "How to get it again")
        .text("What is not finished goes on by this command; what is finished is kept.")
        .add(code(command))
        .add(facts([
            ("Version", comparison.version.clone()),
            ("Instruction set", comparison.isa.clone()),
            ("Threads", threads(comparison.threads)),
            ("Seeds", seeds.join(", ")),
        ]))
}

/// A number of things.
fn counted(n: usize, thing: &str) -> String {
    format!("{} {thing}{}", grouped(n), if n == 1 { "" } else { "s" })
}
