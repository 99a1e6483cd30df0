//! A trained network for other programs: as ONNX and as Rust source, each with a way to run what was
//! written.
//!
//! ```text
//! Graph --> onnx::Model          a file that is read back and run operation by operation
//!       --> Plan --> Rust source a text line by line of the plan, which runs with the same functions
//! ```

mod graph;
mod kernels;
mod names;
pub(crate) mod onnx;
pub(crate) mod rust;

pub(crate) use graph::Graph;
pub(crate) use rust::{About, Plan, Runner};

/// How many operations the bytes of an ONNX file hold; `None` where they are no such file.
pub(crate) fn onnx_operations(file: &[u8]) -> Option<usize> {
    onnx::Model::from_bytes(file).map(|model| model.nodes.len())
}
