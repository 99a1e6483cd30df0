//! The progress of a training, and its results.

use super::graph::Graph;
use super::{Config, Data, Evaluation, Keep, Trainer};
use crate::gradients::Gradients;
use crate::nn::{Model, Network, Phase};
use crate::optim::{Optimizer, Regularized};
use crate::params::Params;

impl Trainer<'_> {
    /// The share of the training that is done, 0 to 1.
    pub fn fraction(&self) -> f64 {
        let done = f64::from(self.progress.epoch);
        let part = self.progress.step as f64 / self.steps(self.progress.epoch) as f64;
        ((done + part) / f64::from(self.config.epochs)).min(1.0)
    }

    /// The parameters to keep: the last ones, or those of the best epoch if the configuration says
    /// so and there is one.
    pub fn params(&self) -> &Params {
        match (&self.best, self.config.keep) {
            (Some(best), Keep::Best) => &best.params,
            _ => &self.network.params,
        }
    }

    /// The parameters after the last step, whichever are kept.
    pub fn last(&self) -> &Params {
        &self.network.params
    }

    /// The best epoch by validation loss, what it reached, and its parameters.
    pub fn best(&self) -> Option<(u32, Evaluation, &Params)> {
        self.best.as_ref().map(|best| (best.epoch, best.evaluation, &best.params))
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.network.model
    }

    /// The network, with the parameters after the last step.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network with the parameters to keep.
    pub fn into_network(self) -> Network {
        let Trainer { mut network, best, config, .. } = self;
        if let (Some(best), Keep::Best) = (best, config.keep) {
            network.params = best.params;
        }
        network
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The strength of the penalty in the last step that had one, where no layer has its own: what
    /// [`Penalty::lambda`](crate::optim::Penalty::lambda) says, times the ramp, or what a target has
    /// made of it. Layers with a strength of their own move by the same factor.
    pub fn lambda(&self) -> f32 {
        self.config.penalty.lambda * self.factor
    }

    /// The regulariser, at the strength that was last in use, and groups of every weight.
    pub fn regularized(&self) -> &[Regularized] {
        &self.regularized
    }

    /// The optimiser.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The parameters to keep, on the test part.
    pub fn test(&mut self) -> Evaluation {
        let Data { source, split, normalization } = self.data;
        let params = match (&self.best, self.config.keep) {
            (Some(best), Keep::Best) => &best.params,
            _ => &self.network.params,
        };
        self.evaluator.run(params, source.test_set(), &split.test, normalization)
    }

    /// The gradient of the mean loss over the whole training part at the parameters to keep, with
    /// the model in its inference form: what a certificate of stationarity wants.
    pub fn full_gradient(&mut self) -> Gradients {
        // Nobody asks, so nothing is given up.
        let found = self.full_gradient_unless(&mut || false);
        found.unwrap_or_else(|| Gradients::new(self.params()))
    }

    /// The same, unless `asked` says between two batches to give it up: none then.
    pub fn full_gradient_unless(&mut self, asked: &mut dyn FnMut() -> bool) -> Option<Gradients> {
        let mut params = self.params().clone();
        let mut gradients = Gradients::new(&params);
        let (exec, loss, train) = (self.exec, self.config.loss, &self.data.split.train);
        let batches = train.chunks_exact(self.config.batch);
        let rest = batches.remainder();
        // Each batch adds the gradient of its own mean, so the sum is that of all samples over the
        // batch size; the rest comes in its own measure.
        let mut measure = self.config.batch;
        let mut graph =
            Graph::new(exec, (&self.network.model, &params), measure, loss, Phase::Inference);
        for indices in batches {
            if asked() {
                return None;
            }
            graph.run(self.data, (indices, None), &mut params, &mut gradients);
        }
        if !rest.is_empty() {
            gradients.scale(exec, measure as f32 / rest.len() as f32);
            measure = rest.len();
            let mut graph =
                Graph::new(exec, (&self.network.model, &params), measure, loss, Phase::Inference);
            graph.run(self.data, (rest, None), &mut params, &mut gradients);
        }
        gradients.scale(exec, measure as f32 / train.len() as f32);
        Some(gradients)
    }
}
