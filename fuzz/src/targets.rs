//! The readers: their names, valid inputs, the mutator that knows their format, and the call.

mod made;
mod planted;
mod training;

use crate::memory::Beyond;
use crate::mutator;
use crate::seeds::file;
use proxtape::checkpoint;
use proxtape::data::csv::{self, Header, Label, Options};
use proxtape::data::{cifar, digits, idx};
use proxtape::{Kind, Params, Random};
use proxtape_cli::readers::{self, Read};

/// Reads an input: whether it accepts it.
pub(crate) type Reader = Box<dyn FnMut(&[u8]) -> bool>;

/// A reader that is fuzzed.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Valid inputs.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Whether the seeds are files that the program must make before.
    pub(crate) needs_files: bool,
    pub(crate) mutate: fn(&mut Vec<u8>, &mut Random),
    /// Prepares the reader; it then says whether it accepts an input.
    pub(crate) reader: fn() -> Reader,
    pub(crate) beyond: Beyond,
}

/// All but those that are planted to test the fuzzer.
pub(crate) fn public() -> impl Iterator<Item = &'static Target> {
    TARGETS.iter().filter(|target| !target.name.starts_with(planted::PREFIX))
}

pub(crate) fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

type Seeds = fn() -> Vec<Vec<u8>>;
type Mutate = fn(&mut Vec<u8>, &mut Random);
type Prepare = fn() -> Reader;

/// A reader of files that the program has made.
const fn of_files(name: &'static str, seeds: Seeds, mutate: Mutate, reader: Prepare) -> Target {
    Target { name, seeds, needs_files: true, mutate, reader, beyond: Beyond::Found }
}

/// A reader whose inputs are made here.
const fn of_made(name: &'static str, seeds: Seeds, mutate: Mutate, reader: Prepare) -> Target {
    Target { needs_files: false, ..of_files(name, seeds, mutate, reader) }
}

static TARGETS: [Target; 19] = [
    of_files("safetensors", models, mutator::safetensors, || program(readers::inspect)),
    of_files("model", models, mutator::checkpoint, || program(readers::model)),
    of_files("state", training::seeds, mutator::checkpoint, training::reader),
    of_made("state-dict", made::state_dicts, mutator::safetensors, || {
        let mut params = Params::new();
        params.add("first.weight", Kind::Weight, [2, 3]);
        params.add("first.bias", Kind::Bias, [2]);
        Box::new(move |file| checkpoint::parse_state_dict(file, &mut params).is_ok())
    }),
    // A recipe may ask for a large network; what it then gets is an error where memory ends.
    Target {
        beyond: Beyond::Refused,
        ..of_files("recipe", recipes, mutator::text, || {
            let set = digits::load().expect("they are part of the program");
            Box::new(move |file| readers::recipe(file, &set).is_ok())
        })
    },
    of_files(
        "grid",
        || vec![file("compare/compare.toml")],
        mutator::text,
        || program(readers::grid),
    ),
    of_files("summary", summaries, mutator::text, || program(readers::summary)),
    of_files(
        "metrics",
        || vec![file("images/metrics.jsonl")],
        mutator::text,
        || program(readers::metrics),
    ),
    of_files(
        "comparison",
        || vec![file("compare/compare.json")],
        mutator::text,
        || program(readers::comparison),
    ),
    of_files("onnx", || vec![file("images.onnx")], mutator::onnx, || program(readers::onnx)),
    of_made("png", made::pictures, mutator::png, || program(readers::png)),
    of_made("idx", made::pairs, mutator::idx, pairs),
    of_made("gzip", made::zipped_pairs, mutator::gzip, pairs),
    of_made("cifar", made::records, mutator::bytes, || Box::new(|file| cifar::parse(file).is_ok())),
    of_files("csv", || vec![file("table.csv")], mutator::table, tables),
    planted::PANIC,
    planted::LOOP,
    planted::MEMORY,
    planted::ABORT,
];

fn program(read: fn(&[u8]) -> Read) -> Reader {
    Box::new(move |file| read(file).is_ok())
}

fn pairs() -> Reader {
    Box::new(|input| {
        let (images, labels) = mutator::split(input);
        idx::parse(images, labels).is_ok()
    })
}

/// As one kind of label and header asks for it, or as a model of other samples does: the input's bytes
/// choose which.
fn tables() -> Reader {
    let labels = [Label::Last, Label::Name("kind".to_owned()), Label::Index(0)];
    let headers = [Header::Present, Header::Absent, Header::Detect];
    let all = labels.iter().flat_map(|label| headers.map(|header| (label.clone(), header)));
    let of = |(label, header)| Options { label, header, expected: None };
    let mut options: Vec<Options> = all.map(of).collect();
    let seed = csv::parse(&file("table.csv"), &Options::default()).expect("it is a table");
    options.push(Options { expected: Some(seed.train.schema()), ..Options::default() });
    Box::new(move |file| {
        let choice = crate::note::hash(file) % options.len() as u64;
        csv::parse(file, &options[choice as usize]).is_ok()
    })
}

fn models() -> Vec<Vec<u8>> {
    ["images/model.safetensors", "images/model-compact.safetensors", "table/model.safetensors"]
        .map(file)
        .into()
}

fn recipes() -> Vec<Vec<u8>> {
    ["images.toml", "table.toml", "images/recipe.toml", "table/recipe.toml"].map(file).into()
}

fn summaries() -> Vec<Vec<u8>> {
    ["images/summary.json", "table/summary.json"].map(file).into()
}
