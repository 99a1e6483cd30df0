//! `[train.settle]`, `[train.prune]` and `[train.refit]`: stages as shares of the epochs.

use proxtape::train;
use serde::{Deserialize, Serialize};

/// `[train.settle]` and `[train.refit]`: a stage's share of the epochs, and its step size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StageTable", into = "StageTable")]
pub(crate) struct Stage {
    pub(crate) share: f32,
    pub(crate) eta: f32,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageTable {
    share: f32,
    eta: f32,
}

impl TryFrom<StageTable> for Stage {
    type Error = String;

    fn try_from(StageTable { share, eta }: StageTable) -> Result<Stage, String> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(format!("share is a part of the epochs, above 0 and up to 1, not {share}"));
        }
        if !(eta > 0.0 && eta.is_finite()) {
            return Err(format!("eta is a number above 0, not {eta}"));
        }
        Ok(Stage { share, eta })
    }
}

impl From<Stage> for StageTable {
    fn from(Stage { share, eta }: Stage) -> StageTable {
        StageTable { share, eta }
    }
}

/// `[train.prune]`: the share of the weights that stays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PruneTable", into = "PruneTable")]
pub(crate) struct Prune {
    pub(crate) keep: f32,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PruneTable {
    keep: f32,
}

impl TryFrom<PruneTable> for Prune {
    type Error = String;

    fn try_from(PruneTable { keep }: PruneTable) -> Result<Prune, String> {
        match keep > 0.0 && keep <= 1.0 {
            true => Ok(Prune { keep }),
            false => {
                Err(format!("keep is a share of the weights, above 0 and up to 1, not {keep}"))
            }
        }
    }
}

impl From<Prune> for PruneTable {
    fn from(Prune { keep }: Prune) -> PruneTable {
        PruneTable { keep }
    }
}

impl From<Prune> for train::Prune {
    fn from(Prune { keep }: Prune) -> train::Prune {
        train::Prune { keep }
    }
}
