//! The report of a run.

use super::run::Run;
use super::sections::{compaction, curves, decisions, filters, groups, inputs, layers, result};
use crate::args::ReportArgs;
use crate::failure::Failure;
use crate::output::html::{Page, Section, code, details, facts};
use crate::output::number::{grouped, percent, share};
use crate::output::shell;
use crate::recipe::redact;
use crate::system::context::Context;

/// The page.
pub(super) fn page(args: &ReportArgs, context: &Context) -> Result<Page, Failure> {
    let (machine, terminal) = (context.machine()?, context.terminal);
    let mut run = Run::read(&args.folder)?;
    run.trained.note_vanished(&run.model, terminal);
    run.read_divergence(terminal)?;
    run.trained.recipe.data.move_to(args.location.data.as_ref());
    machine.install(|| {
        // A network can be looked at where its data are not at hand.
        let measured =
            run.measure(run.trained.recipe.exec(machine.exec()), terminal).map_err(|failure| {
                terminal.say_lines(&format!(
                    "note: the report is without what its data would say: {failure}"
                ));
                redact::text(&failure.to_string().replace('\n', " "))
            });
        let measured = measured.as_ref().map_err(String::as_str);
        let mut sections = vec![
            result::section(&run, measured),
            curves::section(&run.lines),
            layers::section(&run),
            groups::section(&run)?,
            inputs::section(&run, measured),
        ];
        sections.extend(filters::section(&run));
        sections.push(decisions::section(&run, measured));
        sections.push(compaction::section(&run, measured, &machine)?);
        sections.push(provenance(&run));
        let recipe = &run.trained.recipe;
        let counts = &run.counted.counts;
        let kept = percent(counts.weights_kept, counts.weights);
        let right = measured.ok().map(|m| m.test).filter(|test| test.samples > 0);
        let subtitle = match right {
            Some(test) => {
                format!(
                    "{} right on the test set, with {kept} % of the weights",
                    share(test.accuracy)
                )
            }
            None => format!("{kept} % of the weights are not zero"),
        };
        Ok(Page {
            title: recipe.name.clone(),
            subtitle,
            sections,
            footer: format!("Written by proxtape {}.", env!("CARGO_PKG_VERSION")),
        })
    })
}

/// How to train the network again.
fn provenance(run: &Run) -> Section {
    // A report is made to be sent.
    let recipe = redact::recipe(&run.trained.recipe);
    let file = shell::word(&redact::place(run.folder.path()).join("recipe.toml"));
    let isa = run.state.as_ref().and_then(|state| state.isa.as_deref());
    let forced = isa.map_or(String::new(), |isa| format!("PROXTAPE_ISA={isa} "));
    // The folders before it are nobody else's business.
    let from = match run.folder.path().is_absolute() {
        true => " The path is told from the folder that holds the run.",
        false => "",
    };
    let section = Section::new("again", "How to get it again")
        .text(format_args!(
            "The same recipe, data, version and instruction set give the same bits, at any number of \
             threads.{from}"
        ))
        .add(code(format_args!("{forced}proxtape train {file}")));
    let facts = facts([
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("Instruction set", isa.unwrap_or("not noted").to_owned()),
        ("Seed", recipe.train.seed.to_string()),
        ("Data", recipe.data.source.to_string()),
        ("Model file", format!("{}, {} bytes", redact::name(&run.model), grouped(run.bytes))),
    ]);
    section.add(facts).add(details("The recipe, every default filled in", code(recipe.to_toml())))
}
