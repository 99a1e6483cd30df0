//! A row of the table: an operation at some shapes, and what it should compute.

use proxtape::gradcheck::{Input, Probe};
use proxtape::{Params, Random, Shape, Tape, Var};
use std::fmt;
use std::ops::Range;

/// Seeds the tape's random stream in every check.
pub(crate) const SEED: u64 = 7;

type Record = Box<dyn Fn(&mut Tape, &[Var]) -> Var + Send + Sync>;
type Reference = Box<dyn Fn(&[Vec<f64>]) -> Vec<f64> + Send + Sync>;

pub(crate) struct Case {
    pub(crate) op: &'static str,
    pub(crate) inputs: Vec<Input>,
    pub(crate) record: Record,
    pub(crate) reference: Reference,
    pub(crate) params: Params,
    pub(crate) probe: Probe,
    note: String,
}

impl Case {
    pub(crate) fn new(
        op: &'static str,
        inputs: Vec<Input>,
        record: impl Fn(&mut Tape, &[Var]) -> Var + Send + Sync + 'static,
        reference: impl Fn(&[Vec<f64>]) -> Vec<f64> + Send + Sync + 'static,
    ) -> Case {
        // Differences along every coordinate, while their number times the work stays small.
        let elements: usize = inputs.iter().map(|x| x.values().len()).sum();
        Case {
            op,
            inputs,
            record: Box::new(record),
            reference: Box::new(reference),
            params: Params::new(),
            probe: if elements <= 1200 { Probe::Coordinates } else { Probe::Directions(4) },
            note: String::new(),
        }
    }

    /// The parameters that the graph refers to.
    pub(crate) fn params(self, params: Params) -> Case {
        Case { params, ..self }
    }

    /// What else a failure should name.
    pub(crate) fn note(self, note: impl fmt::Debug) -> Case {
        Case { note: format!(" {note:?}"), ..self }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes: Vec<Shape> = self.inputs.iter().map(Input::shape).collect();
        write!(f, "{} {shapes:?}{}", self.op, self.note)
    }
}

/// Draws inputs.
pub(crate) struct Draw(Random);

impl Draw {
    pub(crate) fn new(seed: u64) -> Draw {
        Draw(Random::new(seed))
    }

    pub(crate) fn range(&mut self, dims: &[usize], range: Range<f32>) -> Input {
        Input::uniform(dims, range, &mut self.0)
    }

    pub(crate) fn input(&mut self, dims: &[usize]) -> Input {
        self.range(dims, -2.0..2.0)
    }

    pub(crate) fn inputs(&mut self, shapes: &[&[usize]]) -> Vec<Input> {
        shapes.iter().map(|dims| self.input(dims)).collect()
    }

    /// Values that are all different by at least 0.01, in random order, both signs.
    pub(crate) fn distinct(&mut self, dims: &[usize]) -> Input {
        let len: usize = dims.iter().product();
        let mut values: Vec<f32> =
            (0..len).map(|i| 0.01 * (i as f32 - len as f32 / 2.0) + 0.005).collect();
        for i in (1..len).rev() {
            values.swap(i, self.0.next_u32() as usize % (i + 1));
        }
        Input::new(dims, values)
    }
}

/// Every index of a shape, row-major.
pub(crate) fn indices(dims: &[usize]) -> Vec<Vec<usize>> {
    let len: usize = dims.iter().product();
    // The elements from one step along an axis to the next.
    let inner = |axis: usize| dims[axis + 1..].iter().product::<usize>();
    let index = |i: usize| (0..dims.len()).map(|axis| i / inner(axis) % dims[axis]).collect();
    (0..len).map(index).collect()
}

/// The row-major offset of an index.
pub(crate) fn offset(dims: &[usize], index: &[usize]) -> usize {
    dims.iter().zip(index).fold(0, |offset, (&d, &i)| offset * d + i)
}
