//! The state of a training: restored into a tiny one, which then goes on for some steps.

use super::Reader;
use crate::seeds::file;
use proxtape::checkpoint;
use proxtape::data::{Dataset, Fractions, Normalization, Samples, Source};
use proxtape::nn::{Activation, Init, Layer, Named, Network, WithBias};
use proxtape::optim::{Family, Penalty, Rule};
use proxtape::train::{Config, Data, Event, Keep, Measure, Refit, Settle, Target, Trainer};
use proxtape::{Exec, Isa, Random};

/// How far a training goes before its state is taken, and after it was restored.
const STEPS: usize = 5;

/// What stays from state to state.
struct Tiny {
    source: Source,
    split: proxtape::data::Split,
    normalization: Normalization,
}

impl Tiny {
    /// 48 images of 2 x 2 in two classes.
    fn new() -> Tiny {
        let pixels = (0..48 * 4_u32).map(|i| (i * 37 % 256) as u8).collect();
        let labels = (0..48).map(|i| i % 2).collect();
        let set = Dataset::new([1, 2, 2], Samples::U8(pixels), labels, 2).expect("it is whole");
        let source = Source::from(set);
        let split = source.split(Fractions { validation: 0.25, test: 0.0 }, 1).expect("enough");
        let normalization = Normalization::fit(&source.train, &split.train);
        Tiny { source, split, normalization }
    }

    /// A training with a controller, all stages, and the best epoch kept.
    fn trainer(&self) -> Trainer<'_> {
        let (source, split) = (&self.source, &self.split);
        let data = Data { source, split, normalization: &self.normalization };
        let linear = |out| Layer::Linear { out, bias: WithBias::Yes, init: Init::default() };
        let layers = [
            Layer::Flatten,
            linear(4),
            Activation::Relu.into(),
            Layer::Dropout { p: 0.25 },
            linear(2),
        ];
        let layers = layers.into_iter().map(Named::from).collect::<Vec<_>>();
        let network = Network::new([1, 2, 2], &layers, &mut Random::new(1));
        let config = Config {
            epochs: 6,
            batch: 8,
            rule: Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.0 },
            penalty: Penalty { lambda: 1e-3, ..Penalty::new(Family::L1) },
            target: Some(Target { of: Measure::Weights, share: 0.5 }),
            settle: Some(Settle { epochs: 1, eta: 0.01 }),
            refit: Some(Refit { epochs: 1, eta: 0.01 }),
            keep: Keep::Best,
            ..Config::default()
        };
        let network = network.expect("the layers fit");
        Trainer::new(Exec::new(Isa::detect()), data, network, config).expect("it fits")
    }
}

/// States of the tiny training, at its start and in its midst, and those of runs.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let tiny = Tiny::new();
    let state = |steps: usize| {
        let mut trainer = tiny.trainer();
        (0..steps).for_each(|_| _ = trainer.advance().expect("it goes well"));
        checkpoint::to_bytes(&trainer.state()).expect("names are apart")
    };
    let runs = ["images/state.safetensors", "table/state.safetensors"].map(file);
    [state(STEPS), state(5 * STEPS)].into_iter().chain(runs).collect()
}

pub(super) fn reader() -> Reader {
    let tiny = Tiny::new();
    Box::new(move |file| {
        let Ok(state) = checkpoint::parse(file) else { return false };
        let run = proxtape_cli::readers::run_state(&state, 2).is_ok();
        let mut trainer = tiny.trainer();
        let restored = trainer.restore(&state).is_ok();
        if restored {
            for _ in 0..STEPS {
                // A training of odd numbers may end in an error.
                if matches!(trainer.advance(), Ok(Event::Done) | Err(_)) {
                    break;
                }
            }
        }
        run || restored
    })
}
