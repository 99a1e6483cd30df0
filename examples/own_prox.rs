//! A regulariser of your own: weights that are not negative, and few of them.
//!
//! ```text
//! R(w) = lambda sum_i w_i  where every w_i >= 0, and infinite elsewhere
//! prox   w_i = max(v_i - lambda e_i, 0)                 e: the step of each weight
//! ```
//!
//! A regulariser is a [`Penalty`] whose [`Form`] says how its prox is found. This one is any function of
//! a group ([`GroupProx`]): a few lines of scalar code, called for one group after another. A function of
//! each `|w|` alone ([`Element`](proxtape::kernels::prox::Element)), or a threshold for each group
//! ([`Solver`](proxtape::kernels::prox::Solver)), runs in the vector kernels of the built-in ones.

use proxtape::data::{self, Fractions, Normalization, Source};
use proxtape::kernels::prox::{Form, GroupProx, Penalty, Steps};
use proxtape::nn::{Activation, Layer, Network};
use proxtape::optim::{self, Family, Groups, Optimizer, Own, Regularized, Regularizer, Rule};
use proxtape::train::{Config, Data, Event, Trainer};
use proxtape::{Exec, Gradients, Isa, Kind, Params, Random, Tape, ops};

#[derive(Debug)]
struct Nonnegative;

impl Penalty for Nonnegative {
    fn form(&self) -> Form<'_> {
        Form::Whole(self)
    }

    fn is_convex(&self) -> bool {
        true
    }
}

impl GroupProx for Nonnegative {
    fn prox(&self, v: &mut [f32], e: Steps<'_>) {
        v.iter_mut().enumerate().for_each(|(i, v)| *v = (*v - e.at(i)).max(0.0));
    }

    fn value(&self, w: &[f32]) -> f64 {
        w.iter().map(|&w| if w < 0.0 { f64::INFINITY } else { f64::from(w) }).sum()
    }
}

/// Without a strength, which [`Own`] and a family of it multiply in.
static NONNEGATIVE: Nonnegative = Nonnegative;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    by_optimizer();
    by_trainer()
}

/// Least squares: which few of 20 inputs, none of which counts negatively, make up y.
fn by_optimizer() {
    const TRUTH: [(usize, f32); 3] = [(2, 1.0), (7, 0.5), (11, 2.0)];
    let mut random = Random::new(1);
    let xs: Vec<f32> = (0..64 * 20).map(|_| random.uniform_in(-1.0, 1.0)).collect();
    let y = |x: &[f32]| TRUTH.iter().map(|&(i, w)| w * x[i]).sum::<f32>() + 0.05 * x[0];
    let ys: Vec<f32> = xs.chunks_exact(20).map(y).collect();

    let mut params = Params::new();
    let weight = params.add("weight", Kind::Weight, [1, 20]);
    let exec = Exec::new(Isa::detect());
    let mut tape = Tape::new(exec);
    let (x, y) = (tape.input([64, 20]), tape.input([64, 1]));
    let w = tape.param(&params, weight);
    let guess = ops::linear(&mut tape, x, w, None);
    let loss = ops::mse_loss(&mut tape, guess, y);
    tape.set(x, &xs);
    tape.set(y, &ys);

    let own = Regularizer::Own(Own::new(&NONNEGATIVE).times(0.1));
    // Any groups do, since each weight is alone here.
    let regularized = Regularized::new(weight, own, Groups::whole(20));
    let mut gradients = Gradients::new(&params);
    let rule = Rule::Momentum { beta: 0.9 };
    let mut optimizer = Optimizer::new(exec, &params, rule, std::slice::from_ref(&regularized));
    for _ in 0..300 {
        tape.forward(&mut params);
        gradients.clear();
        tape.backward(&mut params, loss, &mut gradients);
        optimizer.step(&mut params, &mut gradients, 0.1);
    }

    let w = params.value(weight);
    let found: Vec<usize> = (0..20).filter(|&i| w[i] != 0.0).collect();
    println!("inputs {found:?}: {:.2?}", found.iter().map(|&i| w[i]).collect::<Vec<_>>());
    assert_eq!(found, TRUTH.map(|(i, _)| i));
    assert!(w.iter().all(|&w| w >= 0.0));
    // The weights are the minimiser of loss + R: how far they are from it.
    let gradient = gradients.get(weight).expect("of the last step");
    assert!(regularized.stationarity(w, gradient) < 1e-4);
}

/// A classifier of digits whose second layer only adds.
fn by_trainer() -> Result<(), Box<dyn std::error::Error>> {
    let source = Source::from(data::digits::load()?);
    let split = source.split(Fractions { validation: 0.1, test: 0.2 }, 1)?;
    let normalization = Normalization::fit(&source.train, &split.train);
    let data = Data { source: &source, split: &split, normalization: &normalization };
    let layers = [
        Layer::Flatten.named("flatten"),
        Layer::linear(32).named("features"),
        Activation::Relu.named("relu"),
        Layer::linear(10).named("sum"),
    ];
    let network = Network::new([1, 8, 8], &layers, &mut Random::new(1))?;
    let sum = optim::LayerPenalty {
        layer: "sum".to_owned(),
        family: Some(Family::Own(Own::new(&NONNEGATIVE))),
        ..optim::LayerPenalty::default()
    };
    let penalty =
        optim::Penalty { lambda: 2e-3, layers: vec![sum], ..optim::Penalty::new(Family::L1) };
    let config = Config { epochs: 12, penalty, ..Config::default() };
    let mut trainer = Trainer::new(Exec::new(Isa::detect()), data, network, config)?;
    while trainer.advance()? != Event::Done {}

    let (accuracy, params) = (trainer.test().accuracy, trainer.params());
    let w = params.value(params.find("sum.weight").expect("the second layer"));
    let zeros = w.iter().filter(|&&w| w == 0.0).count();
    println!("accuracy {:.1} %, {zeros} of {} weights are zero", 100.0 * accuracy, w.len());
    assert!(accuracy > 0.8);
    assert!(w.iter().all(|&w| w >= 0.0) && zeros > w.len() / 4);
    Ok(())
}
