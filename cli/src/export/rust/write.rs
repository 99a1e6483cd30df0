//! The text of the Rust file.

use super::plan::{Call, Place, Plan, Span, Step};
use super::weight::Weight;
use crate::export::kernels::{self, Window};
use crate::export::names::Names;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The first line of every file: what may be overwritten.
pub(crate) const MARK: &str = "//! A network that `proxtape export` wrote";

/// What the file tells about the network beside the plan.
pub(crate) struct About<'a> {
    pub(crate) recipe: &'a str,
    /// The factor on raw values; 1 for those of a table.
    pub(crate) scale: f32,
    pub(crate) class_names: &'a [String],
    /// The features of a table, in the order of the values; none for images.
    pub(crate) columns: &'a [String],
}

/// The whole file.
pub(crate) fn text(plan: &Plan<'_>, about: &About<'_>) -> String {
    let names = Names::taken(["INPUT", "CLASSES", "CLASS_NAMES", "COLUMNS"]);
    let mut writer = Writer { kernels: BTreeSet::new(), tables: String::new(), names };
    let calls: String = plan.steps.iter().map(|step| writer.step(step)).collect();
    let fields = 0..plan.buffers.len();
    let names = fields.clone().map(buffer).collect::<Vec<_>>().join(", ");
    let lens = plan.buffers.iter().enumerate();
    let declared = lens.clone().map(|(i, len)| format!("    {}: [f32; {len}],\n", buffer(i)));
    let zeros = lens.map(|(i, len)| format!("{}: [0.0; {len}]", buffer(i)));
    let zeros = zeros.collect::<Vec<_>>().join(", ");
    let declared: String = declared.collect();
    let (inputs, outputs) = (plan.inputs.len(), plan.outputs);
    let kernels = kernels::text(writer.kernels.iter().copied().chain(["softmax"]));
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
        tables = writer.tables,
    )
}

fn buffer(i: usize) -> String {
    format!("buffer{i}")
}

struct Writer {
    kernels: BTreeSet<&'static str>,
    tables: String,
    /// Names of statics and constants.
    names: Names,
}

impl Writer {
    /// The line of a step.
    fn step(&mut self, step: &Step<'_>) -> String {
        let (x, y) = (read(&step.from), write(&step.to));
        let name = &step.name;
        let call = match &step.call {
            Call::Normalize { scale, mean, std } => {
                let (mean, std) = (self.floats(name, "mean", mean), self.floats(name, "std", std));
                self.call("normalize", &[&x, &format!("{scale:?}"), &mean, &std, &y])
            }
            Call::Linear { w, b } => {
                let (kernel, w) = match w {
                    Weight::Dense(_) => ("linear", self.weight(name, w)),
                    Weight::Sparse { .. } => ("linear_sparse", self.weight(name, w)),
                };
                let b = self.floats(name, "bias", b);
                self.call(kernel, &[&x, &w, &b, &y])
            }
            Call::Conv { w, b, window } => {
                let (kernel, w) = match w {
                    Weight::Dense(_) => ("conv", self.weight(name, w)),
                    Weight::Sparse { .. } => ("conv_sparse", self.weight(name, w)),
                };
                let (b, window) = (self.floats(name, "bias", b), self.window(name, window));
                self.call(kernel, &[&x, &w, &b, &window, &y])
            }
            Call::Affine { scale, shift } => {
                let scale = self.floats(name, "scale", scale);
                let shift = self.floats(name, "shift", shift);
                self.call("affine", &[&y, &scale, &shift])
            }
            Call::LayerNorm { gamma, beta, eps } => {
                let gamma = self.floats(name, "weight", gamma);
                let beta = self.floats(name, "bias", beta);
                self.call("layer_norm", &[&y, &gamma, &beta, &format!("{eps:?}")])
            }
            Call::MaxPool(window) => {
                let window = self.window(name, window);
                self.call("max_pool", &[&x, &window, &y])
            }
            Call::AvgPool(window) => {
                let window = self.window(name, window);
                self.call("avg_pool", &[&x, &window, &y])
            }
            Call::GlobalAvgPool => self.call("global_avg_pool", &[&x, &y]),
            Call::Select { units, indices } => {
                let indices = self.integers(name, "indices", indices);
                self.call("select", &[&x, &units.to_string(), &indices, &y])
            }
            Call::Relu => self.call("relu", &[&y]),
            Call::LeakyRelu { slope } => self.call("leaky_relu", &[&y, &format!("{slope:?}")]),
            Call::Gelu => self.call("gelu", &[&y]),
            Call::GeluTanh => self.call("gelu_tanh", &[&y]),
            Call::Tanh => self.call("tanh", &[&y]),
            Call::Sigmoid => self.call("sigmoid", &[&y]),
            Call::Add { other } => self.call("add", &[&y, &read(other)]),
            Call::Copy => format!("{}.copy_from_slice({x})", y.trim_start_matches("&mut ")),
        };
        format!("    {call};\n")
    }

    fn call(&mut self, kernel: &'static str, arguments: &[&str]) -> String {
        self.kernels.insert(kernel);
        format!("{kernel}({})", arguments.join(", "))
    }

    /// Declares a weight and gives what stands for it in a call.
    fn weight(&mut self, layer: &str, w: &Weight) -> String {
        match w {
            Weight::Dense(values) => self.floats(layer, "weight", values),
            Weight::Sparse { starts, positions, values } => {
                // Starts are u32 in any case.
                let starts = {
                    let name = self.name(layer, "starts");
                    self.table(&name, "u32", starts.iter().map(u32::to_string))
                };
                let positions = self.integers(layer, "positions", positions);
                let values = self.floats(layer, "weight", values);
                format!("({starts}, {positions}, {values})")
            }
        }
    }

    fn floats(&mut self, layer: &str, part: &str, values: &[f32]) -> String {
        if values.is_empty() {
            return "&[]".to_owned();
        }
        let name = self.name(layer, part);
        // The shortest digits that read back to the same bits.
        self.table(&name, "f32", values.iter().map(|x| format!("{x:?}")))
    }

    /// Integers of 16 bits where they fit.
    fn integers(&mut self, layer: &str, part: &str, values: &[u32]) -> String {
        let small = values.iter().all(|&n| u16::try_from(n).is_ok());
        let name = self.name(layer, part);
        self.table(&name, if small { "u16" } else { "u32" }, values.iter().map(u32::to_string))
    }

    fn window(&mut self, layer: &str, window: &Window) -> String {
        let name = self.name(layer, "window");
        let Window { input, output, kernel, stride, padding, dilation, groups } = window;
        let _ = write!(
            self.tables,
            "\nstatic {name}: Window = Window {{\n    input: {input:?},\n    output: \
             {output:?},\n    kernel: {kernel:?},\n    stride: {stride:?},\n    padding: \
             {padding:?},\n    dilation: {dilation:?},\n    groups: {groups},\n}};\n"
        );
        format!("&{name}")
    }

    /// Declares a table and gives a reference to it.
    fn table(
        &mut self,
        name: &str,
        kind: &str,
        values: impl ExactSizeIterator<Item = String>,
    ) -> String {
        const WIDTH: usize = 99;
        let text = &mut self.tables;
        let _ = write!(text, "\nstatic {name}: [{kind}; {}] = [", values.len());
        let mut column = WIDTH;
        for value in values {
            if column + value.len() + 2 > WIDTH {
                text.push_str("\n   ");
                column = 3;
            }
            text.push(' ');
            text.push_str(&value);
            text.push(',');
            column += value.len() + 2;
        }
        text.push_str("\n];\n");
        format!("&{name}")
    }

    /// A name of a static that no other has.
    fn name(&mut self, layer: &str, part: &str) -> String {
        let layer = if layer.is_empty() { "input" } else { layer };
        let mut name: String = format!("{layer}_{part}")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        // Two underscores would not be the upper case of a word.
        while name.contains("__") {
            name = name.replace("__", "_");
        }
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            name = format!("LAYER_{}", name.trim_start_matches('_'));
        }
        self.names.free(name)
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

/// What the values of a raw sample are.
pub(crate) fn range(scale: f32) -> String {
    match scale {
        1.0 => "numbers as in the table that it was trained on".to_owned(),
        _ => format!("pixels from 0 to {}", (1.0 / scale).round()),
    }
}
