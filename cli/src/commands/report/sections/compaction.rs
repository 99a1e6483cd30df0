//! The costs and the verification of the compacted network that `compact` has left, or would leave.

use crate::commands::report::run::{Measured, Run};
use crate::failure::Failure;
use crate::output::html::{Section, figure, note, row, table};
use crate::output::number::{grouped, small, threads};
use crate::output::shell;
use crate::recipe::redact;
use crate::run::compaction::{Compaction, Seen, Verdict, look};
use crate::run::verification::LIMIT;
use crate::system::machine::Machine;

pub(in crate::commands::report) fn section(
    run: &Run,
    measured: Result<&Measured, &str>,
    machine: &Machine,
) -> Result<Section, Failure> {
    let section = Section::new("compaction", "Compaction").text(
        "Neurons, filters, channels and input features whose weights are all zero can leave. What is \
         left is a smaller network of the same kind with the same outputs.",
    );
    let Ok(Measured { samples, .. }) = measured else {
        return Ok(section.add(note("Without the data there is no proof.")));
    };
    let Seen { verdict, is_there } = look(&run.model, &run.trained, samples, machine)?;
    let folder = shell::word(&redact::place(run.folder.path()));
    let compaction = match verdict {
        Verdict::Same(compaction) => compaction,
        Verdict::Differs(why) if is_there => {
            let why = redact::text(&why);
            return Ok(section.add(note(format_args!(
                "model-compact.safetensors is not this network, maybe since it was trained further: \
                 {why}. Write it anew by `proxtape compact {folder}`."
            ))));
        }
        Verdict::Differs(why) => return Ok(section.add(note(redact::text(&why)))),
    };
    let section = match is_there {
        true => section.text("Here is the file model-compact.safetensors beside the dense one."),
        false => section.add(note(format_args!(
            "Nothing was compacted yet. These numbers are of a trial; `proxtape compact {folder}` \
             writes model-compact.safetensors."
        ))),
    };
    Ok(proof(section, &compaction))
}

fn proof(section: Section, compaction: &Compaction) -> Section {
    let proof = &compaction.proof.compacted;
    let section = section.text(format_args!(
        "The proof: on all {} {} samples the outputs of both networks differ by at most {} of the \
         largest output, and {} decisions changed. More than {} would be an error.",
        grouped(proof.samples),
        proof.part,
        small(proof.difference),
        match proof.decisions_changed {
            0 => "no".to_owned(),
            n => grouped(n),
        },
        small(LIMIT),
    ));
    let costs = figure(
        [table(&compaction.costs_table())],
        "What both networks take. MACs are multiply-accumulates for one sample.",
    );
    let times = figure(
        [table(&compaction.times_table())],
        format_args!(
            "Latency is the median time of a batch, with {}, {}; without zeros is the compacted network \
             where layers leave out the zeros that are left in them, if that is faster.",
            threads(compaction.threads),
            compaction.isa
        ),
    );
    let layers = figure(
        [table(&compaction.layers_table())],
        "The shape of the weights of each layer before and after, and how many there are.",
    );
    section.add(row([costs, layers])).add(times)
}
