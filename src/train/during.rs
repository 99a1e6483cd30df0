//! Steps of large weights in the backward pass, where their gradient is never written.

use super::{Config, TrainError, Trainer};
use crate::optim::{Optimizer, StepOutcome};
use crate::params::{ParamId, Params};

/// Elements of a weight whose gradient is better never written: with its moment it is out of a cache
/// of 6 MiB.
const LARGE: usize = 512 * 1024;

impl Config {
    /// Of the weights whose gradient can come by rows those that are stepped in the backward pass:
    /// large ones, where a step is always along the gradient of one batch as it is.
    pub(super) fn taken(
        &self,
        optimizer: &Optimizer,
        params: &Params,
        given: &[ParamId],
    ) -> Vec<ParamId> {
        let plain = self.clip.is_none() && self.accumulate == 1;
        // A target is met by looking ahead along the whole gradient.
        if !plain || self.settle.is_some() || self.refit.is_some() || self.target.is_some() {
            return Vec::new();
        }
        let large = given.iter().copied().filter(|&id| params.shape(id).len() > LARGE);
        optimizer.takes_rows(params, &large.collect::<Vec<_>>())
    }
}

impl Trainer<'_> {
    /// The loss of a batch, and the step with large weights updated in the backward pass: the same
    /// numbers.
    pub(super) fn step_during(
        &mut self,
        batch: usize,
        (time, eta): (f32, f32),
    ) -> Result<(f64, Option<StepOutcome>), TrainError> {
        self.set_strength(time, eta)?;
        let indices = self.batches.batch(batch);
        let augmentation = self.config.augment.as_ref().map(|a| (a, &mut self.augmentation));
        let mut sink = self.optimizer.during_backward(&mut self.gradients, eta);
        let outcome =
            self.graph.run(self.data, (indices, augmentation), &mut self.network.params, &mut sink);
        let loss = self.progress.note(&outcome, indices.len());
        Ok((loss, loss.is_finite().then(|| sink.finish(&mut self.network.params))))
    }
}

#[cfg(test)]
mod tests {
    use crate::data::{Fractions, Normalization, Source, digits};
    use crate::nn::{Activation, Layer, Network};
    use crate::optim::{Family, Grouping, Penalty};
    use crate::train::{Config, Data, Event, Refit, Trainer};
    use crate::{Isa, Pool, Random};

    /// 9,000 x 64 weights are large, and several tasks.
    #[test]
    fn the_numbers_are_those_of_steps_after_the_pass() {
        let source = Source::from(digits::load().unwrap());
        let mut split = source.split(Fractions { validation: 0.1, test: 0.2 }, 1).unwrap();
        split.train.truncate(256);
        let normalization = Normalization::fit(&source.train, &split.train);
        let data = Data { source: &source, split: &split, normalization: &normalization };
        let layers = [
            Layer::Flatten.named("flatten"),
            Layer::linear(9_000).named("fc1"),
            Activation::Relu.named("relu"),
            Layer::linear(10).named("fc2"),
        ];
        let penalty =
            Penalty { lambda: 1e-3, linear: Grouping::Output, ..Penalty::new(Family::L11L12) };
        let during = Config { epochs: 2, penalty, ..Config::default() };
        // A bound that no gradient reaches: they are wanted together, and stay as they are.
        let after = Config { clip: Some(f32::MAX), ..during.clone() };
        let refit = Config { refit: Some(Refit { epochs: 1, eta: 0.01 }), ..during.clone() };
        let by_column = Penalty { linear: Grouping::Input, ..during.penalty.clone() };
        let by_column = Config { penalty: by_column, ..during.clone() };
        let train = |isa, threads: usize, config: &Config, has_all: bool| {
            let pool = Pool::new(threads).unwrap();
            pool.install(|| {
                let random = &mut Random::new(1);
                let network = Network::new([1, 8, 8], &layers, random).unwrap();
                let exec = pool.exec(isa);
                let mut trainer = Trainer::new(exec, data, network, config.clone()).unwrap();
                assert_eq!(trainer.gradients.has_all(), has_all);
                while trainer.advance().unwrap() != Event::Done {}
                let params = trainer.params();
                let values = params.ids().flat_map(|id| params.value(id));
                values.map(|x| x.to_bits()).collect::<Vec<_>>()
            })
        };
        for isa in Isa::available() {
            let want = train(isa, 1, &after, true);
            for threads in [1, 2] {
                assert!(train(isa, threads, &during, false) == want, "{isa:?} {threads}");
            }
        }
        for config in [refit, by_column] {
            train(Isa::detect(), 1, &config, true);
        }
    }
}
