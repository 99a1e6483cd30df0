//! A network: its layers, the model that they make, and the values of its parameters, as one.

use super::{Graph, Model, ModelError, Named, Phase, Plan, PrepackedNetwork, Zeros};
use crate::params::Params;
use crate::random::Random;
use crate::shape::Shape;
use crate::tape::{Tape, Var};

/// Layers with their parameters.
///
/// ```
/// use proxtape::nn::{Network, Phase, zoo};
/// use proxtape::{Exec, Isa, Random, Tape};
/// let network = Network::new([1, 28, 28], &zoo::lenet300(10), &mut Random::new(1))?;
/// let mut tape = Tape::inference(Exec::new(Isa::detect()));
/// let x = tape.input([2, 1, 28, 28]);
/// let logits = network.record(&mut tape, x, Phase::Inference);
/// assert_eq!(tape.shape(logits).dims(), [2, 10]);
/// # Ok::<(), proxtape::nn::ModelError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    pub(super) layers: Vec<Named>,
    // Inside the crate the parts can be borrowed at once.
    pub(crate) model: Model,
    pub(crate) params: Params,
}

impl Network {
    /// A network for samples of the shape `input`, without the batch axis: `[C, H, W]` or `[features]`. Its
    /// parameters start as the layers say.
    ///
    /// # Errors
    /// If a layer does not fit its input, or there is no memory for its parameters; the error names the
    /// layer, what it found and what would fit.
    pub fn new(
        input: impl Into<Shape>,
        layers: &[Named],
        random: &mut Random,
    ) -> Result<Network, ModelError> {
        Plan::new(&Params::new(), input, layers)?.network(random)
    }

    /// The same with parameters of zeros, to be read from somewhere.
    ///
    /// # Errors
    /// As [`new`](Network::new).
    pub fn zeros(input: impl Into<Shape>, layers: &[Named]) -> Result<Network, ModelError> {
        Plan::new(&Params::new(), input, layers)?.zeros()
    }

    /// The layers.
    pub fn layers(&self) -> &[Named] {
        &self.layers
    }

    /// The names, shapes and costs of the network.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The layers as operations on values.
    pub fn graph(&self) -> &Graph {
        self.model.graph()
    }

    /// The parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The parameters, to change their values.
    pub fn params_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    /// The shape of one sample.
    pub fn input(&self) -> Shape {
        self.model.input()
    }

    /// The shape of the output for one sample.
    pub fn output(&self) -> Shape {
        self.model.output()
    }

    /// Records the network on a tape, for a batch x: [N, input...].
    ///
    /// # Panics
    /// If `x` does not have the shape that the network was built for.
    #[track_caller]
    pub fn record(&self, tape: &mut Tape, x: Var, phase: Phase) -> Var {
        self.model.record(tape, &self.params, x, phase)
    }

    /// Records the network for inference only, with weights that are laid out once; see
    /// [`Model::record_prepacked`].
    ///
    /// # Panics
    /// As [`record`](Network::record).
    #[track_caller]
    pub fn record_prepacked(&self, tape: &mut Tape, x: Var, zeros: Zeros) -> PrepackedNetwork {
        self.model.record_prepacked(tape, &self.params, x, zeros)
    }
}

impl Plan {
    /// The network, with the values that its parameters start from.
    ///
    /// # Errors
    /// If there is no memory for them.
    ///
    /// # Panics
    /// If the parameters were to be declared behind others.
    pub fn network(mut self, random: &mut Random) -> Result<Network, ModelError> {
        let (layers, mut params) = (std::mem::take(&mut self.layers), Params::new());
        let model = self.start(&mut params, random)?;
        Ok(Network { layers, model, params })
    }

    /// The network, with parameters of zeros, to be read from a file.
    ///
    /// # Errors
    /// If there is no memory for them.
    ///
    /// # Panics
    /// If the parameters were to be declared behind others.
    pub fn zeros(mut self) -> Result<Network, ModelError> {
        let (layers, mut params) = (std::mem::take(&mut self.layers), Params::new());
        let model = self.allocate(&mut params)?;
        Ok(Network { layers, model, params })
    }
}
