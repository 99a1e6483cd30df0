//! The certificates of method.md: whether the prox was exact, and whether the point is stationary.
//!
//! Both are about the objective with the penalty. So where a refit follows they are taken before
//! it, and go with the state of the run.

use crate::failure::Failure;
use crate::system::interrupt;
use proxtape::checkpoint::Checkpoint;
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
    /// Measures the parameters that are kept, unless an end is asked for: none then.
    pub(crate) fn of(trainer: &mut Trainer<'_>) -> Option<Certificates> {
        let gradients = trainer.full_gradient_unless(&mut || interrupt::asked().is_some())?;
        let params = trainer.params();
        // The thresholds of the optimiser are those of the last weights.
        let is_last = core::ptr::eq(params, trainer.last());
        // Each weight has its regulariser, in the order of the model's.
        let weights = trainer.regularized().iter().map(|r| {
            let w = params.value(r.id);
            let tau = trainer.optimizer().tau(r.id);
            let gradient = gradients.get(r.id);
            Certificate {
                prox_residual: is_last.then(|| r.residual(w, tau)),
                stationarity: gradient.map(|g| r.stationarity(w, g)),
            }
        });
        Some(Certificates(weights.collect()))
    }

    /// For weights that never saw the penalty.
    pub(crate) fn none(weights: usize) -> Certificates {
        Certificates(vec![Certificate { prox_residual: None, stationarity: None }; weights])
    }
}

/// The certificates of a run that may have a refit.
#[derive(Clone, Debug)]
pub(crate) enum Certified {
    /// Nothing is frozen: they are taken at the end.
    NotYet,
    /// The refit is about to begin, and an end was asked for: they are taken before it.
    Due,
    /// Those from before the refit.
    Taken(Certificates),
}

/// The text in the state of a run while they are due.
const DUE: &str = "due";

impl Certified {
    /// Notes them in a state.
    pub(crate) fn note(&self, state: &mut Checkpoint) -> Result<(), Failure> {
        match self {
            Certified::NotYet => {}
            Certified::Due => state.note(NOTE, DUE),
            Certified::Taken(Certificates(all)) => {
                state.note(NOTE, serde_json::to_string(all).map_err(Failure::failed)?);
            }
        }
        Ok(())
    }

    /// Those of so many weights, from a state.
    pub(crate) fn restore(state: &Checkpoint, weights: usize) -> Result<Certified, String> {
        match state.texts.get(NOTE).map(String::as_str) {
            None => Ok(Certified::NotYet),
            Some(DUE) => Ok(Certified::Due),
            Some(text) => {
                let found: Result<Vec<Certificate>, _> = serde_json::from_str(text);
                let found = found.map_err(|e| format!("\"{NOTE}\": {e}"))?;
                match found.len() == weights {
                    true => Ok(Certified::Taken(Certificates(found))),
                    false => Err(format!(
                        "\"{NOTE}\": expected those of {weights} weights, found {}",
                        found.len()
                    )),
                }
            }
        }
    }
}
