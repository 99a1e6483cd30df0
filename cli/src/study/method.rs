//! What makes a network small: a regulariser, or pruning by magnitude.

use crate::recipe::{Prune, Recipe, Stage};
use core::str::FromStr;
use core::{fmt, mem};
use proxtape::optim::{FAMILIES, Family, Zeros};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One row of a comparison. Two are the same where their names are: the numbers of a family's own are
/// those of the recipe.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    /// A penalty while training.
    Penalty(Family),
    /// Dense training, then only the largest weights, then fine-tuning of these.
    Magnitude,
}

/// The shares that pruning keeps, unless others are named.
const SHARES: [f32; 2] = [0.01, 0.3];

/// The name of [`Method::Magnitude`]; penalties go by the names of their families.
const MAGNITUDE: &str = "magnitude";

/// The refit after pruning, where the recipe has none: a third of the epochs, from half the step.
const REFIT: (f32, f32) = (1.0 / 3.0, 0.5);

impl Method {
    /// In the order of the table.
    pub(crate) fn all() -> impl Iterator<Item = Method> {
        let penalties = FAMILIES.iter().map(|facts| Method::Penalty(facts.family));
        penalties.chain([Method::Magnitude])
    }

    /// As people call it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Method::Penalty(family) => family.facts().map_or("own", |facts| facts.label),
            Method::Magnitude => "magnitude pruning",
        }
    }

    /// The weakest and the strongest lambda that are tried; none where there is nothing to choose.
    pub(crate) fn range(self) -> Option<[f32; 2]> {
        match self {
            Method::Penalty(family) => family.facts()?.lambdas,
            Method::Magnitude => Some(SHARES),
        }
    }

    /// A strength, as tables and messages show it.
    pub(crate) fn strength_text(self, strength: f32) -> String {
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
    /// Settle and refit are for what makes zeros: all others spend their epochs as one.
    pub(crate) fn recipe(self, base: &Recipe, strength: f32, seed: u64) -> Recipe {
        let mut recipe = base.clone();
        let family = match self {
            Method::Penalty(family) => family,
            Method::Magnitude => Family::None,
        };
        recipe.penalty.set_family(family);
        let (train, penalty) = (&mut recipe.train, &mut recipe.penalty.0);
        train.seed = seed;
        for own in &mut penalty.layers {
            (own.family, own.lambda) = (None, None);
        }
        match self {
            Method::Penalty(family) => {
                penalty.lambda = strength;
                if family.zeros() == Zeros::Nothing {
                    (train.settle, train.prune, train.refit) = (None, None, None);
                }
            }
            Method::Magnitude => {
                penalty.lambda = 0.0;
                let (share, eta) = (REFIT.0, REFIT.1 * train.schedule.0.eta);
                train.settle = None;
                train.prune = Some(Prune { keep: strength });
                train.refit = train.refit.or(Some(Stage { share, eta }));
            }
        }
        recipe
    }
}

impl PartialEq for Method {
    fn eq(&self, other: &Method) -> bool {
        match (self, other) {
            (Method::Penalty(one), Method::Penalty(other)) => {
                mem::discriminant(one) == mem::discriminant(other)
            }
            (Method::Magnitude, Method::Magnitude) => true,
            (Method::Penalty(_), Method::Magnitude) | (Method::Magnitude, Method::Penalty(_)) => {
                false
            }
        }
    }
}

impl Eq for Method {}

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

    #[test]
    fn every_name_is_read_again_and_numbers_make_no_other_method() {
        let mcp = |gamma| Method::Penalty(Family::Mcp { gamma });
        assert!(mcp(2.0) == mcp(3.0) && mcp(2.0) != Method::Penalty(Family::L1));
        for method in Method::all() {
            assert_eq!(method.to_string().parse(), Ok(method));
            assert!(method.range().is_none_or(|[low, high]| 0.0 < low && low < high), "{method}");
        }
        assert!("lasso".parse::<Method>().unwrap_err().contains("l11-l12"));
    }
}
