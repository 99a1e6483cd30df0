//! `[target]`: the share to be kept at the end, which lambda is moved for.

use proxtape::train::{self, Measure};
use serde::{Deserialize, Serialize};

/// The section: one share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub(crate) struct Target(pub(crate) train::Target);

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<f32>,
    /// Of the multiply-accumulates with a weight that is not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    macs: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<f32>,
}

impl TryFrom<Table> for Target {
    type Error = String;

    fn try_from(Table { keep, macs, groups }: Table) -> Result<Target, String> {
        let all = [(Measure::Weights, keep), (Measure::Macs, macs), (Measure::Groups, groups)];
        let mut given = all.into_iter().filter_map(|(of, share)| Some((of, share?)));
        let (Some((of, share)), None) = (given.next(), given.next()) else {
            return Err("a target is exactly one of keep, macs and groups".to_owned());
        };
        if !(share > 0.0 && share <= 1.0) {
            return Err(format!(
                "a target is a share of the {of}, above 0 and up to 1, not {share}"
            ));
        }
        Ok(Target(train::Target { of, share }))
    }
}

impl From<Target> for Table {
    fn from(Target(train::Target { of, share }): Target) -> Table {
        let usual = Table::default();
        match of {
            Measure::Weights => Table { keep: Some(share), ..usual },
            Measure::Macs => Table { macs: Some(share), ..usual },
            Measure::Groups => Table { groups: Some(share), ..usual },
        }
    }
}
