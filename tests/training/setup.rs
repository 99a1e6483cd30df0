//! Small data, small models, and a look at all parameters.

use proxtape::data::{Dataset, Fractions, Normalization, Samples, Source, Split, digits};
use proxtape::nn::{Activation, Layer, Named, Network};
use proxtape::train::{Config, Data, Event, TrainError, Trainer};
use proxtape::{Exec, Isa, Params, Random};

/// Samples with their split and normalization, to borrow a [`Data`] from.
pub(crate) struct Small {
    pub(crate) source: Source,
    pub(crate) split: Split,
    pub(crate) normalization: Normalization,
}

impl Small {
    /// The embedded digits, `train` and `validation` of them.
    pub(crate) fn digits(train: usize, validation: usize) -> Small {
        let source = Source::from(digits::load().unwrap());
        let mut split = source.split(Fractions { validation: 0.3, test: 0.2 }, 1).unwrap();
        split.train.truncate(train);
        split.validation.truncate(validation);
        let normalization = Normalization::fit(&source.train, &split.train);
        Small { source, split, normalization }
    }

    /// Noise with labels that have nothing to do with it: all a model can do is to learn by heart.
    pub(crate) fn noise(train: u32, validation: u32) -> Small {
        let (n, mut random) = (train + validation, Random::new(5));
        let values = (0..n * 64).map(|_| random.normal()).collect();
        let labels = (0..n).map(|_| random.below(10)).collect();
        let set = Dataset::new([1, 8, 8], Samples::F32(values), labels, 10).unwrap();
        let normalization = Normalization::identity(&set);
        let split =
            Split { train: (0..train).collect(), validation: (train..n).collect(), test: vec![] };
        Small { source: Source::from(set), split, normalization }
    }

    pub(crate) fn data(&self) -> Data<'_> {
        let Small { source, split, normalization } = self;
        Data { source, split, normalization }
    }

    /// A trainer of `layers` from the same start each time, on the calling thread.
    pub(crate) fn trainer(
        &self,
        layers: &[Named],
        config: Config,
    ) -> Result<Trainer<'_>, TrainError> {
        self.trainer_on(exec(), layers, config)
    }

    pub(crate) fn trainer_on(
        &self,
        exec: Exec,
        layers: &[Named],
        config: Config,
    ) -> Result<Trainer<'_>, TrainError> {
        Trainer::new(exec, self.data(), network(layers), config)
    }
}

pub(crate) fn exec() -> Exec {
    Exec::new(Isa::detect())
}

pub(crate) fn network(layers: &[Named]) -> Network {
    Network::new([1, 8, 8], layers, &mut Random::new(1)).unwrap()
}

/// 64 - `hidden` - 10.
pub(crate) fn mlp(hidden: usize) -> Vec<Named> {
    vec![
        Layer::Flatten.named("flatten"),
        Layer::linear(hidden).named("fc1"),
        Activation::Relu.named("relu"),
        Layer::linear(10).named("fc2"),
    ]
}

/// One layer of everything that is random or has a state: batch norm, dropout.
pub(crate) fn conv_net(channels: usize) -> Vec<Named> {
    vec![
        Layer::conv2d(channels, 3, 1).named("conv"),
        Layer::batch_norm().named("bn"),
        Activation::Relu.named("relu"),
        Layer::max_pool(2).named("pool"),
        Layer::Flatten.named("flatten"),
        Layer::Dropout { p: 0.25 }.named("dropout"),
        Layer::linear(10).named("fc"),
    ]
}

/// Advances over `steps` optimiser steps; ends of epochs do not count.
pub(crate) fn take(trainer: &mut Trainer<'_>, steps: usize) -> Result<(), TrainError> {
    let mut taken = 0;
    while taken < steps {
        match trainer.advance()? {
            Event::Step(_) => taken += 1,
            Event::Epoch(_) => {}
            Event::Done => panic!("only {taken} of {steps} steps"),
        }
    }
    Ok(())
}

pub(crate) fn finish(trainer: &mut Trainer<'_>) -> Result<(), TrainError> {
    while trainer.advance()? != Event::Done {}
    Ok(())
}

/// The bits of all parameters, running statistics among them.
pub(crate) fn bits(params: &Params) -> Vec<u32> {
    params.ids().flat_map(|id| params.value(id)).map(|x| x.to_bits()).collect()
}

/// The largest difference of two parameter sets, over all parameters.
pub(crate) fn difference(a: &Params, b: &Params) -> f32 {
    let values = |p: &Params| p.ids().flat_map(|id| p.value(id).to_vec()).collect::<Vec<f32>>();
    values(a).iter().zip(values(b)).fold(0.0, |worst, (a, b)| (a - b).abs().max(worst))
}

/// The values of a named parameter.
pub(crate) fn value<'a>(params: &'a Params, name: &str) -> &'a [f32] {
    params.value(params.find(name).unwrap_or_else(|| panic!("no parameter {name}")))
}

/// Trains to the end, then goes on from the state of every `every`th event: to the same events, the
/// same state and the same bits. Returns the events.
pub(crate) fn resume_everywhere<'a>(
    start: impl Fn() -> Trainer<'a>,
    every: usize,
    case: &str,
) -> Vec<Event> {
    let mut unbroken = start();
    let (mut events, mut states) = (Vec::new(), vec![unbroken.state()]);
    while events.last() != Some(&Event::Done) {
        events.push(unbroken.advance().unwrap());
        states.push(unbroken.state());
    }
    for (at, state) in states.iter().enumerate().step_by(every) {
        let mut resumed = start();
        resumed.restore(state).unwrap();
        assert_eq!(resumed.state(), *state, "{case}, event {at}: restored as it was");
        for event in &events[at..] {
            assert_eq!(resumed.advance().unwrap(), *event, "{case}, resumed at {at}");
        }
        assert!(resumed.state() == unbroken.state(), "{case}, resumed at {at}");
        assert!(bits(resumed.params()) == bits(unbroken.params()), "{case}, resumed at {at}");
    }
    events
}
