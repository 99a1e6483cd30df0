//! The decisions of the network, right and wrong, class by class.

use crate::commands::report::decisions::{Confusion, Decision, Decisions};
use crate::commands::report::run::{Measured, Run};
use crate::output::html::{Picture, Section, details, figure, gallery, heat_map, note, row, table};
use crate::output::number::{grouped, percent, share};
use crate::output::table::Table;
use crate::run::inference::part;
use crate::run::samples::Samples;
use proxtape::data::{self, Dataset};

/// More classes than this are no matrix that could be read.
const CLASSES: usize = 30;

/// Pairs of classes, and wrong samples, that are shown.
const PAIRS: usize = 10;
const IMAGES: usize = 24;

pub(in crate::commands::report) fn section(
    run: &Run,
    measured: Result<&Measured, &str>,
) -> Section {
    let section = Section::new("decisions", "Decisions");
    let Ok(Measured { decisions, samples, .. }) = measured else {
        return section.add(note("Without the data there are no decisions to show."));
    };
    let (names, part) = (run.class_names(), decisions.part);
    let counts = decisions.confusion(names.len());
    let (all, right) =
        (decisions.decisions.len(), (0..names.len()).map(|c| counts.of(c, c)).sum::<usize>());
    let section = section.text(format_args!(
        "Of {} {part} samples {} are decided right ({}) and {} wrong.",
        grouped(all),
        grouped(right),
        share(right as f64 / all.max(1) as f64),
        grouped(all - right),
    ));
    let section = match part {
        "test" => section,
        _ => section.add(note(format_args!(
            "Nothing is kept for a test here, so these are {part} samples."
        ))),
    };
    let classes = 0..names.len();
    let matrix = || -> Vec<Vec<usize>> {
        classes
            .clone()
            .map(|is| classes.clone().map(|said| counts.of(is, said)).collect())
            .collect()
    };
    let section = match names.len() <= CLASSES {
        true => section.add(figure(
            [heat_map(["is", "decided to be"], &names, &matrix())],
            format_args!(
                "The confusion matrix of the {part} samples: a row for each class that a sample is of, a \
                 column for each class that it was decided to be. Blue is right, orange wrong; the \
                 shade is the square root of the share of the row."
            ),
        )),
        false => section,
    };
    let classes = figure(
        [table(&per_class(&names, &counts))],
        "For each class: recall is the share of its samples that \
        were decided right; precision is the share of right ones among those that were decided to be of it.",
    );
    let pairs =
        figure([table(&confused(&names, &counts))], "The pairs that are confused most often.");
    let section = section.add(row([classes, pairs]));
    let set = part_of(samples);
    let wrong = worst(decisions);
    match wrong.is_empty() {
        true => section,
        false => images(section, set, &names, &wrong),
    }
}

fn part_of(samples: &Samples) -> &Dataset {
    part(samples).1
}

fn per_class(names: &[String], counts: &Confusion) -> Table {
    let mut table = Table::new(&["class", "samples", "right", "recall %", "precision %"]);
    for (c, name) in names.iter().enumerate() {
        let (samples, said, right) = (counts.samples[c], counts.said[c], counts.of(c, c));
        let cells =
            [grouped(samples), grouped(right), percent(right, samples), percent(right, said)];
        table.row([name.clone()].into_iter().chain(cells).collect());
    }
    table
}

fn confused(names: &[String], counts: &Confusion) -> Table {
    let pairs = counts.counts.iter().filter(|((is, said), _)| is != said);
    let mut pairs: Vec<_> = pairs.map(|(&pair, &n)| (pair, n)).collect();
    pairs.sort_by_key(|&(_, n)| core::cmp::Reverse(n));
    let mut table = Table::new(&["is", "decided to be", "samples", "% of the class"]);
    for ((is, said), n) in pairs.into_iter().take(PAIRS) {
        let of = percent(n, counts.samples[is]);
        table.row(vec![names[is].clone(), names[said].clone(), grouped(n), of]);
    }
    table
}

/// The wrong decisions that were the surest.
fn worst(decisions: &Decisions) -> Vec<&Decision> {
    let mut wrong: Vec<_> = decisions.decisions.iter().filter(|d| d.label != d.said).collect();
    wrong.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.index.cmp(&b.index)));
    wrong.truncate(IMAGES);
    wrong
}

fn images(section: Section, set: &Dataset, names: &[String], wrong: &[&Decision]) -> Section {
    let mut numbers = Table::new(&["sample", "is", "decided to be", "probability %"]);
    for d in wrong {
        let sure = format!("{:.1}", 100.0 * d.probability);
        numbers.row(vec![d.index.to_string(), names[d.label].clone(), names[d.said].clone(), sure]);
    }
    let numbers = details(
        format_args!("The {} surest wrong decisions as numbers", wrong.len()),
        table(&numbers),
    );
    let shape @ [channels, height, width] = set.shape();
    let data::Samples::U8(bytes) = set.samples() else { return section.add(numbers) };
    if height * width == 1 || (channels != 1 && channels != 3) {
        return section.add(numbers);
    }
    let scale = (84 / width).clamp(1, 10);
    let largest = bytes.iter().copied().max().unwrap_or(0).max(1);
    let pictures: Vec<_> = wrong
        .iter()
        .map(|d| {
            let len = set.sample_len();
            let raw = &bytes[d.index as usize * len..][..len];
            // Pixels may go from 0 to 16.
            let pixels: Vec<u8> =
                raw.iter().map(|&b| (u32::from(b) * 255 / u32::from(largest)) as u8).collect();
            let (is, said) = (&names[d.label], &names[d.said]);
            let alt = format!("sample {}, a {is} decided to be {said}", d.index);
            let caption = format!("{is} \u{2192} {said}, {:.0} %", 100.0 * d.probability);
            Picture::photo(shape, &pixels, alt).with_caption(caption)
        })
        .collect();
    let caption = "Samples that were decided wrong with the highest probability: what they are, what they \
        were decided to be, and how sure the network was. Some labels are arguable.";
    section.add(figure([gallery(&pictures, scale)], caption)).add(numbers)
}
