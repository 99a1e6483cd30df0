//! How gradients of parameters leave the tape, and the plain buffer that takes them.

use crate::params::{Kind, ParamId, Params};
use proxtape_kernels::gemm::ByRows;
use proxtape_kernels::{Accumulate, Buffer, Exec, Simd, map, reduce};
use std::collections::HashSet;
use std::ops::Range;

/// How the gradient of a parameter leaves the tape.
pub trait GradSink {
    /// Where to put a contribution to the gradient of `id`, and whether to store or to add;
    /// `None` if the gradient is not wanted: then it is not computed.
    fn destination(&mut self, id: ParamId) -> Option<(&mut [f32], Accumulate)>;

    /// Who takes the gradient of `id` as a product, to be made a few rows at a time, in place of the
    /// destination; asked where [`Tape::gives_rows`](crate::Tape::gives_rows) says that it can be.
    fn rows(&mut self, id: ParamId) -> Option<&mut dyn RowSink> {
        let _ = id;
        None
    }
}

/// Takes gradients that no buffer holds.
pub trait RowSink {
    /// The whole gradient of `id`. Nothing reads the parameter after this in the pass, so its values
    /// may change.
    fn consume(&mut self, params: &mut Params, id: ParamId, gradient: &ByRows<'_>);
}

/// Wants no gradient of a parameter: the adjoints of variables are all that is asked for.
///
/// ```
/// use proxtape::{Exec, Isa, NoGradients, Params, Tape, ops};
/// let (mut params, mut tape) = (Params::new(), Tape::new(Exec::new(Isa::detect())));
/// let x = tape.variable([2]);
/// let y = ops::sum(&mut tape, x);
/// tape.set(x, &[1.0, 2.0]);
/// tape.forward(&mut params);
/// tape.backward(&mut params, y, &mut NoGradients);
/// assert_eq!(tape.gradient(x), [1.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGradients;

impl GradSink for NoGradients {
    fn destination(&mut self, _: ParamId) -> Option<(&mut [f32], Accumulate)> {
        None
    }
}

/// Gradients of parameters in one flat buffer, in the order of the values.
///
/// The first contribution after [`clear`](Gradients::clear) is stored and later ones are added,
/// so the buffer is never filled with zeros, and several backward passes accumulate.
#[derive(Clone, Debug)]
pub struct Gradients {
    data: Buffer,
    spans: Vec<Range<usize>>,
    written: Vec<bool>,
    /// Parameters without room.
    taken: HashSet<ParamId>,
}

impl Gradients {
    /// A buffer for the gradients of `params`; all read as zeros.
    pub fn new(params: &Params) -> Gradients {
        Gradients::without(params, &[])
    }

    /// As [`new`](Gradients::new), without room for some: those that the optimiser
    /// [takes during the backward pass](crate::optim::Optimizer::during_backward).
    pub fn without(params: &Params, taken: &[ParamId]) -> Gradients {
        let taken: HashSet<ParamId> = taken.iter().copied().collect();
        let mut end = 0;
        let spans = params.ids().map(|id| {
            let start = end;
            let skip = params.kind(id) == Kind::Running || taken.contains(&id);
            let len = if skip { 0 } else { params.span(id).len() };
            // Spans start at a cache line.
            end += len.next_multiple_of(16);
            start..start + len
        });
        let spans: Vec<_> = spans.collect();
        let written = vec![false; spans.len()];
        Gradients { data: Buffer::zeroed(end), spans, written, taken }
    }

    /// Forgets what was accumulated.
    pub fn clear(&mut self) {
        self.written.fill(false);
    }

    /// Whether there is room for the gradient.
    pub(crate) fn has_room(&self, id: ParamId) -> bool {
        !self.taken.contains(&id)
    }

    /// Whether there is room for every gradient.
    pub(crate) fn has_all(&self) -> bool {
        self.taken.is_empty()
    }

    /// The gradient, or `None` if no backward pass has reached the parameter since `clear`.
    pub fn get(&self, id: ParamId) -> Option<&[f32]> {
        self.written[id.index()].then(|| &self.data[self.spans[id.index()].clone()])
    }

    /// The gradient, to change, or `None` as in [`get`](Gradients::get).
    pub fn get_mut(&mut self, id: ParamId) -> Option<&mut [f32]> {
        self.written[id.index()].then(|| &mut self.data[self.spans[id.index()].clone()])
    }
}

impl Gradients {
    /// The Euclidean norm over all parameters.
    pub fn norm(&self, exec: Exec) -> f64 {
        let written = self.spans.iter().zip(&self.written).filter(|(_, written)| **written);
        let squares = written.map(|(span, _)| reduce::sum_squares(exec, &self.data[span.clone()]));
        squares.sum::<f64>().sqrt()
    }

    /// Multiplies all gradients by a number.
    pub fn scale(&mut self, exec: Exec, factor: f32) {
        for (span, _) in self.spans.iter().zip(&self.written).filter(|(_, written)| **written) {
            map::update(exec, Scale(factor), &mut self.data[span.clone()], []);
        }
    }
}

/// y * c.
#[derive(Clone, Copy)]
struct Scale(f32);

impl map::MapInPlace<0> for Scale {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, y: S::F, _: [S::F; 0]) -> S::F {
        s.mul(y, s.splat(self.0))
    }
}

impl GradSink for Gradients {
    fn destination(&mut self, id: ParamId) -> Option<(&mut [f32], Accumulate)> {
        assert!(self.has_room(id), "the gradient of parameter {} has no room", id.index());
        let first = !std::mem::replace(&mut self.written[id.index()], true);
        let mode = if first { Accumulate::Store } else { Accumulate::Add };
        Some((&mut self.data[self.spans[id.index()].clone()], mode))
    }
}
