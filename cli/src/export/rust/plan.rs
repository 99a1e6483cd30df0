//! From a graph to steps on a few buffers: what the written function does, line by line.
//!
//! ```text
//! batch norm after a weight     goes into it                                       (draft.rs)
//! a weight with many zeros      is kept by rows: values and where they stand       (weight.rs)
//! elementwise operations        write over what they read, where nobody reads it later
//! other operations              write to the smallest buffer that is free          (place.rs)
//! ```

use super::draft::draft;
use super::place::place;
use super::weight::Weight;
use crate::export::graph::Graph;
use crate::export::kernels::Window;
use proxtape::Shape;

/// What the function does.
pub(crate) struct Plan<'a> {
    pub(crate) steps: Vec<Step<'a>>,
    /// Lengths of the buffers.
    pub(crate) buffers: Vec<usize>,
    pub(crate) inputs: Shape,
    pub(crate) outputs: usize,
}

/// One line of it.
pub(crate) struct Step<'a> {
    /// Of the layer.
    pub(crate) name: String,
    pub(crate) call: Call<'a>,
    /// What it reads: the same place as `to` where it writes over it.
    pub(crate) from: Span,
    pub(crate) to: Span,
}

/// The first elements of a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) place: Place,
    pub(crate) len: usize,
}

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Input,
    Buffer(usize),
    Output,
}

/// The function of [`kernels`](crate::export::kernels) that a step calls.
pub(crate) enum Call<'a> {
    Normalize {
        scale: f32,
        mean: Vec<f32>,
        std: &'a [f32],
    },
    Linear {
        w: Weight,
        b: Vec<f32>,
    },
    Conv {
        w: Weight,
        b: Vec<f32>,
        window: Window,
    },
    Affine {
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
    LayerNorm {
        gamma: &'a [f32],
        beta: &'a [f32],
        eps: f32,
    },
    MaxPool(Window),
    AvgPool(Window),
    GlobalAvgPool,
    Select {
        units: usize,
        indices: Vec<u32>,
    },
    Relu,
    LeakyRelu {
        slope: f32,
    },
    Gelu,
    GeluTanh,
    Tanh,
    Sigmoid,
    Add {
        other: Span,
    },
    /// The same values at another place, since the first one is read again.
    Copy,
}

impl<'a> Plan<'a> {
    /// The plan of a graph.
    pub(crate) fn of(graph: &Graph<'a>) -> Plan<'a> {
        place(graph, draft(graph))
    }

    /// Of all buffers.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<f32>() * self.buffers.iter().sum::<usize>()
    }

    /// The layers whose weight is kept by rows.
    pub(crate) fn sparse(&self) -> Vec<String> {
        let sparse = |step: &&Step<'_>| match &step.call {
            Call::Linear { w, .. } | Call::Conv { w, .. } => matches!(w, Weight::Sparse { .. }),
            _ => false,
        };
        self.steps.iter().filter(sparse).map(|step| step.name.clone()).collect()
    }
}

impl Call<'_> {
    /// Whether it writes over what it reads.
    pub(super) fn is_in_place(&self) -> bool {
        match self {
            Call::Affine { .. }
            | Call::LayerNorm { .. }
            | Call::Relu
            | Call::LeakyRelu { .. }
            | Call::Gelu
            | Call::GeluTanh
            | Call::Tanh
            | Call::Sigmoid
            | Call::Add { .. }
            | Call::Copy => true,
            Call::Normalize { .. }
            | Call::Linear { .. }
            | Call::Conv { .. }
            | Call::MaxPool(_)
            | Call::AvgPool(_)
            | Call::GlobalAvgPool
            | Call::Select { .. } => false,
        }
    }
}
