//! The counts of a trained model, and those of its layers.

use crate::failure::Failure;
use crate::run::model_file::Trained;
use crate::run::summary::{Counts, Layer};
use proxtape::sparsity::Report;
use serde::Serialize;

/// The counts of a trained model.
#[derive(Serialize)]
pub(crate) struct Counted {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    pub(crate) layers: Vec<Layer>,
}

impl Counted {
    pub(crate) fn of(trained: &Trained) -> Result<Counted, Failure> {
        let network = &trained.network;
        let (model, params) = (network.model(), network.params());
        let penalty = &trained.recipe.penalty;
        let regularized = penalty.0.resolve(network).map_err(Failure::failed)?;
        let report = Report::new(model, params, &regularized);
        let layers = report.layers.iter().zip(&regularized).map(|(count, r)| {
            Layer::new(count, &params.shape(r.id), penalty.0.family_of(&count.name))
        });
        Ok(Counted { counts: Counts::from(&report), layers: layers.collect() })
    }
}
