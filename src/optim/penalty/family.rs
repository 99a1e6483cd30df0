//! The regularisers by name.

use super::PenaltyError;
use core::fmt;
use core::str::FromStr;

/// A regulariser by name, without its strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    TransformedL1,
    /// The minimax concave penalty.
    Mcp,
    /// lambda times the number of non-zeros.
    L0,
    /// lambda sum |w|^(1/2).
    LHalf,
}

/// Every family and its name.
pub const FAMILIES: [(&str, Family); 14] = [
    ("none", Family::None),
    ("l2", Family::L2),
    ("l1", Family::L1),
    ("elastic", Family::Elastic),
    ("group-lasso", Family::GroupLasso),
    ("sparse-group-lasso", Family::SparseGroupLasso),
    ("exclusive", Family::Exclusive),
    ("l11-l12", Family::L11L12),
    ("cges", Family::Cges),
    ("cges-one-shot", Family::CgesOneShot),
    ("transformed-l1", Family::TransformedL1),
    ("mcp", Family::Mcp),
    ("l0", Family::L0),
    ("l-half", Family::LHalf),
];

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FAMILIES.iter().find(|(_, family)| family == self).map_or("", |(n, _)| n))
    }
}

impl FromStr for Family {
    type Err = PenaltyError;

    fn from_str(s: &str) -> Result<Family, PenaltyError> {
        let found = FAMILIES.iter().find(|(name, _)| *name == s).map(|&(_, family)| family);
        found.ok_or_else(|| {
            let names: Vec<_> = FAMILIES.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            PenaltyError(format!("there is no regulariser {s:?}; the names are {names}"))
        })
    }
}
