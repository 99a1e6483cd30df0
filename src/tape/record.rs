//! Recording: leaves, operations and views, with their memory reserved.

use super::plan::{ALIGN, aligned};
use super::{Labels, Mode, Node, Primitive, Source, Tape, Var, Workspace};
use crate::params::{Kind, ParamId, Params};
use crate::shape::Shape;
use proxtape_kernels::size;

impl Tape {
    /// A leaf that the user sets before each replay; no gradient is computed for it.
    ///
    /// # Panics
    /// If memory cannot hold all that was recorded.
    #[track_caller]
    pub fn input(&mut self, shape: impl Into<Shape>) -> Var {
        self.leaf(Source::Input, shape.into(), false)
    }

    /// A leaf that the user sets before each replay and whose gradient can be read.
    ///
    /// # Panics
    /// As [`input`](Tape::input).
    #[track_caller]
    pub fn variable(&mut self, shape: impl Into<Shape>) -> Var {
        let grad = self.mode == Mode::Training;
        self.leaf(Source::Variable, shape.into(), grad)
    }

    /// A leaf that points into the parameters.
    ///
    /// # Panics
    /// If it is a running statistic: those are no operands, see [`Forward::running`](crate::Forward::running).
    #[track_caller]
    pub fn param(&mut self, params: &Params, id: ParamId) -> Var {
        assert!(params.kind(id) != Kind::Running, "\"{}\" is a statistic", params.name(id));
        let grad = self.mode == Mode::Training;
        self.leaf(Source::Param(id), params.shape(id), grad)
    }

    /// As [`param`](Tape::param), but no gradient is computed for it.
    #[track_caller]
    pub fn frozen(&mut self, params: &Params, id: ParamId) -> Var {
        let var = self.param(params, id);
        self.nodes[var.index()].grad = false;
        var
    }

    /// Reserves `len` integers that the user sets before each replay.
    ///
    /// # Panics
    /// If there is no memory for so many.
    #[track_caller]
    pub fn labels(&mut self, len: usize) -> Labels {
        let start = self.labels.len();
        lengthen(&mut self.labels, len);
        Labels { start, len }
    }

    /// Counts what a node takes, with what rounding up to cache lines adds.
    #[track_caller]
    fn count(&mut self, shape: Shape, aux: usize) {
        let parts = [self.recorded, shape.len(), aux, 2 * ALIGN];
        self.recorded = size::total("Tape", &parts);
    }

    #[track_caller]
    fn leaf(&mut self, source: Source, shape: Shape, grad: bool) -> Var {
        let inputs = self.operands.len()..self.operands.len();
        let owns_memory = !matches!(source, Source::Param(_));
        self.count(shape, 0);
        let var = self.push(Node {
            source,
            shape,
            inputs,
            root: self.nodes.len(),
            grad,
            keep: true,
            work: Workspace::default(),
            primal: self.primal_len,
            saved: 0,
        });
        if owns_memory {
            self.primal_len += aligned(shape.len());
        }
        var
    }

    #[track_caller]
    fn push(&mut self, node: Node) -> Var {
        assert!(self.placed.is_none(), "an inference tape is recorded before its first replay");
        let var = Var(u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes"));
        self.nodes.push(node);
        var
    }

    /// Records an operation. Its value is there after the next [`forward`](Tape::forward) or
    /// [`advance`](Tape::advance).
    ///
    /// # Panics
    /// If memory cannot hold all that was recorded, or what the operation [wants](Primitive::workspace), or
    /// an input is no value of this tape.
    #[track_caller]
    pub fn record(
        &mut self,
        op: impl Primitive + 'static,
        inputs: &[Var],
        shape: impl Into<Shape>,
    ) -> Var {
        let shape = shape.into();
        let mut grad = false;
        for &x in inputs {
            grad |= self.node(x).grad;
        }
        let work = op.workspace(self.exec);
        self.count(shape, work.aux);
        size::total("Tape: scratch of", &[work.scratch]);
        let first = self.operands.len();
        self.operands.extend_from_slice(inputs);
        let node = Node {
            source: Source::Op(Box::new(op)),
            shape,
            inputs: first..self.operands.len(),
            root: self.nodes.len(),
            grad,
            keep: false,
            work,
            primal: self.primal_len,
            saved: self.saved_len,
        };
        if self.mode == Mode::Training {
            self.primal_len += node.span_len();
        }
        self.saved_len = size::total("Tape", &[self.saved_len, work.saved]);
        self.scratch_len = self.scratch_len.max(work.scratch);
        self.push(node)
    }

    /// Records the same values under another shape; nothing is copied.
    ///
    /// # Panics
    /// If the number of elements differs, memory cannot hold them, or `x` is no value of this tape.
    #[track_caller]
    pub fn view(&mut self, x: Var, shape: impl Into<Shape>) -> Var {
        let (node, shape) = (self.node(x), shape.into());
        assert!(
            node.shape.len() == shape.len(),
            "reshape: {} has {} elements and {shape} has {}; the counts must be equal",
            node.shape,
            node.shape.len(),
            shape.len(),
        );
        let view = Node {
            source: Source::View,
            shape,
            inputs: 0..0,
            root: node.root,
            grad: node.grad,
            keep: false,
            work: Workspace::default(),
            primal: 0,
            saved: 0,
        };
        self.push(view)
    }
}

/// Appends zeros.
#[track_caller]
pub(super) fn lengthen(words: &mut Vec<u32>, more: usize) {
    let len = size::total("Tape: labels and indices", &[words.len(), more]);
    let room = words.try_reserve(more);
    assert!(room.is_ok(), "Tape: there is no memory for {len} labels and indices");
    words.resize(len, 0);
}
