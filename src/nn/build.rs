//! From a list of layers to the plan of a model: shapes are inferred and checked against limits.

use super::costs::Costs;
use super::graph::{Graph, Node, Parameters};
use super::layer::{WithBias, body_prefix, shortcut_prefix};
use super::place::{MAX_ELEMENTS, ModelError, Place, elements};
use super::plan::{Parameter, Plan, Start};
use super::{Init, Layer, Model, Named, Weight};
use crate::params::{Kind, ParamId, Params};
use crate::shape::Shape;
use proxtape_kernels::conv::Conv2d;
use std::collections::HashSet;

/// The most elements of all parameters together: 16 GiB.
const MAX_PARAMETERS: usize = 1 << 32;

/// The most layers, those in residual blocks counted: four times the deepest networks that are told of.
const MAX_LAYERS: usize = 4096;

/// How deep residual blocks may lie in each other, since a model is walked by recursion.
const MAX_DEPTH: usize = 32;

pub(super) fn plan(params: &Params, input: Shape, layers: &[Named]) -> Result<Plan, ModelError> {
    let mut builder = Builder {
        before: params,
        graph: Graph::new(input),
        parameters: Vec::new(),
        names: HashSet::new(),
        elements: 0,
        weights: Vec::new(),
        convs: Vec::new(),
        least_batch: 1,
        activations: 0,
        layers: 0,
        depth: 0,
    };
    Place { name: "input", input }.fitting(input)?;
    builder.sequence(layers, "", 0)?;
    let Builder { graph, parameters, weights, convs, least_batch, activations, .. } = builder;
    let costs = Costs { convs, activations: activations + input.len() as u64 };
    let model = Model { graph, weights, least_batch, costs };
    let layers = layers.to_vec();
    Ok(Plan { layers, model, parameters, before: params.ids().len() })
}

/// A model on its way.
pub(super) struct Builder<'a> {
    /// Those declared before the model.
    before: &'a Params,
    graph: Graph,
    parameters: Vec<Parameter>,
    names: HashSet<String>,
    /// Of all parameters.
    elements: usize,
    pub(super) weights: Vec<Weight>,
    /// The convolutions by their weights, each for one sample.
    pub(super) convs: Vec<(usize, Conv2d)>,
    pub(super) least_batch: usize,
    activations: u64,
    /// Layers so far, and residual blocks around the one at hand.
    layers: usize,
    depth: usize,
}

impl Builder<'_> {
    /// The layers one after the other, from a value to the last one's.
    fn sequence(
        &mut self,
        layers: &[Named],
        prefix: &str,
        value: usize,
    ) -> Result<usize, ModelError> {
        layers.iter().enumerate().try_fold(value, |value, (i, named)| {
            let name = named.full_name(prefix, i);
            let at = Place { name: &name, input: self.graph.shape(value) };
            self.layers += 1;
            if self.layers > MAX_LAYERS {
                return Err(at.error(format!(
                    "a model has at most {MAX_LAYERS} layers, and this is one more"
                )));
            }
            let (parameters, output, inputs) = match &named.layer {
                Layer::Residual { body, shortcut } => {
                    let ([long, short], output) = self.residual(at, [body, shortcut], value)?;
                    (Parameters::default(), output, vec![long, short])
                }
                layer => {
                    let (parameters, output) = layer.build(self, at)?;
                    (parameters, output, vec![value])
                }
            };
            let output = at.fitting(output)?;
            self.activations += output.len() as u64;
            let node = Node::new(name, &named.layer, parameters, inputs);
            Ok(self.graph.push(node, output))
        })
    }

    /// The two ways of a block: their values, and the shape of both.
    fn residual(
        &mut self,
        at: Place<'_>,
        [body, shortcut]: [&[Named]; 2],
        value: usize,
    ) -> Result<([usize; 2], Shape), ModelError> {
        if self.depth == MAX_DEPTH {
            return Err(at.error(format!(
                "residual blocks lie in each other at most {MAX_DEPTH} deep, and this is one more"
            )));
        }
        self.depth += 1;
        let long = self.sequence(body, &body_prefix(at.name), value)?;
        let short = self.sequence(shortcut, &shortcut_prefix(at.name), value)?;
        self.depth -= 1;
        let shapes = [long, short].map(|value| self.graph.shape(value));
        if shapes[0] != shapes[1] {
            return Err(at.error(format!(
                "the body gives {} and the shortcut {}; both must be equal",
                shapes[0], shapes[1]
            )));
        }
        Ok(([long, short], shapes[0]))
    }

    /// Biases start at zero, save where PyTorch's own start is asked for.
    pub(super) fn bias(
        &mut self,
        at: Place<'_>,
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
        at: Place<'_>,
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
