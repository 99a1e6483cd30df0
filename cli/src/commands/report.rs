//! `report`: one HTML file of a run, or of a comparison, without references to other files.
//!
//! ```text
//! run          from its folder and its data: result, curves, layers, groups, inputs and filters,
//!              decisions, the verification of its compaction
//! comparison   compare.json or sweep.json: the table, accuracy against size, the choice of lambda, the groups
//! ```

mod comparison;
mod decisions;
mod page;
mod run;
mod sections;

use crate::args::ReportArgs;
use crate::failure::{Ending, Failure};
use crate::output::escape;
use crate::run::metrics;
use crate::system::context::Context;
use crate::system::draft::write_text;
use serde::Serialize;
use std::path::Path;

/// The file in the folder.
const NAME: &str = "report.html";

/// The object that `report --json` prints.
#[derive(Serialize)]
struct Written {
    /// `run`, or `compare` for a study.
    kind: &'static str,
    report: String,
    bytes: usize,
    version: &'static str,
}

/// The curves of metrics.jsonl, drawn.
pub(crate) fn draw_metrics(text: &str) -> Result<(), Failure> {
    sections::curves::section(&metrics::lines(Path::new("metrics"), text)?);
    Ok(())
}

/// The page of compare.json, without the models of its trainings.
pub(crate) fn draw_comparison(text: &str) -> Result<String, Failure> {
    let nowhere = Path::new("no folder");
    Ok(comparison::draw(nowhere, nowhere, text)?.render())
}

/// Runs the command.
pub(crate) fn run(args: &ReportArgs, context: &mut Context) -> Result<Ending, Failure> {
    let folder = &args.folder;
    if !folder.is_dir() {
        return Err(Failure::failed(format!(
            "{}: expected the folder of a run or of a comparison, found {}",
            folder.display(),
            if folder.exists() { "a file" } else { "nothing" }
        )));
    }
    let (kind, page) = match comparison::file(folder)? {
        Some(file) => ("compare", comparison::page(folder, &file)?),
        None => ("run", page::page(args, context)?),
    };
    let (path, text) = (folder.join(NAME), page.render());
    write_text(&path, &text)?;
    let report = path.display().to_string();
    let version = env!("CARGO_PKG_VERSION");
    let written = Written { kind, report, bytes: text.len(), version };
    context.answer(&written, &|| escape::line(&written.report) + "\n")?;
    Ok(Ending::Done)
}
