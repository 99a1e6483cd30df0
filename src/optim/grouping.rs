//! Groups of weights by what they belong to, as views of the flat weight buffer.

use crate::shape::Shape;
use core::fmt;
use core::str::FromStr;
use proxtape_kernels::prox::Groups;

/// Which weights of a layer form a group.
///
/// | grouping | linear [out, in] | convolution [OC, C, KH, KW] |
/// | --- | --- | --- |
/// | output | a row: an output neuron | a filter |
/// | input | a column: an input feature | an input channel |
/// | position | a column | one (channel, kh, kw) over all filters |
/// | layer | all | all |
/// | block | k neighbours in memory | k neighbours in memory |
///
/// ```
/// use proxtape::optim::{Grouping, Groups};
/// let groups = Grouping::Input.groups([20, 50].into(), 1)?;
/// assert_eq!(groups, Groups { outer: 20, groups: 50, inner: 1 });
/// # Ok::<(), proxtape::optim::GroupingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// All weights into one output.
    Output,
    /// All weights out of one input.
    Input,
    /// All weights of one position of the kernel and one input channel.
    Position,
    /// One group.
    Layer,
    /// Groups of this many neighbours in memory.
    Block(usize),
}

/// A weight cannot be grouped this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupingError(String);

impl fmt::Display for GroupingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GroupingError {}

impl Grouping {
    /// The groups of a weight of this shape, with `conv_groups` channel groups.
    ///
    /// # Errors
    /// If blocks do not divide the weight, if a grouped convolution is to be grouped by input
    /// (one input channel then has no span of its own), or if the weight has another rank.
    pub fn groups(self, shape: Shape, conv_groups: usize) -> Result<Groups, GroupingError> {
        let n = shape.len();
        let (out, channels, area) = match *shape.dims() {
            [out, features] => (out, features, 1),
            [out, c, kh, kw] => (out, c, kh * kw),
            _ => {
                let what = format!("a weight {shape} has no groups; [out, in] or [OC, C, KH, KW]");
                return Err(GroupingError(what));
            }
        };
        let (outer, groups, inner) = match self {
            Grouping::Output => (1, out, channels * area),
            Grouping::Layer => (1, 1, n),
            Grouping::Block(k) if k > 0 && n.is_multiple_of(k) => (1, n / k, k),
            Grouping::Block(k) => {
                return Err(GroupingError(format!("blocks of {k} do not divide {n} weights")));
            }
            Grouping::Input | Grouping::Position if conv_groups > 1 => {
                return Err(GroupingError(format!(
                    "a convolution with {conv_groups} channel groups cannot be grouped by input \
                     or position; group it by output, block or layer"
                )));
            }
            Grouping::Input => (out, channels, area),
            Grouping::Position => (out, channels * area, 1),
        };
        Ok(Groups { outer, groups, inner })
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grouping::Output => f.write_str("output"),
            Grouping::Input => f.write_str("input"),
            Grouping::Position => f.write_str("position"),
            Grouping::Layer => f.write_str("layer"),
            Grouping::Block(k) => write!(f, "block:{k}"),
        }
    }
}

impl FromStr for Grouping {
    type Err = GroupingError;

    fn from_str(s: &str) -> Result<Grouping, GroupingError> {
        let block = s.strip_prefix("block:").and_then(|k| k.parse().ok()).filter(|&k| k > 0);
        match (s, block) {
            ("output", _) => Ok(Grouping::Output),
            ("input", _) => Ok(Grouping::Input),
            ("position", _) => Ok(Grouping::Position),
            ("layer", _) => Ok(Grouping::Layer),
            (_, Some(k)) => Ok(Grouping::Block(k)),
            _ => Err(GroupingError(format!(
                "there is no grouping {s:?}; it is output, input, position, layer or block:K"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_the_weight_as_the_table_says() {
        let conv = Shape::from([4, 3, 2, 5]);
        let cases = [
            (Grouping::Output, [1, 4, 30]),
            (Grouping::Input, [4, 3, 10]),
            (Grouping::Position, [4, 30, 1]),
            (Grouping::Layer, [1, 1, 120]),
            (Grouping::Block(8), [1, 15, 8]),
        ];
        for (grouping, [outer, groups, inner]) in cases {
            assert_eq!(grouping.groups(conv, 1), Ok(Groups { outer, groups, inner }));
            assert_eq!(grouping.to_string().parse(), Ok(grouping));
        }
        assert!(Grouping::Block(7).groups(conv, 1).is_err());
        assert!(Grouping::Input.groups(conv, 2).is_err());
        assert!("block:0".parse::<Grouping>().is_err());
    }
}
