//! The parameters of a model: one flat buffer of values, with named spans.
//!
//! Trainable values (weights, biases, normalisation parameters) lie in one buffer; gradients and
//! the state of an optimiser use the same layout, so one offset serves them all. Running
//! statistics, which no gradient reaches, lie in a buffer of their own: the forward pass of batch
//! normalisation updates them while it reads the values.

use crate::memory::{self, MemoryError};
use crate::shape::Shape;
use proxtape_kernels::{Buffer, size};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// Spans start at a cache line.
const ALIGN: usize = 16;

/// What a parameter is for. Only weights are regularised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A matrix or filter bank.
    Weight,
    /// What is added after a weight.
    Bias,
    /// Scale and shift of a normalisation.
    Norm,
    /// A running statistic: never trained by gradients.
    Running,
}

/// The name of one span in a [`Params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId(u32);

impl ParamId {
    /// The parameter at a position in the order of declaration.
    pub(crate) fn at(index: usize) -> ParamId {
        ParamId(u32::try_from(index).expect("fewer than 2^32 parameters"))
    }

    /// The position in the order of declaration.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    name: String,
    shape: Shape,
    kind: Kind,
    offset: usize,
}

/// The values of all parameters.
///
/// ```
/// use proxtape::{Kind, Params};
/// let mut params = Params::new();
/// let w = params.add("fc.weight", Kind::Weight, [2, 3]);
/// params.value_mut(w)[4] = 1.5;
/// assert_eq!(params.value(w), [0.0, 0.0, 0.0, 0.0, 1.5, 0.0]);
/// assert_eq!(params.find("fc.weight"), Some(w));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Params {
    values: Buffer,
    running: Buffer,
    entries: Vec<Entry>,
    /// The parameters by their names.
    ids: HashMap<String, ParamId>,
}

impl Params {
    /// No parameters.
    pub fn new() -> Params {
        Params::default()
    }

    /// Declares a parameter of zeros.
    ///
    /// # Panics
    /// If the name is taken, or there is no memory for so many elements.
    #[track_caller]
    pub fn add(&mut self, name: impl Into<String>, kind: Kind, shape: impl Into<Shape>) -> ParamId {
        let (name, shape) = (name.into(), shape.into());
        assert!(self.find(&name).is_none(), "there is a parameter named \"{name}\" already");
        let id = ParamId::at(self.entries.len());
        let buffer = match kind {
            Kind::Running => &mut self.running,
            _ => &mut self.values,
        };
        let offset = buffer.len();
        let end = size::total("Params", &[offset, shape.len(), ALIGN - 1]) / ALIGN * ALIGN;
        buffer.resize(end);
        self.ids.insert(name.clone(), id);
        self.entries.push(Entry { name, shape, kind, offset });
        id
    }

    /// Makes room for parameters that will be declared, so that a want of memory is an error.
    pub(crate) fn reserve(
        &mut self,
        parameters: impl Iterator<Item = (Kind, Shape)>,
    ) -> Result<(), MemoryError> {
        let mut ends = [self.values.len(), self.running.len()];
        for (kind, shape) in parameters {
            ends[usize::from(kind == Kind::Running)] += shape.len().next_multiple_of(ALIGN);
        }
        let [values, running] = ends;
        memory::check("the model", (values + running) as u128)?;
        let refused = |_| MemoryError::new("the model", (values + running) as u128);
        self.values.try_reserve(values).map_err(refused)?;
        self.running.try_reserve(running).map_err(refused)
    }

    /// Every parameter, in the order of declaration.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = ParamId> + ExactSizeIterator + use<> {
        (0..self.entries.len() as u32).map(ParamId)
    }

    /// The parameter of a name.
    pub fn find(&self, name: &str) -> Option<ParamId> {
        self.ids.get(name).copied()
    }

    /// The name.
    pub fn name(&self, id: ParamId) -> &str {
        &self.entries[id.index()].name
    }

    /// The shape.
    pub fn shape(&self, id: ParamId) -> Shape {
        self.entries[id.index()].shape
    }

    /// The kind.
    pub fn kind(&self, id: ParamId) -> Kind {
        self.entries[id.index()].kind
    }

    /// The values.
    pub fn value(&self, id: ParamId) -> &[f32] {
        match self.kind(id) {
            Kind::Running => &self.running[self.span(id)],
            _ => &self.values[self.span(id)],
        }
    }

    /// The values, to change.
    pub fn value_mut(&mut self, id: ParamId) -> &mut [f32] {
        let span = self.span(id);
        match self.kind(id) {
            Kind::Running => &mut self.running[span],
            _ => &mut self.values[span],
        }
    }

    /// Where the values lie in their buffer: for trainable parameters also the place of the
    /// gradient and of an optimiser's state in buffers of [`len`](Params::len) elements.
    pub fn span(&self, id: ParamId) -> Range<usize> {
        let Entry { offset, shape, .. } = &self.entries[id.index()];
        *offset..offset + shape.len()
    }

    /// The length of the flat buffer of trainable values, alignment gaps included.
    #[expect(clippy::len_without_is_empty, reason = "the length of a layout, not a count")]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Takes over the values of parameters that were declared in the same way.
    ///
    /// # Panics
    /// If the declarations differ in a name, kind or shape, or in their number.
    #[track_caller]
    pub fn copy_from(&mut self, other: &Params) {
        let (own, found) = (&self.entries, &other.entries);
        if own != found {
            let shared = own.iter().zip(found).take_while(|(own, found)| own == found).count();
            panic!(
                "copy_from: other parameters than these: parameter {shared} is {:?} here and {:?} there",
                own.get(shared),
                found.get(shared)
            );
        }
        self.values.copy_from_slice(&other.values);
        self.running.copy_from_slice(&other.running);
    }

    /// All running statistics.
    pub(crate) fn running(&self) -> &[f32] {
        &self.running
    }

    /// All running statistics, to put back.
    pub(crate) fn running_mut(&mut self) -> &mut [f32] {
        &mut self.running
    }

    /// The trainable values, and beside them the running statistics to update.
    pub(crate) fn split(&mut self) -> (Values<'_>, Running<'_>) {
        (
            Values { data: &self.values, entries: &self.entries },
            Running { data: Access::Update(&mut self.running), entries: &self.entries },
        )
    }

    /// The trainable values, and beside them the running statistics to read.
    pub(crate) fn shared(&self) -> (Values<'_>, Running<'_>) {
        (
            Values { data: &self.values, entries: &self.entries },
            Running { data: Access::Read(&self.running), entries: &self.entries },
        )
    }
}

/// Trainable values, to read.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    data: &'a [f32],
    entries: &'a [Entry],
}

impl<'a> Values<'a> {
    /// No values: for an operation that reads none, while they change.
    pub(crate) fn none() -> Values<'a> {
        Values { data: &[], entries: &[] }
    }

    pub(crate) fn get(self, id: ParamId) -> &'a [f32] {
        let Entry { offset, shape, .. } = &self.entries[id.index()];
        &self.data[*offset..offset + shape.len()]
    }
}

/// Running statistics, which the forward pass of a normalisation reads and, in training, updates.
pub struct Running<'a> {
    data: Access<'a>,
    entries: &'a [Entry],
}

enum Access<'a> {
    Read(&'a [f32]),
    Update(&'a mut [f32]),
}

impl fmt::Debug for Running<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (access, data): (_, &[f32]) = match &self.data {
            Access::Read(data) => ("read", data),
            Access::Update(data) => ("update", data),
        };
        write!(f, "Running({access} {} elements)", data.len())
    }
}

impl<'a> Running<'a> {
    /// The same statistics for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Running<'_> {
        let data = match &mut self.data {
            Access::Read(data) => Access::Read(data),
            Access::Update(data) => Access::Update(data),
        };
        Running { data, entries: self.entries }
    }

    /// The statistic.
    ///
    /// # Panics
    /// If the parameter is of another kind.
    pub fn get(&self, id: ParamId) -> &[f32] {
        let Entry { offset, shape, .. } = self.statistic(id);
        let data: &[f32] = match &self.data {
            Access::Read(data) => data,
            Access::Update(data) => data,
        };
        &data[*offset..offset + shape.len()]
    }

    /// The statistic, to update; `None` where the parameters are only read.
    ///
    /// # Panics
    /// If the parameter is of another kind.
    pub fn get_mut(&mut self, id: ParamId) -> Option<&mut [f32]> {
        let Entry { offset, shape, .. } = self.statistic(id);
        match &mut self.data {
            Access::Read(_) => None,
            Access::Update(data) => Some(&mut data[*offset..offset + shape.len()]),
        }
    }

    /// Trainable values lie in another buffer, where the same offset means something else.
    fn statistic(&self, id: ParamId) -> &'a Entry {
        let entry = &self.entries[id.index()];
        assert!(entry.kind == Kind::Running, "\"{}\" is no running statistic", entry.name);
        entry
    }
}
