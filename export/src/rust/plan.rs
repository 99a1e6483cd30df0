//! A plan: steps on a few buffers, which are what the written function does, line by line.
//!
//! ```text
//! batch norm after a weight     goes into it                                       (draft.rs)
//! a weight with many zeros      is kept by rows: values and where they stand       (weight.rs)
//! elementwise operations        write over what they read, where nobody reads it later
//! other operations              write to the smallest buffer that is free          (place.rs)
//! ```

use super::call::Call;
use super::span::Span;
use proxtape::Shape;

/// The steps of the function, and its memory.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    pub(crate) steps: Vec<Step<'a>>,
    /// Lengths of the buffers.
    pub(crate) buffers: Vec<usize>,
    pub(crate) inputs: Shape,
    pub(crate) outputs: usize,
}

/// One line of it.
#[derive(Clone, Debug)]
pub(crate) struct Step<'a> {
    /// Of the layer.
    pub(crate) name: String,
    pub(crate) call: Call<'a>,
    /// What it reads: the same place as `to` where it writes over it.
    pub(crate) from: Span,
    pub(crate) to: Span,
}

impl Plan<'_> {
    /// The memory of all buffers, in bytes.
    pub fn bytes(&self) -> usize {
        size_of::<f32>() * self.buffers.iter().sum::<usize>()
    }

    /// The layers whose weight is kept by rows.
    pub fn sparse(&self) -> Vec<String> {
        let sparse = |step: &&Step<'_>| match &step.call {
            Call::Linear { w, .. } | Call::Conv { w, .. } => w.is_sparse(),
            _ => false,
        };
        self.steps.iter().filter(sparse).map(|step| step.name.clone()).collect()
    }
}
