//! The text of the Rust file.

use super::call::Call;
use super::plan::{Plan, Step};
use super::span::{Place, Span};
use super::tables::Tables;
use crate::{activation, kernels};
use std::collections::BTreeSet;

/// The first line of every file: what may be overwritten.
pub const MARK: &str = "//! A network that `proxtape export` wrote";

/// The facts about the network that a file states beside the plan.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The name of its recipe.
    pub recipe: &'a str,
    /// The factor on raw values; 1 for those of a table.
    pub scale: f32,
    /// The names of the classes; none where they have none.
    pub class_names: &'a [String],
    /// The features of a table, in the order of the values; none for images.
    pub columns: &'a [String],
}

/// The whole file.
pub fn text(plan: &Plan<'_>, about: &About<'_>) -> String {
    let mut tables = Tables::new(["INPUT", "CLASSES", "CLASS_NAMES", "COLUMNS"]);
    let mut called = BTreeSet::from(["softmax"]);
    let calls: String =
        plan.steps.iter().map(|step| line(step, &mut tables, &mut called)).collect();
    let fields = 0..plan.buffers.len();
    let names = fields.clone().map(buffer).collect::<Vec<_>>().join(", ");
    let lens = plan.buffers.iter().enumerate();
    let declared = lens.clone().map(|(i, len)| format!("    {}: [f32; {len}],\n", buffer(i)));
    let zeros = lens.map(|(i, len)| format!("{}: [0.0; {len}]", buffer(i)));
    let zeros = zeros.collect::<Vec<_>>().join(", ");
    let declared: String = declared.collect();
    let (inputs, outputs) = (plan.inputs.len(), plan.outputs);
    let kernels = kernels::text(called, activation::texts());
    let list = |(what, name, len): (&str, &str, &str), texts: &[String]| match texts {
        [] => String::new(),
        texts => format!("\n/// {what}.\npub static {name}: [&str; {len}] = {texts:?};\n"),
    };
    let class_names =
        list(("The names of the classes", "CLASS_NAMES", "CLASSES"), about.class_names);
    let columns = list(
        ("The columns of the table, in the order of the values", "COLUMNS", "INPUT"),
        about.columns,
    );
    format!(
        r#"{MARK} (version {version}), recipe {recipe:?}: {inputs} values in, {outputs} out.
//!
//! It needs nothing but `core` (Rust 1.73): no allocation, no `std`, no dependencies. Put the file
//! beside your others, as a module. `Scratch`, {bytes} bytes, can live on the stack or in a `static`.
//!
//! ```text
//! let mut scratch = Scratch::new();
//! let (class, probability) = classify(&sample, &mut scratch);
//! ```

// Not every program calls all of it, and a weight may be near a constant of mathematics.
#![allow(dead_code, clippy::approx_constant)]
#![cfg_attr(rustfmt, rustfmt_skip)]

/// The values of one sample, {shape}, the last axis fastest.
pub const INPUT: usize = {inputs};

/// The number of classes.
pub const CLASSES: usize = {outputs};
{class_names}{columns}
/// The memory that the network works in. What is in it does not matter.
pub struct Scratch {{
{declared}}}

impl Scratch {{
    /// Memory to work in.
    pub const fn new() -> Scratch {{
        Scratch {{ {zeros} }}
    }}
}}

impl Default for Scratch {{
    fn default() -> Scratch {{
        Scratch::new()
    }}
}}

/// The logits of one sample, {range}. A NaN in it reaches every logit that depends on it by
/// weights that are not zero; weights that are zero may not be multiplied with it. An infinity may
/// end in an activation that is bounded (tanh, sigmoid) or 0 there (ReLU, GELU).
pub fn infer(input: &[f32; INPUT], output: &mut [f32; CLASSES], scratch: &mut Scratch) {{
    let Scratch {{ {names} }} = scratch;
{calls}}}

/// The most likely class of one sample, as for [`infer`], and its probability: NaN if a logit is
/// not a finite number, and then the class says nothing.
pub fn classify(input: &[f32; INPUT], scratch: &mut Scratch) -> (usize, f32) {{
    let mut output = [0.0; CLASSES];
    infer(input, &mut output, scratch);
    softmax(&mut output);
    let first = (0, output[0]);
    let each = output.iter().copied().enumerate();
    each.fold(first, |best, next| if next.1 > best.1 {{ next }} else {{ best }})
}}
{kernels}{tables}"#,
        version = env!("CARGO_PKG_VERSION"),
        recipe = about.recipe,
        bytes = plan.bytes(),
        shape = plan.inputs,
        range = range(about.scale),
        tables = tables.text,
    )
}

fn buffer(i: usize) -> String {
    format!("buffer{i}")
}

/// The line of a step; `called` gets the functions that it needs.
fn line(step: &Step<'_>, tables: &mut Tables, called: &mut BTreeSet<&'static str>) -> String {
    let (x, y) = (read(&step.from), write(&step.to));
    let other = match &step.call {
        Call::Add { other } => read(other),
        _ => String::new(),
    };
    match step.call.text(tables, &step.name, [&x, &other, &y]) {
        Some((kernel, arguments)) => {
            called.insert(kernel);
            format!("    {kernel}({});\n", arguments.join(", "))
        }
        None => format!("    {}.copy_from_slice({x});\n", y.trim_start_matches("&mut ")),
    }
}

fn read(span: &Span) -> String {
    match span.place {
        Place::Input => "input".to_owned(),
        Place::Output => "output".to_owned(),
        Place::Buffer(i) => format!("&{}[..{}]", buffer(i), span.len),
    }
}

fn write(span: &Span) -> String {
    match span.place {
        Place::Input => unreachable!("nothing is written to the input"),
        Place::Output => "output".to_owned(),
        Place::Buffer(i) => format!("&mut {}[..{}]", buffer(i), span.len),
    }
}

/// The meaning of raw values that are multiplied by `scale`, in words.
pub fn range(scale: f32) -> String {
    match scale {
        1.0 => "numbers as in the table that it was trained on".to_owned(),
        _ => format!("pixels from 0 to {}", (1.0 / scale).round()),
    }
}
