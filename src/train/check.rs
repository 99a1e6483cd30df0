//! The checks of a configuration, before anything is allocated.

use super::{Config, Data, Keep, Target, TrainError};
use crate::nn::Model;
use crate::optim::{OutOfRange, Regularized, Schedule};

impl Config {
    /// Checks everything that does not need the parameters.
    pub(super) fn check(&self, data: &Data<'_>, model: &Model) -> Result<(), TrainError> {
        let set = &data.source.train;
        let error = |what: String| Err(TrainError::Config(what));
        if model.input()[..] != set.shape()[..] {
            let (wants, has) = (model.input(), set.shape());
            return error(format!("the model wants samples {wants} and the data has {has:?}"));
        }
        if model.output()[..] != [set.classes()] {
            let (gives, has) = (model.output(), set.classes());
            return error(format!(
                "the model gives {gives} and the data has {has} classes; the last layer must \
                 give one number for each class"
            ));
        }
        let samples = data.split.train.len();
        let wanted = self.batch.saturating_mul(self.accumulate);
        if self.batch == 0 || self.accumulate == 0 || wanted > samples {
            return error(format!(
                "a step of {} x {} samples cannot be taken from {samples} training samples",
                self.accumulate, self.batch
            ));
        }
        model.check_batch(self.batch).map_err(|e| TrainError::Config(e.to_string()))?;
        if self.batch < model.least_batch() {
            return error(format!(
                "a batch of {} has no variance for batch normalisation; it needs {} samples or more",
                self.batch,
                model.least_batch()
            ));
        }
        let Schedule { eta, warmup, .. } = self.schedule;
        if !(eta.is_finite() && eta > 0.0 && warmup.is_finite() && warmup >= 0.0) {
            return error(format!(
                "the step size is a positive number and the warm-up at least 0, not {eta} and \
                 {warmup}"
            ));
        }
        if !self.schedule.shape.is_valid() {
            return error(format!(
                "a number of the step size's schedule is out of range: {:?}",
                self.schedule.shape
            ));
        }
        self.check_stages()?;
        // A step schedule may rise; all others fall.
        let last = self.epochs as f32;
        for eta in [Some(eta), self.refit.map(|refit| refit.eta)].into_iter().flatten() {
            let reached = Schedule { eta, ..self.schedule }.unbounded(last, last);
            if !reached.is_finite() {
                return error(format!(
                    "the step size rises from {eta} to {reached}; take a smaller factor, or more \
                     epochs between two steps"
                ));
            }
        }
        if let Some(prune) = self.prune {
            prune.check()?;
            if self.refit.is_none() {
                return error(
                    "prune comes before a refit, and this training has none; give the refit some of the \
                     epochs"
                        .to_owned(),
                );
            }
        }
        if let Some(target) = self.target {
            self.check_target(target)?;
        }
        if let Some(clip) = self.clip
            && !(clip.is_finite() && clip > 0.0)
        {
            return error(format!("clip is a positive number, not {clip}"));
        }
        if self.patience.is_some() && data.split.validation.is_empty() {
            return error("patience needs a validation part".to_owned());
        }
        if let Some(augment) = &self.augment {
            augment.check(set.shape())?;
        }
        self.check_rule()
    }

    /// Checks the numbers of the optimiser.
    fn check_rule(&self) -> Result<(), TrainError> {
        match self.rule.out_of_range() {
            None => Ok(()),
            Some(OutOfRange { name, expected, found }) => Err(TrainError::Config(format!(
                "{name} of the optimiser is out of range: expected {expected}, found {found}"
            ))),
        }
    }

    /// Checks that every regulariser works with the optimiser.
    pub(super) fn check_metric(
        &self,
        regularized: &[Regularized],
        model: &Model,
    ) -> Result<(), TrainError> {
        let is_diagonal = self.rule.is_diagonal();
        match regularized.iter().find(|r| is_diagonal && !r.supports_diagonal()) {
            None => Ok(()),
            Some(r) => {
                let weight = model.weights().iter().find(|weight| weight.id == r.id);
                let layer = weight.map_or("", |weight| &weight.layer);
                let family = self.penalty.family_of(layer);
                Err(TrainError::Config(format!(
                    "layer {layer:?}: {family} has no prox in Adam's metric; use momentum, or another \
                     regulariser"
                )))
            }
        }
    }

    /// Checks that the configuration leaves it to the penalty how much is kept at the end.
    fn check_target(&self, target: Target) -> Result<(), TrainError> {
        let Target { of, share } = target;
        let error = |what: String| Err(TrainError::Config(what));
        if !(share > 0.0 && share <= 1.0) {
            return error(format!(
                "a target is a share of the {of}, above 0 and up to 1, not {share}"
            ));
        }
        if self.prune.is_some() {
            return error("a target and prune both tell how much stays; take one".to_owned());
        }
        let penalised = self.refit.map_or(self.epochs, |refit| self.epochs - refit.epochs);
        if penalised == 0 {
            return error(
                "a target needs epochs with the penalty, and all are for the refit".into(),
            );
        }
        if self.refit.is_none() && (self.keep == Keep::Best || self.patience.is_some()) {
            return error(
                "a target is met at the last step, so the best epoch cannot be kept, nor patience \
                 end the training; take the last parameters, or give the refit some of the epochs"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
