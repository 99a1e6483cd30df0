//! The plan of a model: shapes and names of all parameters, before any of them is there.
//!
//! A recipe of a few bytes can ask for gigabytes. So a model is planned first, the plan is compared with
//! limits and with what a file holds, and only then memory is taken, and filled once.

use super::declare::{Parameter, Start};
use super::{Model, ModelError, Named};
use crate::memory::MemoryError;
use crate::params::Params;
use crate::random::Random;
use crate::shape::Shape;

/// A model whose layers fit each other and whose parameters are not declared yet.
///
/// ```
/// use proxtape::nn::{Layer, Plan};
/// use proxtape::Params;
/// let mut params = Params::new();
/// let layers = [Layer::linear(2).named("fc")];
/// let plan = Plan::new(&params, [3], &layers)?;
/// let shapes: Vec<_> = plan.parameters().map(|(name, shape)| format!("{name} {shape}")).collect();
/// assert_eq!(shapes, ["fc.weight [2, 3]", "fc.bias [2]"]);
/// let model = plan.allocate(&mut params)?; // zeros, to be read from a file
/// assert_eq!(model.weights().len(), 1);
/// # Ok::<(), proxtape::nn::ModelError>(())
/// ```
#[derive(Debug)]
pub struct Plan {
    pub(super) layers: Vec<Named>,
    pub(super) model: Model,
    pub(super) parameters: Vec<Parameter>,
    /// The number of parameters that there are already.
    pub(super) before: usize,
}

impl Plan {
    /// The shape of one sample.
    pub fn input(&self) -> Shape {
        self.model.input()
    }

    /// The shape of the output for one sample.
    pub fn output(&self) -> Shape {
        self.model.output()
    }

    /// Names and shapes of the parameters, in the order of their declaration.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = (&str, Shape)> {
        self.parameters.iter().map(|p| (p.name.as_str(), p.shape))
    }

    /// Declares the parameters, as zeros.
    ///
    /// # Errors
    /// If there is no memory for them.
    ///
    /// # Panics
    /// If others were declared since the plan was made.
    pub fn allocate(self, params: &mut Params) -> Result<Model, ModelError> {
        self.declare(params)?;
        Ok(self.model)
    }

    /// Declares the parameters, with the values that they start from.
    ///
    /// # Errors
    /// If there is no memory for them.
    ///
    /// # Panics
    /// If others were declared since the plan was made.
    pub fn start(self, params: &mut Params, random: &mut Random) -> Result<Model, ModelError> {
        self.declare(params)?;
        for (id, parameter) in params.ids().skip(self.before).zip(&self.parameters) {
            let value = params.value_mut(id);
            match parameter.start {
                Start::Zeros => {}
                Start::Ones => value.fill(1.0),
                Start::Random(init, fans) => init.fill(value, fans, random),
            }
        }
        Ok(self.model)
    }

    fn declare(&self, params: &mut Params) -> Result<(), MemoryError> {
        assert!(params.ids().len() == self.before, "plan: params has got others meanwhile");
        params.reserve(self.parameters.iter().map(|p| (p.kind, p.shape)))?;
        for Parameter { name, kind, shape, .. } in &self.parameters {
            params.add(name.as_str(), *kind, *shape);
        }
        Ok(())
    }
}

impl Model {
    /// Declares and initialises the parameters of `layers` for samples of the shape `input`,
    /// without the batch axis: `[C, H, W]` or `[features]`.
    ///
    /// # Errors
    /// If a layer does not fit its input; the error names the layer, what it found and what would
    /// fit. `params` is as it was then.
    pub fn new(
        params: &mut Params,
        input: impl Into<Shape>,
        layers: &[Named],
        random: &mut Random,
    ) -> Result<Model, ModelError> {
        Plan::new(params, input, layers)?.start(params, random)
    }
}
