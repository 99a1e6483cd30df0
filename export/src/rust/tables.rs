//! The tables of a file: its weights and windows, each under a name of its own.

use super::weight::Weight;
use crate::kernels::Window;
use crate::names::Names;
use std::fmt::Write;

/// The text of the tables so far.
pub(super) struct Tables {
    pub(super) text: String,
    /// Names of statics and constants.
    names: Names,
}

impl Tables {
    /// None yet; these names are taken.
    pub(super) fn new<'a>(taken: impl IntoIterator<Item = &'a str>) -> Tables {
        Tables { text: String::new(), names: Names::taken(taken) }
    }

    /// Declares a weight and gives what stands for it in a call.
    pub(super) fn weight(&mut self, layer: &str, w: &Weight) -> String {
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

    /// A table of floats and a reference to it; none for no values.
    pub(super) fn floats(&mut self, layer: &str, part: &str, values: &[f32]) -> String {
        if values.is_empty() {
            return "&[]".to_owned();
        }
        let name = self.name(layer, part);
        // The shortest digits that read back to the same bits.
        self.table(&name, "f32", values.iter().map(|x| format!("{x:?}")))
    }

    /// Integers of 16 bits where they fit.
    pub(super) fn integers(&mut self, layer: &str, part: &str, values: &[u32]) -> String {
        let small = values.iter().all(|&n| u16::try_from(n).is_ok());
        let name = self.name(layer, part);
        self.table(&name, if small { "u16" } else { "u32" }, values.iter().map(u32::to_string))
    }

    /// A window and a reference to it.
    pub(super) fn window(&mut self, layer: &str, window: &Window) -> String {
        let name = self.name(layer, "window");
        let Window { input, output, kernel, stride, padding, dilation, groups } = window;
        let _ = write!(
            self.text,
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
        let text = &mut self.text;
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
