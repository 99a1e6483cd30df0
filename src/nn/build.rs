//! From a list of layers to the plan of a model: shapes are inferred, and layers checked against limits.

use super::context::{LayerContext, ModelError};
use super::costs::Costs;
use super::declare::Declarations;
use super::graph::{Graph, Node, Parameters};
use super::names::{body_prefix, shortcut_prefix};
use super::{Layer, Model, Named, Plan};
use crate::params::Params;
use crate::shape::Shape;

/// The most layers, those in residual blocks counted: four times the deepest networks in use.
const MAX_LAYERS: usize = 4096;

/// How deep residual blocks may lie in each other, since a model is walked by recursion.
const MAX_DEPTH: usize = 32;

impl Plan {
    /// Checks layers for samples of the shape `input`, without the batch axis, whose parameters will be
    /// declared behind those of `params`.
    ///
    /// # Errors
    /// If a layer does not fit its input, or is beyond a limit; the error names the layer, what it found
    /// and what would fit.
    pub fn new(
        params: &Params,
        input: impl Into<Shape>,
        layers: &[Named],
    ) -> Result<Plan, ModelError> {
        let input = input.into();
        LayerContext { name: "input", input }.fitting(input)?;
        let mut builder = Builder {
            declarations: Declarations::new(params),
            graph: Graph::new(input),
            activations: input.len() as u64,
            layers: 0,
            depth: 0,
        };
        builder.sequence(layers, "", 0)?;
        let Builder { declarations, graph, activations, .. } = builder;
        let Declarations { parameters, weights, convs, least_batch, .. } = declarations;
        let model = Model { graph, weights, least_batch, costs: Costs { convs, activations } };
        Ok(Plan { layers: layers.to_vec(), model, parameters, before: params.ids().len() })
    }
}

/// A model on its way.
struct Builder<'a> {
    declarations: Declarations<'a>,
    graph: Graph,
    /// Elements of the sample and of all layers' outputs.
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
            let at = LayerContext { name: &name, input: self.graph.shape(value) };
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
                    let (parameters, output) = layer.build(&mut self.declarations, at)?;
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
        at: LayerContext<'_>,
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
}
