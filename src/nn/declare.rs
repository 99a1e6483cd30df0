//! The parameters that layers declare, each checked against limits before there is memory for it.

use super::context::{LayerContext, MAX_ELEMENTS, ModelError, elements};
use super::graph::Parameters;
use super::{Init, Weight, WithBias};
use crate::params::{Kind, ParamId, Params};
use crate::shape::Shape;
use proxtape_kernels::conv::Conv2d;
use std::collections::HashSet;

/// The most elements of all parameters together: 16 GiB.
const MAX_PARAMETERS: usize = 1 << 32;

/// The parameters of a layer, and the shape of a sample that it gives.
pub(super) type Built = (Parameters, Shape);

/// A parameter to be declared.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: Shape,
    pub(super) start: Start,
}

/// How the values of a parameter start.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Zeros,
    Ones,
    /// From the random stream, by fan_in and fan_out.
    Random(Init, [usize; 2]),
}

/// All that the layers so far have declared.
pub(super) struct Declarations<'a> {
    /// Parameters of before.
    before: &'a Params,
    pub(super) parameters: Vec<Parameter>,
    names: HashSet<String>,
    /// Of all parameters.
    elements: usize,
    pub(super) weights: Vec<Weight>,
    /// The convolutions by their weights, each for one sample.
    pub(super) convs: Vec<(usize, Conv2d)>,
    pub(super) least_batch: usize,
}

impl<'a> Declarations<'a> {
    /// None, behind the parameters of before.
    pub(super) fn new(before: &'a Params) -> Declarations<'a> {
        Declarations {
            before,
            parameters: Vec::new(),
            names: HashSet::new(),
            elements: 0,
            weights: Vec::new(),
            convs: Vec::new(),
            least_batch: 1,
        }
    }

    /// Biases start at zero, save where PyTorch's own start is asked for.
    pub(super) fn bias(
        &mut self,
        at: LayerContext<'_>,
        bias: WithBias,
        (out, fan_in, init): (usize, usize, Init),
    ) -> Result<Option<ParamId>, ModelError> {
        if bias == WithBias::No {
            return Ok(None);
        }
        let start = match init {
            Init::PyTorch => Start::Random(init, [fan_in, out]),
            _ => Start::Zeros,
        };
        self.declare(at, "bias", (Kind::Bias, [out].into()), start).map(Some)
    }

    /// Declares a parameter, of the last part of its name.
    pub(super) fn declare(
        &mut self,
        at: LayerContext<'_>,
        part: &str,
        (kind, shape): (Kind, Shape),
        start: Start,
    ) -> Result<ParamId, ModelError> {
        let name = format!("{}.{part}", at.name);
        if self.before.find(&name).is_some() || !self.names.insert(name.clone()) {
            return Err(at.error("there is another layer of this name; names must differ"));
        }
        self.elements += match elements(shape) {
            Some(0) => {
                return Err(at.error(format!("{part} would be {shape}, without any element")));
            }
            Some(n) if n <= MAX_ELEMENTS => n,
            _ => {
                return Err(at.error(format!(
                    "{part} would be {shape}; at most {MAX_ELEMENTS} elements are supported"
                )));
            }
        };
        if self.elements > MAX_PARAMETERS {
            return Err(at.error(format!(
                "with {part} {shape} the parameters would have {} elements; at most {MAX_PARAMETERS} \
                 are supported",
                self.elements
            )));
        }
        let id = ParamId::at(self.before.ids().len() + self.parameters.len());
        self.parameters.push(Parameter { name, kind, shape, start });
        Ok(id)
    }
}
