//! A Wengert list: operations in the order of recording, their values in one flat buffer.
//!
//! **Record once, replay many.** Recording an operation checks shapes and reserves memory;
//! [`Tape::forward`] computes. A replayed step makes no heap allocation: the lifetime of every
//! span is known before the first step, and adjoints share memory as soon as they can.
//! Graphs that depend on data use [`Tape::advance`], which computes only what is new, and
//! [`Tape::clear`] before the next step; the capacity of all buffers stays.
//!
//! Nodes stand in a topological order because an operation can only use what was recorded before.
//! Parameters are not copied: a leaf points into [`Params`].

mod backward;
mod debug;
mod forward;
mod plan;
mod poison;
mod primitive;
mod record;

pub use primitive::{
    Forward, LabelData, Labels, Operands, Prepare, Primitive, Rows, Vjp, Workspace,
};

use crate::memory::{self, MemoryError};
use crate::params::ParamId;
use crate::random::Random;
use crate::shape::Shape;
use plan::{Program, aligned};
use proxtape_kernels::{Buffer, Exec};
use std::ops::Range;

/// The name of a value on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Var(u32);

impl Var {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a node's value comes from.
enum Source {
    /// Set by the user before each replay.
    Input,
    /// The same, and its gradient is wanted.
    Variable,
    /// A span of the parameters.
    Param(ParamId),
    /// The values of another node under another shape.
    View,
    Op(Box<dyn Primitive>),
}

struct Node {
    source: Source,
    shape: Shape,
    /// The inputs, in `Tape::operands`.
    inputs: Range<usize>,
    /// The node that owns the values: itself, or what a view looks at.
    root: usize,
    /// Whether a gradient flows to or through it.
    grad: bool,
    /// Whether an inference tape must not reuse its memory.
    keep: bool,
    work: Workspace,
    /// The offset of the output in `Tape::primals`; `aux` follows it.
    primal: usize,
    /// The offset in `Tape::saved`.
    saved: usize,
}

impl Node {
    fn span_len(&self) -> usize {
        aligned(self.shape.len()) + aligned(self.work.aux)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Training,
    Inference,
}

/// Records operations, replays them, and runs backwards through them.
///
/// ```
/// use proxtape::{Exec, Isa, NoGradients, Params, Tape, ops};
/// let mut params = Params::new();
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let x = tape.variable([3]);
/// let xx = ops::mul(&mut tape, x, x);
/// let y = ops::sum(&mut tape, xx);
/// tape.set(x, &[1.0, 2.0, 3.0]);
/// tape.forward(&mut params);
/// assert_eq!(tape.value(y), [14.0]);
/// tape.backward(&mut params, y, &mut NoGradients);
/// assert_eq!(tape.gradient(x), [2.0, 4.0, 6.0]);
/// ```
pub struct Tape {
    exec: Exec,
    mode: Mode,
    nodes: Vec<Node>,
    operands: Vec<Var>,
    primals: Buffer,
    /// How long `primals` must be; it grows at the next use.
    primal_len: usize,
    /// Elements of all that was recorded, which no sum of spans exceeds.
    recorded: usize,
    labels: Vec<u32>,
    saved: Vec<u32>,
    /// How long `saved` must be; it grows at the next use.
    saved_len: usize,
    scratch: Buffer,
    scratch_len: usize,
    adjoints: Buffer,
    program: Option<Program>,
    random: Random,
    /// Nodes that `advance` need not compute again.
    computed: usize,
    /// Where the operations of an inference tape begin in `primals`, once they are placed.
    placed: Option<usize>,
    /// Whether what was computed was computed from other leaves or labels than there are now.
    stale: bool,
    /// The labels that there were when the last values were computed.
    labels_read: usize,
}

impl Tape {
    /// A tape that can run backwards; all values stay until the next replay.
    pub fn new(exec: Exec) -> Tape {
        Tape::with_mode(exec, Mode::Training)
    }

    /// A tape that only runs forwards: memory is used again as soon as its last reader is done.
    ///
    /// Only the last recorded value and those named by [`keep`](Tape::keep) can be read. It is
    /// recorded completely before its first replay.
    pub fn inference(exec: Exec) -> Tape {
        Tape::with_mode(exec, Mode::Inference)
    }

    fn with_mode(exec: Exec, mode: Mode) -> Tape {
        Tape {
            exec,
            mode,
            nodes: Vec::new(),
            operands: Vec::new(),
            primals: Buffer::default(),
            primal_len: 0,
            recorded: 0,
            labels: Vec::new(),
            saved: Vec::new(),
            saved_len: 0,
            scratch: Buffer::default(),
            scratch_len: 0,
            adjoints: Buffer::default(),
            program: None,
            random: Random::new(0),
            computed: 0,
            placed: None,
            stale: false,
            labels_read: 0,
        }
    }

    /// How kernels run.
    pub fn exec(&self) -> Exec {
        self.exec
    }

    /// The random stream that operations such as dropout draw from.
    pub fn random_mut(&mut self) -> &mut Random {
        &mut self.random
    }

    /// The random stream, to save its state.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Forgets all nodes and keeps the capacity of all buffers.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.operands.clear();
        self.labels.clear();
        self.saved.clear();
        self.program = None;
        (self.primal_len, self.saved_len, self.scratch_len) = (0, 0, 0);
        (self.recorded, self.computed, self.labels_read) = (0, 0, 0);
        (self.placed, self.stale) = (None, false);
    }

    /// # Panics
    /// If there is no such value: it was recorded before [`clear`](Tape::clear), or on another tape.
    #[track_caller]
    fn node(&self, x: Var) -> &Node {
        match self.nodes.get(x.index()) {
            Some(node) => node,
            None => panic!(
                "value {} of a tape of {}: it is of another tape, or of before clear",
                x.index(),
                self.nodes.len()
            ),
        }
    }

    #[track_caller]
    fn check_labels(&self, Labels { start, len }: Labels) {
        assert!(
            start + len <= self.labels.len(),
            "labels {start}..{} of a tape that has {}: they are of another tape, or of before clear",
            start + len,
            self.labels.len()
        );
    }

    /// The shape of a value.
    ///
    /// # Panics
    /// If there is no such value on this tape.
    #[track_caller]
    pub fn shape(&self, x: Var) -> Shape {
        self.node(x).shape
    }

    /// The name of the operation that computes a value, or what kind of leaf it is.
    ///
    /// # Panics
    /// As [`shape`](Tape::shape).
    #[track_caller]
    pub fn name(&self, x: Var) -> &'static str {
        match &self.node(x).source {
            Source::Input => "input",
            Source::Variable => "variable",
            Source::Param(_) => "param",
            Source::View => "view",
            Source::Op(op) => op.name(),
        }
    }

    /// Parameters whose gradient a backward pass can hand over a few rows at a time: the weights of
    /// linear layers that are used once. A sink is not bound to [take](crate::GradSink::rows)
    /// them so.
    pub fn gives_rows(&self) -> Vec<ParamId> {
        plan::by_rows(&self.nodes, &self.operands)
    }

    /// Keeps a value of an inference tape readable. After a replay the memory is planned anew: the
    /// values are there after the next one.
    ///
    /// # Panics
    /// As [`shape`](Tape::shape).
    #[track_caller]
    pub fn keep(&mut self, x: Var) {
        if !self.node(x).keep {
            self.nodes[x.index()].keep = true;
            self.place_anew();
        }
    }

    /// Sets an input or variable. The values of operations are those of before, until the next
    /// [`forward`](Tape::forward).
    ///
    /// # Panics
    /// If `x` is no such leaf, or the length differs.
    #[track_caller]
    pub fn set(&mut self, x: Var, values: &[f32]) {
        let target = self.value_mut(x);
        assert!(target.len() == values.len(), "set: {} values for {}", values.len(), target.len());
        target.copy_from_slice(values);
    }

    /// An input or variable, to fill in place.
    ///
    /// # Panics
    /// If `x` is no such leaf.
    #[track_caller]
    pub fn value_mut(&mut self, x: Var) -> &mut [f32] {
        self.leaves_mut(x, Labels { start: 0, len: 0 }).0
    }

    /// Whether a value may have been computed from some labels.
    fn has_read(&self, Labels { start, len }: Labels) -> bool {
        len > 0 && start < self.labels_read
    }

    /// Labels, to fill in place.
    ///
    /// # Panics
    /// If they were not reserved on this tape.
    #[track_caller]
    pub fn labels_mut(&mut self, labels: Labels) -> &mut [u32] {
        self.check_labels(labels);
        self.stale |= self.has_read(labels);
        &mut self.labels[labels.start..labels.start + labels.len]
    }

    /// Labels, to read.
    ///
    /// # Panics
    /// As [`labels_mut`](Tape::labels_mut).
    #[track_caller]
    pub fn labels_ref(&self, labels: Labels) -> &[u32] {
        self.check_labels(labels);
        &self.labels[labels.start..labels.start + labels.len]
    }

    /// An input and its labels, to fill both in one go.
    ///
    /// # Panics
    /// If `x` is no input or variable, or the labels were not reserved on this tape.
    #[track_caller]
    pub fn leaves_mut(&mut self, x: Var, labels: Labels) -> (&mut [f32], &mut [u32]) {
        self.grow();
        self.check_labels(labels);
        let node = self.node(x);
        assert!(
            matches!(node.source, Source::Input | Source::Variable),
            "only an input or a variable can be set, not a {}",
            self.name(x),
        );
        self.stale |= x.index() < self.computed || self.has_read(labels);
        let node = &self.nodes[x.index()];
        let x = &mut self.primals[node.primal..][..node.shape.len()];
        (x, &mut self.labels[labels.start..labels.start + labels.len])
    }

    /// A computed value.
    ///
    /// # Panics
    /// If it was not computed yet, its memory was used again (see [`Tape::inference`]), or it is a
    /// parameter (read it from [`Params`](crate::Params)).
    #[track_caller]
    pub fn value(&self, x: Var) -> &[f32] {
        let root = &self.nodes[self.node(x).root];
        assert!(!matches!(root.source, Source::Param(_)), "a parameter is read from its Params");
        assert!(x.index() < self.computed, "a value is there after forward or advance");
        let readable = self.mode == Mode::Training
            || self.nodes[x.index()].keep
            || root.keep
            || x.index() + 1 == self.nodes.len();
        assert!(readable, "an inference tape has reused this memory; call keep, then forward");
        &self.primals[root.primal..][..root.shape.len()]
    }

    /// Elements that the tape will hold when it has run, backwards from `from` as well; nothing is
    /// allocated. An inference tape is recorded completely by then.
    pub(crate) fn planned(&mut self, from: Option<Var>) -> usize {
        self.place();
        if let Some(y) = from {
            self.plan_backward(y);
        }
        let adjoints = self.program.as_ref().map_or(0, |program| program.len);
        self.primal_len + self.saved_len + self.scratch_len + adjoints
    }

    /// Whether there is memory for what was recorded. An inference tape is recorded completely by then.
    ///
    /// # Errors
    /// If there is less than it takes.
    pub fn check_memory(&mut self) -> Result<(), MemoryError> {
        memory::check("the network at this batch", self.planned(None) as u128)
    }

    /// Elements of f32 that the tape holds: primals, adjoints and scratch.
    pub fn memory(&self) -> usize {
        self.primals.len() + self.adjoints.len() + self.scratch.len()
    }
}

/// Cuts one span out of a buffer: (before, span, after).
fn cut(buffer: &mut [f32], start: usize, len: usize) -> (&mut [f32], &mut [f32], &mut [f32]) {
    let (before, rest) = buffer.split_at_mut(start);
    let (span, after) = rest.split_at_mut(len);
    (before, span, after)
}
