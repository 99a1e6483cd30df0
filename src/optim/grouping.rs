//! Groups of weights by what they belong to, as views of the flat weight buffer.

use super::blocks::{self, Blocks};
use super::grouping_error::GroupingError;
use crate::shape::Shape;
use core::fmt;
use core::str::FromStr;
use proxtape_kernels::prox::{Band, Groups};

/// Which weights of a layer form a group.
///
/// | grouping | linear [out, in] | convolution [OC, C, KH, KW] |
/// | --- | --- | --- |
/// | output | a row: an output neuron | a filter |
/// | input | a column: an input feature | an input channel |
/// | position | a column | one (channel, kh, kw) over all filters |
/// | layer | all | all |
/// | block | k neighbours in memory | k neighbours in memory |
/// | blocks | the columns of some inputs | some input channels |
///
/// ```
/// use proxtape::optim::{Grouping, Groups};
/// let groups = Grouping::Input.groups([20, 50].into(), 1)?;
/// assert_eq!(groups, Groups { outer: 20, groups: 50, inner: 1 });
/// # Ok::<(), proxtape::optim::GroupingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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
    /// All weights out of the inputs of a block, of which each has its own width.
    Blocks(Blocks),
}

impl Grouping {
    /// The groups of a weight of this shape, with `conv_groups` channel groups, in bands of one size and
    /// factor on lambda, from the first column to the last.
    ///
    /// # Errors
    /// As [`groups`](Grouping::groups), and if the widths of blocks do not add up to the inputs, one of
    /// them is 0, or their factors are out of range or of another number.
    pub fn parts(
        &self,
        shape: Shape,
        conv_groups: usize,
    ) -> Result<Vec<(Band, f32)>, GroupingError> {
        match self {
            Grouping::Blocks(blocks) => {
                let [out, channels, area] = extents(shape)?;
                self.check_conv(conv_groups)?;
                blocks.parts([out, channels, area])
            }
            _ => Ok(vec![(self.groups(shape, conv_groups)?.into(), 1.0)]),
        }
    }

    /// The groups of a weight of this shape, with `conv_groups` channel groups, where all have one size.
    ///
    /// # Errors
    /// If blocks do not divide the weight, if a grouped convolution is to be grouped by input
    /// (one input channel then has no span of its own), if the weight has another rank, or of
    /// [`Blocks`](Grouping::Blocks).
    pub fn groups(&self, shape: Shape, conv_groups: usize) -> Result<Groups, GroupingError> {
        let n = shape.len();
        let [out, channels, area] = extents(shape)?;
        self.check_conv(conv_groups)?;
        let (outer, groups, inner) = match *self {
            Grouping::Output => (1, out, channels * area),
            Grouping::Layer => (1, 1, n),
            Grouping::Block(k) if k > 0 && n.is_multiple_of(k) => (1, n / k, k),
            Grouping::Block(k) => {
                return Err(GroupingError::new(format!("blocks of {k} do not divide {n} weights")));
            }
            Grouping::Input => (out, channels, area),
            Grouping::Position => (out, channels * area, 1),
            Grouping::Blocks(_) => {
                let what = "blocks of inputs have groups of different widths";
                return Err(GroupingError::new(what.to_owned()));
            }
        };
        Ok(Groups { outer, groups, inner })
    }

    /// An error where inputs are to be grouped that have no span of their own.
    fn check_conv(&self, conv_groups: usize) -> Result<(), GroupingError> {
        match self {
            Grouping::Input | Grouping::Position | Grouping::Blocks(_) if conv_groups > 1 => {
                Err(GroupingError::new(format!(
                    "a convolution with {conv_groups} channel groups cannot be grouped by input \
                     or position; group it by output, block or layer"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Outputs, inputs, and the elements of one of each.
fn extents(shape: Shape) -> Result<[usize; 3], GroupingError> {
    match *shape.dims() {
        [out, features] => Ok([out, features, 1]),
        [out, c, kh, kw] => Ok([out, c, kh * kw]),
        _ => {
            let what = format!("a weight {shape} has no groups; [out, in] or [OC, C, KH, KW]");
            Err(GroupingError::new(what))
        }
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
            Grouping::Blocks(blocks) => write!(f, "blocks:{blocks}"),
        }
    }
}

impl FromStr for Grouping {
    type Err = GroupingError;

    fn from_str(s: &str) -> Result<Grouping, GroupingError> {
        let block = s.strip_prefix("block:").and_then(|k| k.parse().ok()).filter(|&k| k > 0);
        let blocks = s.strip_prefix("blocks:").and_then(blocks::parse);
        match (s, block, blocks) {
            ("output", ..) => Ok(Grouping::Output),
            ("input", ..) => Ok(Grouping::Input),
            ("position", ..) => Ok(Grouping::Position),
            ("layer", ..) => Ok(Grouping::Layer),
            (_, Some(k), _) => Ok(Grouping::Block(k)),
            (.., Some(blocks)) => Ok(Grouping::Blocks(blocks)),
            _ => Err(GroupingError::new(format!(
                "there is no grouping {s:?}; it is output, input, position, layer, block:K or \
                 blocks:W,W,..."
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

    fn blocks(widths: &[usize], factors: &[f32]) -> Grouping {
        Grouping::Blocks(Blocks::new(widths).with_factors(factors))
    }

    #[test]
    fn blocks_of_one_width_and_factor_are_one_band() {
        let parts = |grouping: Grouping| {
            let parts = grouping.parts([4, 9].into(), 1).unwrap();
            let of = |(band, factor): &(Band, f32)| {
                (band.start, band.groups.groups, band.groups.inner, *factor)
            };
            parts.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(parts(blocks(&[3; 3], &[])), [(0, 3, 3, 1.0)]);
        assert_eq!(parts(Grouping::Input), [(0, 9, 1, 1.0)]);
        let mixed = blocks(&[2, 2, 1, 1, 3], &[1.0, 1.0, 1.0, 2.0, 1.0]);
        let want = [(0, 2, 2, 1.0), (4, 1, 1, 1.0), (5, 1, 1, 2.0), (6, 1, 3, 1.0)];
        assert_eq!(parts(mixed.clone()), want);
        assert_eq!(mixed.to_string(), "blocks:2,2,1,1*2,3");
        for grouping in [mixed, blocks(&[3, 1, 5], &[])] {
            assert_eq!(grouping.to_string().parse(), Ok(grouping));
        }
        // Of channels the kernel's area lies in a group.
        let conv = blocks(&[1, 2], &[]).parts([4, 3, 2, 5].into(), 1).unwrap();
        assert_eq!(
            conv[1].0,
            Band { groups: Groups { outer: 4, groups: 1, inner: 20 }, start: 10, stride: 30 }
        );
    }

    #[test]
    fn blocks_that_do_not_fit_are_errors_that_say_why() {
        let linear = Shape::from([4, 9]);
        let cases = [
            (blocks(&[3, 1, 4], &[]), "have 8 inputs, and the weight has 9"),
            (blocks(&[], &[]), "have 0 inputs"),
            (blocks(&[usize::MAX, 2], &[]), "more than memory can hold"),
            (blocks(&[4, 0, 5], &[]), "block 1 has no inputs"),
            (blocks(&[4, 5], &[1.0]), "1 factors for 2 blocks"),
            (blocks(&[4, 5], &[1.0, -0.5]), "not -0.5"),
            (blocks(&[4, 5], &[f32::NAN, 1.0]), "not NaN"),
        ];
        for (grouping, part) in cases {
            let message = grouping.parts(linear, 1).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        let message = blocks(&[1, 1], &[]).parts([4, 2, 3, 3].into(), 2).unwrap_err().to_string();
        assert!(message.contains("2 channel groups"), "{message}");
        for text in ["blocks:", "blocks:3,x", "blocks:3*", "blocks:1,-2", "blocks:3;4"] {
            assert!(text.parse::<Grouping>().is_err(), "{text}");
        }
    }
}
