//! The regularisers by name: one table of all that there is to know about each.

use super::{GroupScale, PenaltyError};
use core::fmt;
use core::str::FromStr;
use proxtape_kernels::prox::*;

/// A regulariser with its own numbers, without its strength.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Family {
    /// No penalty.
    None,
    /// lambda/2 |w|_2^2.
    L2,
    /// lambda |w|_1.
    L1,
    /// (1 - mu) lambda |w|_1 + mu lambda/2 |w|_2^2.
    Elastic,
    /// lambda sum_g |w_g|_2.
    GroupLasso,
    /// (1 - mu) lambda |w|_1 + mu lambda sum_g |w_g|_2.
    SparseGroupLasso,
    /// lambda/2 sum_g |w_g|_1^2: l1,2.
    Exclusive,
    /// (1 - mu) lambda |w|_1 + mu lambda/2 sum_g |w_g|_1^2: l1,1 + l1,2.
    L11L12,
    /// (1 - mu) lambda sum_g |w_g|_2 + mu lambda/2 sum_g |w_g|_1^2, its exact prox.
    Cges,
    /// The same penalty with the one-shot prox of the published code.
    CgesOneShot,
    /// lambda sum (a + 1)|w| / (a + |w|).
    TransformedL1 {
        /// The shape, above 0: near l0 where it is small, near l1 where it is large.
        a: f32,
    },
    /// The minimax concave penalty.
    Mcp {
        /// How far it bends, above 0; it must exceed the effective step.
        gamma: f32,
    },
    /// lambda times the number of non-zeros.
    L0,
    /// lambda sum |w|^(1/2).
    LHalf,
    /// lambda R(w), of a penalty from elsewhere, which sees its groups and scales itself.
    ///
    /// ```
    /// use proxtape::kernels::prox::{L11L12, Penalty as _};
    /// use proxtape::optim::{Family, Own, Penalty};
    /// static R: L11L12 = L11L12 { lambda1: 1.0, rho: 0.5 };
    /// let penalty = Penalty { lambda: 1e-3, ..Penalty::new(Family::Own(Own::new(&R))) };
    /// # assert!(R.is_convex());
    /// ```
    Own(Own),
}

/// What there is to know about a family.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FamilyFacts {
    /// Its name in recipes and flags.
    pub name: &'static str,
    /// As people call it.
    pub label: &'static str,
    /// The family, with the usual number of its own.
    pub family: Family,
    /// Whether it has two terms, which share lambda by mu.
    pub has_two_terms: bool,
    /// The number of its own, if it has one.
    pub number: Option<FamilyNumber>,
    /// The weakest and the strongest lambda that a comparison tries; `None` where there is nothing to
    /// choose.
    pub lambdas: Option<[f32; 2]>,
}

/// A number that a family has beside lambda and mu: above 0.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FamilyNumber {
    /// Its name in recipes.
    pub name: &'static str,
    /// Its name in sentences.
    pub label: &'static str,
    /// The number of a family, if it is this one.
    pub of: fn(Family) -> Option<f32>,
    /// The family with this number.
    pub with: fn(f32) -> Family,
}

impl FamilyNumber {
    /// Whether a number is in the range: finite and above 0.
    pub fn is_valid(x: f32) -> bool {
        x > 0.0 && x.is_finite()
    }
}

const A: FamilyNumber = FamilyNumber {
    name: "a",
    label: "a of the transformed l1",
    of: |family| if let Family::TransformedL1 { a } = family { Some(a) } else { None },
    with: |a| Family::TransformedL1 { a },
};

const GAMMA: FamilyNumber = FamilyNumber {
    name: "gamma",
    label: "gamma of MCP",
    of: |family| if let Family::Mcp { gamma } = family { Some(gamma) } else { None },
    with: |gamma| Family::Mcp { gamma },
};

/// A family of one term.
const fn one(
    (name, label): (&'static str, &'static str),
    family: Family,
    lambdas: [f32; 2],
) -> FamilyFacts {
    let (has_two_terms, number, lambdas) = (false, None, Some(lambdas));
    FamilyFacts { name, label, family, has_two_terms, number, lambdas }
}

/// A family of two terms.
const fn two(
    names: (&'static str, &'static str),
    family: Family,
    lambdas: [f32; 2],
) -> FamilyFacts {
    FamilyFacts { has_two_terms: true, ..one(names, family, lambdas) }
}

const NONE: FamilyFacts =
    FamilyFacts { lambdas: None, ..one(("none", "none"), Family::None, [0.0; 2]) };
const TRANSFORMED_L1: FamilyFacts = FamilyFacts {
    number: Some(A),
    ..one(("transformed-l1", "transformed l1"), Family::TransformedL1 { a: 1.0 }, [1e-5, 3e-3])
};
const MCP: FamilyFacts = FamilyFacts {
    number: Some(GAMMA),
    ..one(("mcp", "MCP"), Family::Mcp { gamma: 3.0 }, [1e-3, 1e-1])
};

/// Every family that has a name.
///
/// The ranges of lambda are in units of the objective. They reach from a network that keeps nearly
/// all weights to one that keeps next to none, on the digits and on LeNet-300-100. They differ since
/// the penalties do: with groups of n weights of size w, and strengths scaled by the group size,
///
/// ```text
/// l1, group lasso    lambda n w               l2, exclusive    lambda/2 n w^2: w is some 0.03
/// transformed l1     2 lambda n w at 0        l0               lambda n
/// l1/2               lambda n w^(1/2)         MCP              as l1, without its bias
/// ```
pub const FAMILIES: [FamilyFacts; 14] = [
    NONE,
    one(("l2", "l2"), Family::L2, [1e-5, 1e-2]),
    one(("l1", "l1"), Family::L1, [3e-5, 1e-2]),
    two(("elastic", "elastic net"), Family::Elastic, [6e-5, 2e-2]),
    one(("group-lasso", "group lasso"), Family::GroupLasso, [3e-5, 1e-2]),
    two(("sparse-group-lasso", "sparse group lasso"), Family::SparseGroupLasso, [3e-5, 1e-2]),
    one(("exclusive", "exclusive l1,2"), Family::Exclusive, [1e-2, 1.0]),
    two(("l11-l12", "l1,1 + l1,2"), Family::L11L12, [6e-5, 2e-2]),
    two(("cges", "CGES"), Family::Cges, [6e-5, 2e-2]),
    two(("cges-one-shot", "CGES, one shot"), Family::CgesOneShot, [6e-5, 2e-2]),
    TRANSFORMED_L1,
    MCP,
    one(("l0", "l0"), Family::L0, [1e-4, 3e-2]),
    one(("l-half", "l1/2"), Family::LHalf, [1e-5, 3e-3]),
];

/// The strength of a penalty on groups of `size` weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strength {
    /// In units of the objective.
    pub lambda: f32,
    /// The share of lambda that the second term gets, where there are two.
    pub mu: f32,
    /// How lambda depends on the size of a group.
    pub scale: GroupScale,
    /// Weights of a group.
    pub size: usize,
}

impl Family {
    /// Its row of [`FAMILIES`]; `None` of [`Own`](Family::Own).
    pub fn facts(self) -> Option<&'static FamilyFacts> {
        let kind = core::mem::discriminant(&self);
        FAMILIES.iter().find(|facts| core::mem::discriminant(&facts.family) == kind)
    }

    /// Whether it has two terms, which share lambda by mu.
    pub fn has_two_terms(self) -> bool {
        self.facts().is_some_and(|facts| facts.has_two_terms)
    }

    /// The family with another number of its own; itself where it has none of this name.
    ///
    /// ```
    /// use proxtape::optim::Family;
    /// let usual: Family = "mcp".parse()?;
    /// assert_eq!(usual.with_number("gamma", 2.0), Family::Mcp { gamma: 2.0 });
    /// assert_eq!(Family::L1.with_number("gamma", 2.0), Family::L1);
    /// # Ok::<(), proxtape::optim::PenaltyError>(())
    /// ```
    #[must_use]
    pub fn with_number(self, name: &str, x: f32) -> Family {
        match self.facts().and_then(|facts| facts.number) {
            Some(number) if number.name == name => (number.with)(x),
            _ => self,
        }
    }

    /// What it makes exactly zero where it is strong enough.
    pub fn zeros(self) -> Zeros {
        self.typical().zeros()
    }

    /// Whether it has a prox in Adam's metric.
    pub fn supports_diagonal(self) -> bool {
        self.typical().supports_diagonal()
    }

    /// Whether it is convex and its prox exact.
    pub fn is_convex(self) -> bool {
        self.typical().is_convex()
    }

    /// At a strength at which every term is there.
    fn typical(self) -> Regularizer {
        let (scale, size) = (GroupScale::None, 1);
        self.regularizer(Strength { lambda: 1.0, mu: 0.5, scale, size })
    }

    /// The regulariser at a strength.
    pub fn regularizer(self, strength: Strength) -> Regularizer {
        let Strength { lambda, mu, scale, size } = strength;
        let n = size as f32;
        let (per_square, per_norm) = match scale {
            GroupScale::None => (1.0, 1.0),
            GroupScale::GroupSize => (1.0 / n.max(1.0), n.sqrt()),
        };
        let (first, second) = ((1.0 - mu) * lambda, mu * lambda);
        match self {
            Family::None => Regularizer::None,
            Family::L2 => Regularizer::L2(L2 { beta: lambda }),
            Family::L1 => Regularizer::L1(L1 { lambda1: lambda }),
            Family::Elastic => Regularizer::Elastic(Elastic { lambda1: first, beta: second }),
            Family::GroupLasso => {
                Regularizer::GroupLasso(GroupLasso { lambda2: lambda * per_norm })
            }
            Family::SparseGroupLasso => Regularizer::SparseGroupLasso(SparseGroupLasso {
                lambda1: first,
                lambda2: second * per_norm,
            }),
            Family::Exclusive => Regularizer::Exclusive(Exclusive { rho: lambda * per_square }),
            Family::L11L12 => {
                Regularizer::L11L12(L11L12 { lambda1: first, rho: second * per_square })
            }
            Family::Cges => {
                Regularizer::Cges(Cges { lambda2: first * per_norm, rho: second * per_square })
            }
            Family::CgesOneShot => Regularizer::CgesOneShot(CgesOneShot {
                lambda2: first * per_norm,
                rho: second * per_square,
            }),
            Family::TransformedL1 { a } => Regularizer::TransformedL1(TransformedL1 { lambda, a }),
            Family::Mcp { gamma } => Regularizer::Mcp(Mcp { lambda, gamma }),
            Family::L0 => Regularizer::L0(L0 { lambda }),
            Family::LHalf => Regularizer::LHalf(LHalf { lambda }),
            Family::Own(own) => Regularizer::Own(own.times(lambda)),
        }
    }

    /// The number of its own, where it is out of its range.
    pub(super) fn out_of_range(self) -> Option<(FamilyNumber, f32)> {
        let number = self.facts()?.number?;
        let x = (number.of)(self)?;
        (!FamilyNumber::is_valid(x)).then_some((number, x))
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.facts().map_or("own", |facts| facts.name))
    }
}

impl FromStr for Family {
    type Err = PenaltyError;

    fn from_str(s: &str) -> Result<Family, PenaltyError> {
        let found = FAMILIES.iter().find(|facts| facts.name == s).map(|facts| facts.family);
        found.ok_or_else(|| {
            let names: Vec<_> = FAMILIES.iter().map(|facts| facts.name).collect();
            let names = names.join(", ");
            PenaltyError(format!("there is no regulariser {s:?}; the names are {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_of_its_family_and_its_number_is_read_again() {
        for (i, facts) in FAMILIES.iter().enumerate() {
            assert_eq!(facts.family.to_string(), facts.name);
            assert_eq!(facts.name.parse(), Ok(facts.family));
            assert!(FAMILIES[..i].iter().all(|other| other.name != facts.name));
            assert!(facts.family.out_of_range().is_none());
            if let Some(number) = facts.number {
                let other = facts.family.with_number(number.name, 0.25);
                assert_eq!((number.of)(other), Some(0.25));
                assert_eq!(other.facts().map(|facts| facts.name), Some(facts.name));
                assert!((number.with)(0.0).out_of_range().is_some());
            }
            let has_strength = facts.lambdas.is_some_and(|[low, high]| 0.0 < low && low < high);
            assert_eq!(has_strength, facts.family != Family::None);
        }
    }

    /// mu moves a family of two terms, and no other.
    #[test]
    fn two_terms_share_lambda() {
        for FamilyFacts { family, has_two_terms, name, .. } in FAMILIES {
            let at = |mu| {
                let (lambda, scale, size) = (1.0, GroupScale::None, 4);
                family.regularizer(Strength { lambda, mu, scale, size })
            };
            assert_eq!(at(0.25) != at(0.75), has_two_terms, "{name}");
        }
    }

    #[test]
    fn families_know_what_they_make_zero() {
        for FamilyFacts { family, name, .. } in FAMILIES {
            let want = match family {
                Family::None | Family::L2 => Zeros::Nothing,
                Family::Exclusive => Zeros::AllButOne,
                _ => Zeros::All,
            };
            assert_eq!(family.zeros(), want, "{name}");
            assert_eq!(family.supports_diagonal(), family != Family::CgesOneShot, "{name}");
        }
    }
}
