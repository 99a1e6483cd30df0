//! Blocks of inputs: groups of different widths on one weight, each with a factor of its own.

use super::grouping_error::GroupingError;
use super::{Band, Groups};
use core::fmt;
use core::str::FromStr;

/// The inputs of a weight in blocks, one after another: all weights out of the inputs of a block are a
/// group. So the columns of a table that are one feature (a category as one of k) come and go together.
///
/// ```
/// use proxtape::optim::{Blocks, Grouping};
/// // Three colours, one number, five cities; the number pays half.
/// let blocks = Blocks::new([3, 1, 5]).with_factors([1.0, 0.5, 1.0]);
/// let parts = Grouping::Blocks(blocks).parts([20, 9].into(), 1)?;
/// let sizes: Vec<usize> = parts.iter().map(|(band, _)| band.groups.group_size()).collect();
/// assert_eq!(sizes, [60, 20, 100]);
/// # Ok::<(), proxtape::optim::GroupingError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Blocks {
    widths: Vec<usize>,
    /// One for each block, or none: all 1.
    factors: Vec<f32>,
}

impl Blocks {
    /// Blocks of these numbers of inputs.
    pub fn new(widths: impl Into<Vec<usize>>) -> Blocks {
        Blocks { widths: widths.into(), factors: Vec::new() }
    }

    /// The same with a factor on lambda for each block, beside the one that the size of its group gives.
    #[must_use]
    pub fn with_factors(self, factors: impl Into<Vec<f32>>) -> Blocks {
        Blocks { factors: factors.into(), ..self }
    }

    /// The groups of a weight [out, inputs, area] in bands of one width and factor.
    pub(super) fn parts(
        &self,
        [out, inputs, area]: [usize; 3],
    ) -> Result<Vec<(Band, f32)>, GroupingError> {
        self.check(inputs)?;
        let factors = self.factors.iter().copied().chain(core::iter::repeat(1.0));
        let mut parts: Vec<(Band, f32)> = Vec::new();
        let (mut start, stride) = (0, inputs * area);
        for (width, factor) in self.widths.iter().map(|width| width * area).zip(factors) {
            match parts.last_mut() {
                Some((band, same)) if band.groups.inner == width && *same == factor => {
                    band.groups.groups += 1;
                }
                _ => {
                    let groups = Groups { outer: out, groups: 1, inner: width };
                    parts.push((Band { groups, start, stride }, factor));
                }
            }
            start += width;
        }
        Ok(parts)
    }

    fn check(&self, inputs: usize) -> Result<(), GroupingError> {
        let Blocks { widths, factors } = self;
        let error = |what: String| Err(GroupingError::new(what));
        if let Some(at) = widths.iter().position(|&width| width == 0) {
            return error(format!("block {at} has no inputs; a block has one or more"));
        }
        let sum = widths.iter().try_fold(0usize, |sum, &width| sum.checked_add(width));
        if sum != Some(inputs) {
            let sum = sum.map_or("more than memory can hold".to_owned(), |sum| sum.to_string());
            return error(format!(
                "the blocks have {sum} inputs, and the weight has {inputs}; give each input a block"
            ));
        }
        if !factors.is_empty() && factors.len() != widths.len() {
            let (found, blocks) = (factors.len(), widths.len());
            return error(format!(
                "{found} factors for {blocks} blocks; give one for each, or none"
            ));
        }
        match factors.iter().find(|factor| !(**factor >= 0.0 && factor.is_finite())) {
            Some(factor) => {
                error(format!("a block's factor is a number of at least 0, not {factor}"))
            }
            None => Ok(()),
        }
    }
}

/// `3,1*0.5,5`: widths by commas, with a factor where there are any.
impl fmt::Display for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, width) in self.widths.iter().enumerate() {
            write!(f, "{}{width}", if i > 0 { "," } else { "" })?;
            if let Some(factor) = self.factors.get(i).filter(|&&factor| factor != 1.0) {
                write!(f, "*{factor}")?;
            }
        }
        Ok(())
    }
}

/// As it is written; `None` where a width or a factor is no number.
pub(super) fn parse(s: &str) -> Option<Blocks> {
    let one = |part: &str| {
        let (width, factor) = part.split_once('*').unwrap_or((part, "1"));
        Some((usize::from_str(width.trim()).ok()?, f32::from_str(factor.trim()).ok()?))
    };
    let all: Option<Vec<(usize, f32)>> = s.split(',').map(one).collect();
    let (widths, factors): (Vec<_>, Vec<_>) = all?.into_iter().unzip();
    let blocks = Blocks::new(widths);
    Some(if factors.iter().all(|&factor| factor == 1.0) {
        blocks
    } else {
        blocks.with_factors(factors)
    })
}
