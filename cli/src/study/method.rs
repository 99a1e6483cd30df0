//! What makes a network small: a regulariser, or pruning by magnitude.

use crate::recipe::{Prune, Recipe, Stage};
use core::fmt;
use core::str::FromStr;
use proxtape::optim::Family;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One row of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// A penalty while training.
    Penalty(Family),
    /// Dense training, then only the largest weights, then fine-tuning of these.
    Magnitude,
}

/// What a method is called by people, and the lambdas that are tried unless others are named.
struct Row {
    method: Method,
    label: &'static str,
    range: [f32; 2],
}

const fn row(family: Family, label: &'static str, range: [f32; 2]) -> Row {
    Row { method: Method::Penalty(family), label, range }
}

/// Every method, in the order of the table.
///
/// The ranges are for lambda in units of the objective. They reach from a network that keeps nearly
/// all weights to one that keeps next to none, on the digits and on LeNet-300-100. They differ since
/// the penalties do: with groups of n weights of size w, and strengths scaled by the group size,
///
/// ```text
/// l1, group lasso    lambda n w               l2, exclusive    lambda/2 n w^2: w is some 0.03
/// transformed l1     2 lambda n w at 0        l0               lambda n
/// l1/2               lambda n w^(1/2)         MCP              as l1, without its bias
/// ```
///
/// For pruning they are the share of the weights that stays.
const ROWS: [Row; 15] = [
    row(Family::None, "none", [0.0, 0.0]),
    row(Family::L2, "l2", [1e-5, 1e-2]),
    row(Family::L1, "l1", [3e-5, 1e-2]),
    row(Family::Elastic, "elastic net", [6e-5, 2e-2]),
    row(Family::GroupLasso, "group lasso", [3e-5, 1e-2]),
    row(Family::SparseGroupLasso, "sparse group lasso", [3e-5, 1e-2]),
    row(Family::Exclusive, "exclusive l1,2", [1e-2, 1.0]),
    row(Family::L11L12, "l1,1 + l1,2", [6e-5, 2e-2]),
    row(Family::Cges, "CGES", [6e-5, 2e-2]),
    row(Family::CgesOneShot, "CGES, one shot", [6e-5, 2e-2]),
    row(Family::TransformedL1, "transformed l1", [1e-5, 3e-3]),
    row(Family::Mcp, "MCP", [1e-3, 1e-1]),
    row(Family::L0, "l0", [1e-4, 3e-2]),
    row(Family::LHalf, "l1/2", [1e-5, 3e-3]),
    Row { method: Method::Magnitude, label: "magnitude pruning", range: [0.01, 0.3] },
];

/// The name of [`Method::Magnitude`]; penalties go by the names of their families.
const MAGNITUDE: &str = "magnitude";

/// The refit after pruning, where the recipe has none: a third of the epochs, from half the step.
const REFIT: (f32, f32) = (1.0 / 3.0, 0.5);

impl Method {
    pub(crate) fn all() -> impl Iterator<Item = Method> {
        ROWS.iter().map(|row| row.method)
    }

    fn row(self) -> &'static Row {
        let row = ROWS.iter().find(|row| row.method == self);
        row.expect("every method has a row")
    }

    /// As people call it.
    pub(crate) fn label(self) -> &'static str {
        self.row().label
    }

    /// The weakest and the strongest lambda that are tried; none where there is nothing to choose.
    pub(crate) fn range(self) -> Option<[f32; 2]> {
        (self != Method::Penalty(Family::None)).then(|| self.row().range)
    }

    /// A strength as people are told.
    pub(crate) fn told(self, strength: f32) -> String {
        match (self, self.range()) {
            (_, None) => "-".to_owned(),
            (Method::Magnitude, _) => {
                format!("keep {} %", (1e4 * f64::from(strength)).round() / 1e2)
            }
            _ => format!("{strength:e}"),
        }
    }

    /// The recipe with this method at a strength: lambda, or the share that pruning keeps.
    ///
    /// Settle and refit are for what makes zeros: `none` and `l2` spend all epochs as one.
    pub(crate) fn recipe(self, base: &Recipe, strength: f32, seed: u64) -> Recipe {
        let mut recipe = base.clone();
        let (train, penalty) = (&mut recipe.train, &mut recipe.penalty.0);
        train.seed = seed;
        for own in &mut penalty.layers {
            (own.family, own.lambda) = (None, None);
        }
        match self {
            Method::Penalty(family) => {
                (penalty.family, penalty.lambda) = (family, strength);
                if matches!(family, Family::None | Family::L2) {
                    (train.settle, train.prune, train.refit) = (None, None, None);
                }
            }
            Method::Magnitude => {
                (penalty.family, penalty.lambda) = (Family::None, 0.0);
                let (share, eta) = (REFIT.0, REFIT.1 * train.schedule.0.eta);
                train.settle = None;
                train.prune = Some(Prune { keep: strength });
                train.refit = train.refit.or(Some(Stage { share, eta }));
            }
        }
        recipe
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Method::Penalty(family) => family.fmt(f),
            Method::Magnitude => f.write_str(MAGNITUDE),
        }
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(s: &str) -> Result<Method, String> {
        match s {
            MAGNITUDE => Ok(Method::Magnitude),
            _ => s.parse().map(Method::Penalty).map_err(|e| format!("{e}, and {MAGNITUDE}")),
        }
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Method, D::Error> {
        let name = String::deserialize(d)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxtape::optim::FAMILIES;

    #[test]
    fn every_family_has_a_row_and_every_name_is_read_again() {
        for (_, family) in FAMILIES {
            assert!(Method::all().any(|method| method == Method::Penalty(family)), "{family}");
        }
        for method in Method::all() {
            assert_eq!(method.to_string().parse(), Ok(method));
            assert!(method.range().is_none_or(|[low, high]| 0.0 < low && low < high), "{method}");
        }
        assert!("lasso".parse::<Method>().unwrap_err().contains("l11-l12"));
    }
}
