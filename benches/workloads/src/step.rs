//! Whole training steps: forward, backward, and the update with the exact prox of l1,1 + l1,2.

use crate::filled;
use proxtape::nn::{self, Layer, Named, Phase, Zeros, zoo};
use proxtape::optim::{Family, GroupScale, Grouping, Optimizer, Penalty, Regularized, Rule};
use proxtape::{Exec, Gradients, Labels, Random, Tape, Var, ops};

/// A network and how it is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name in the zoo.
    pub name: &'static str,
    /// Samples of a batch.
    pub batch: usize,
    /// [C, H, W] of a sample.
    pub input: [usize; 3],
}

/// The networks to beat.
pub const NETWORKS: [Network; 4] = [
    Network { name: "lenet300", batch: 128, input: [1, 28, 28] },
    Network { name: "lenet5", batch: 128, input: [1, 28, 28] },
    Network { name: "vgg-small", batch: 64, input: [3, 32, 32] },
    Network { name: "resnet20", batch: 64, input: [3, 32, 32] },
];

const CLASSES: usize = 10;

impl Network {
    /// Its layers.
    ///
    /// # Panics
    /// If the zoo has no such network.
    pub fn layers(&self) -> Vec<Named> {
        let layers = zoo::by_name(self.name, CLASSES);
        layers.unwrap_or_else(|| panic!("the zoo has no network \"{}\"", self.name))
    }
}

/// The layers without batch normalisation.
pub fn without_batch_norm(mut layers: Vec<Named>) -> Vec<Named> {
    layers.retain(|named| !matches!(named.layer, Layer::BatchNorm { .. }));
    layers
}

/// Whether the update has a prox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regularization {
    /// Momentum alone.
    None,
    /// With l1,1 + l1,2 on the rows of each weight: output neurons and filters.
    L11L12,
}

/// A network that is ready to train on one batch of noise.
#[derive(Debug)]
pub struct Training {
    network: nn::Network,
    tape: Tape,
    loss: Var,
    gradients: Gradients,
    optimizer: Optimizer,
}

impl Training {
    /// A network of these layers in its initial state.
    ///
    /// # Panics
    /// If the layers do not fit the network's input.
    pub fn new(
        exec: Exec,
        network: &Network,
        layers: &[Named],
        regularization: Regularization,
    ) -> Training {
        let mut built = build(network, layers);
        let mut tape = Tape::new(exec);
        let (x, labels) = batch(&mut tape, network);
        let logits = built.record(&mut tape, x, Phase::Training);
        let loss = ops::cross_entropy(&mut tape, logits, labels);
        fill(&mut tape, x, labels);
        tape.forward(built.params_mut());
        let regularized = match regularization {
            Regularization::None => Vec::new(),
            Regularization::L11L12 => penalty(&built),
        };
        let optimizer =
            Optimizer::new(exec, built.params(), Rule::Momentum { beta: 0.9 }, &regularized);
        Training {
            gradients: Gradients::new(built.params()),
            network: built,
            tape,
            loss,
            optimizer,
        }
    }

    /// Forward and backward.
    pub fn differentiate(&mut self) {
        self.gradients.clear();
        let params = self.network.params_mut();
        self.tape.forward(params);
        self.tape.backward(params, self.loss, &mut self.gradients);
    }

    /// The update for the gradient that is there.
    ///
    /// # Panics
    /// If a weight becomes NaN.
    pub fn update(&mut self) {
        let outcome = self.optimizer.step(self.network.params_mut(), &mut self.gradients, 0.01);
        assert!(!outcome.nan, "a weight is not a number");
    }

    /// A whole step.
    pub fn step(&mut self) {
        self.differentiate();
        self.update();
    }
}

/// A network that is only used.
#[derive(Debug)]
pub struct Inference {
    network: nn::Network,
    tape: Tape,
}

impl Inference {
    /// A network of these layers in its initial state.
    ///
    /// # Panics
    /// If the layers do not fit the network's input.
    pub fn new(exec: Exec, network: &Network, layers: &[Named]) -> Inference {
        let built = build(network, layers);
        let mut tape = Tape::inference(exec);
        let (x, labels) = batch(&mut tape, network);
        built.record_prepacked(&mut tape, x, Zeros::default());
        fill(&mut tape, x, labels);
        Inference { network: built, tape }
    }

    /// The logits of the batch.
    pub fn run(&mut self) {
        self.tape.infer(self.network.params());
    }
}

fn build(network: &Network, layers: &[Named]) -> nn::Network {
    let built = nn::Network::new(network.input, layers, &mut Random::new(1));
    built.unwrap_or_else(|e| panic!("{}: {e}", network.name))
}

fn batch(tape: &mut Tape, network: &Network) -> (Var, Labels) {
    let [c, h, w] = network.input;
    (tape.input([network.batch, c, h, w]), tape.labels(network.batch))
}

fn fill(tape: &mut Tape, x: Var, labels: Labels) {
    let (x, labels) = tape.leaves_mut(x, labels);
    x.copy_from_slice(&filled(x.len()));
    labels.iter_mut().enumerate().for_each(|(i, label)| *label = (i % CLASSES) as u32);
}

/// Thresholds of 1e-5 a step, at eta = 0.01 and beta = 0.9, as in the step of the peers.
fn penalty(network: &nn::Network) -> Vec<Regularized> {
    let penalty = Penalty {
        lambda: 2e-4,
        scale: GroupScale::None,
        linear: Grouping::Output,
        conv: Grouping::Output,
        ..Penalty::new(Family::L11L12)
    };
    penalty.resolve(network).unwrap_or_else(|e| panic!("{e}"))
}
