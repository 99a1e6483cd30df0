//! The certificates of method.md: was the prox exact, and is the point stationary.
//!
//! Both are about the objective with the penalty. So where a refit follows they are taken before
//! it, and go with the state of the run.

use crate::failure::Failure;
use proxtape::checkpoint::Checkpoint;
use proxtape::optim::Regularized;
use proxtape::train::Trainer;
use serde::{Deserialize, Serialize};

/// The certificates of one weight.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Certificate {
    /// How well the last prox solved its equation, relative to tau.
    pub(crate) prox_residual: Option<f64>,
    /// The largest distance of minus the gradient to the subdifferential.
    pub(crate) stationarity: Option<f64>,
}

/// Those of every weight, in the order of the model's.
#[derive(Clone, Debug)]
pub(crate) struct Certificates(pub(crate) Vec<Certificate>);

const NOTE: &str = "run.certificates";

impl Certificates {
    /// Measures the parameters that are kept.
    pub(crate) fn of(trainer: &mut Trainer<'_>) -> Certificates {
        let gradients = trainer.full_gradient();
        let params = trainer.params();
        // The thresholds of the optimiser are those of the last weights.
        let is_last = core::ptr::eq(params, trainer.last());
        let weights = trainer.model().weights().iter().map(|weight| {
            let found = trainer.regularized().iter().find(|r| r.id == weight.id);
            let Some(&Regularized { regularizer, groups, .. }) = found else {
                return Certificate { prox_residual: None, stationarity: None };
            };
            let w = params.value(weight.id);
            let tau = trainer.optimizer().tau(weight.id);
            let gradient = gradients.get(weight.id);
            Certificate {
                prox_residual: is_last.then(|| regularizer.residual(groups, w, tau)),
                stationarity: gradient.map(|g| regularizer.stationarity(groups, w, g)),
            }
        });
        Certificates(weights.collect())
    }

    /// For weights that never saw the penalty.
    pub(crate) fn none(weights: usize) -> Certificates {
        Certificates(vec![Certificate { prox_residual: None, stationarity: None }; weights])
    }

    /// Notes them in a state.
    pub(crate) fn note(&self, state: &mut Checkpoint) -> Result<(), Failure> {
        state.note(NOTE, serde_json::to_string(&self.0).map_err(Failure::failed)?);
        Ok(())
    }

    /// What a state has noted, if anything.
    pub(crate) fn restore(state: &Checkpoint) -> Result<Option<Certificates>, String> {
        let Some(text) = state.texts.get(NOTE) else { return Ok(None) };
        let found: Result<Vec<Certificate>, _> = serde_json::from_str(text);
        found.map(|found| Some(Certificates(found))).map_err(|e| format!("\"{NOTE}\": {e}"))
    }
}
