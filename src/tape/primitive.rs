//! What an operation is to the tape: a forward computation and its vector-Jacobian products.

use super::{Node, Source, Var};
use crate::params::{Running, Values};
use crate::random::Random;
use crate::shape::Shape;
use proxtape_kernels::gemm::ByRows;
use proxtape_kernels::{Accumulate, Exec};

/// An operation y = f(x0, x1, ...) on the tape.
///
/// The tape knows no operation by name: it asks for workspace when the operation is recorded,
/// calls [`forward`](Primitive::forward) on every replay, and on the way back calls
/// [`prepare`](Primitive::prepare) once and [`vjp`](Primitive::vjp) for each input that wants a
/// gradient, in the order of the inputs. None of them may allocate.
pub trait Primitive: Send + Sync {
    /// The name, for messages.
    fn name(&self) -> &'static str;

    /// The memory that the operation wants beside its output.
    fn workspace(&self, exec: Exec) -> Workspace {
        let _ = exec;
        Workspace::default()
    }

    /// Computes y from x.
    fn forward(&self, cx: Forward<'_>);

    /// Computes what several vector-Jacobian products share, into `aux`.
    fn prepare(&self, cx: Prepare<'_>) {
        let _ = cx;
    }

    /// Computes dx = (dy/dx)^T dy for the input `cx.input`.
    ///
    /// With [`Accumulate::Store`] every element of `dx` must be written, also those that the
    /// operation did not read; with [`Accumulate::Add`] the product is added to what is there.
    fn vjp(&self, cx: Vjp<'_>);

    /// The input whose gradient is a product that [`rows`](Primitive::rows) can hand over, if any.
    fn gives_rows(&self) -> Option<usize> {
        None
    }

    /// Calls `take` with the gradient of the input that [`gives_rows`](Primitive::gives_rows) names.
    /// Of the inputs only those before it may be read.
    fn rows(&self, cx: Rows<'_>, take: &mut dyn FnMut(&ByRows<'_>)) {
        let _ = (cx, take);
        unreachable!("an operation that gives rows hands them over");
    }
}

/// The memory that an operation wants beside its output, in elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workspace {
    /// f32 that `forward` and `prepare` leave for `vjp`, such as a batch's statistics.
    pub aux: usize,
    /// u32 that `forward` leaves for `vjp`, such as the argmax of a pool.
    pub saved: usize,
    /// f32 scratch, shared by all operations and undefined at each entry.
    pub scratch: usize,
}

/// What `forward` sees.
pub struct Forward<'a> {
    /// How kernels run.
    pub exec: Exec,
    /// The inputs.
    pub x: Operands<'a>,
    /// The output; holds anything at entry and must be written in full.
    pub y: &'a mut [f32],
    /// Kept for the way back.
    pub aux: &'a mut [f32],
    /// Kept for the way back.
    pub saved: &'a mut [u32],
    /// Shared scratch.
    pub scratch: &'a mut [f32],
    /// The labels of the tape.
    pub labels: LabelData<'a>,
    /// Running statistics.
    pub running: Running<'a>,
    /// The tape's random stream.
    pub random: &'a mut Random,
}

/// What `prepare` sees.
pub struct Prepare<'a> {
    /// How kernels run.
    pub exec: Exec,
    /// The inputs.
    pub x: Operands<'a>,
    /// The output.
    pub y: &'a [f32],
    /// The cotangent of the output.
    pub dy: &'a [f32],
    /// What `forward` left, to complete.
    pub aux: &'a mut [f32],
    /// Shared scratch.
    pub scratch: &'a mut [f32],
}

/// What `vjp` sees.
pub struct Vjp<'a> {
    /// How kernels run.
    pub exec: Exec,
    /// Which input the gradient is for.
    pub input: usize,
    /// The inputs.
    pub x: Operands<'a>,
    /// The output.
    pub y: &'a [f32],
    /// The cotangent of the output.
    pub dy: &'a [f32],
    /// The gradient of the input.
    pub dx: &'a mut [f32],
    /// Whether to store into `dx` or to add to it.
    pub accumulate: Accumulate,
    /// What `forward` and `prepare` left.
    pub aux: &'a [f32],
    /// What `forward` left.
    pub saved: &'a [u32],
    /// Shared scratch.
    pub scratch: &'a mut [f32],
    /// The labels of the tape.
    pub labels: LabelData<'a>,
}

/// What `rows` sees.
pub struct Rows<'a> {
    /// How kernels run.
    pub exec: Exec,
    /// The inputs before the one that the gradient is for.
    pub x: Operands<'a>,
    /// The cotangent of the output.
    pub dy: &'a [f32],
    /// Shared scratch.
    pub scratch: &'a mut [f32],
}

/// The primals of an operation's inputs.
///
/// The output's span is cut out of the flat buffer, so every input lies before or after it.
#[derive(Clone, Copy)]
pub struct Operands<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) inputs: &'a [Var],
    pub(super) before: &'a [f32],
    pub(super) after: &'a [f32],
    pub(super) after_start: usize,
    pub(super) values: Values<'a>,
}

impl<'a> Operands<'a> {
    /// The number of inputs.
    #[expect(clippy::len_without_is_empty, reason = "a count of inputs, not a container")]
    pub fn len(self) -> usize {
        self.inputs.len()
    }

    /// The values of input `i`.
    pub fn get(self, i: usize) -> &'a [f32] {
        let root = &self.nodes[self.nodes[self.inputs[i].index()].root];
        let (start, len) = (root.primal, root.shape.len());
        match root.source {
            Source::Param(id) => self.values.get(id),
            _ if start < self.after_start => &self.before[start..start + len],
            _ => &self.after[start - self.after_start..][..len],
        }
    }

    /// The shape of input `i`.
    pub fn shape(self, i: usize) -> Shape {
        self.nodes[self.inputs[i].index()].shape
    }
}

/// Integer data that the user sets for each replay, such as class labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels {
    pub(super) start: usize,
    pub(super) len: usize,
}

impl Labels {
    /// The number of labels.
    #[expect(clippy::len_without_is_empty, reason = "a handle, not a container")]
    pub fn len(self) -> usize {
        self.len
    }
}

/// The current labels.
#[derive(Clone, Copy)]
pub struct LabelData<'a>(pub(super) &'a [u32]);

impl<'a> LabelData<'a> {
    /// The labels of a handle.
    pub fn get(self, labels: Labels) -> &'a [u32] {
        &self.0[labels.start..labels.start + labels.len]
    }
}
