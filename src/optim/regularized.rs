//! A weight with its regularisers.

use super::{Band, Groups, Regularizer};
use crate::params::ParamId;
use core::ops::Range;

/// A weight with its regularisers: one, or as many as it has kinds of groups.
///
/// ```
/// use proxtape::optim::{Groups, L1, Regularized, Regularizer};
/// use proxtape::{Kind, Params};
/// let mut params = Params::new();
/// let w = params.add("w", Kind::Weight, [2, 3]);
/// let l1 = Regularizer::L1(L1 { lambda1: 0.5 });
/// let regularized = Regularized::new(w, l1, Groups::columns(2, 3));
/// assert_eq!((regularized.len(), regularized.groups()), (6, 3));
/// assert_eq!(regularized.value(&[1.0, 0.0, -2.0, 0.0, 0.0, 1.0]), 2.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Regularized {
    /// The weight.
    pub id: ParamId,
    /// Side by side, from the first column to the last: every element lies in one.
    pub parts: Vec<Part>,
}

/// Groups of one size and strength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The regulariser, in units of the objective.
    pub regularizer: Regularizer,
    /// The groups.
    pub band: Band,
    /// Their own factor on lambda, which is in the regulariser already.
    pub factor: f32,
}

impl Regularized {
    /// One regulariser for all groups of a weight.
    ///
    /// # Panics
    /// If memory cannot hold the groups.
    #[track_caller]
    pub fn new(id: ParamId, regularizer: Regularizer, groups: Groups) -> Regularized {
        Regularized { id, parts: vec![Part { regularizer, band: groups.into(), factor: 1.0 }] }
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.parts.iter().map(|part| part.band.groups.groups).sum()
    }

    /// How many elements they have.
    #[expect(clippy::len_without_is_empty, reason = "of a weight, which is no container")]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.band.groups.len()).sum()
    }

    /// Whether each part has a prox in Adam's metric.
    pub fn supports_diagonal(&self) -> bool {
        self.parts.iter().all(|part| part.regularizer.supports_diagonal())
    }

    /// For each group, in their order, what `fold` makes of its elements in memory order, from `start`.
    ///
    /// ```
    /// # use proxtape::optim::{Groups, Regularized, Regularizer};
    /// # use proxtape::{Kind, Params};
    /// # let w = Params::new().add("w", Kind::Weight, [2, 3]);
    /// let columns = Regularized::new(w, Regularizer::None, Groups::columns(2, 3));
    /// let sums = columns.fold(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.0, |sum, w| *sum += w);
    /// assert_eq!(sums, [5.0, 7.0, 9.0]);
    /// ```
    ///
    /// # Panics
    /// If `w` is too short.
    pub fn fold<T: Clone>(&self, w: &[f32], start: T, mut fold: impl FnMut(&mut T, f32)) -> Vec<T> {
        let mut all = vec![start; self.groups()];
        let mut first = 0;
        for Part { band, .. } in &self.parts {
            // In memory order, since columns one after another would miss the cache.
            let Groups { groups, inner, .. } = band.groups;
            for (k, i) in band.elements().enumerate() {
                fold(&mut all[first + k / inner % groups], w[i]);
            }
            first += groups;
        }
        all
    }

    /// `R(w)`, as [`Regularizer::value`].
    ///
    /// # Panics
    /// If `w` does not fit.
    pub fn value(&self, w: &[f32]) -> f64 {
        self.parts.iter().map(|part| part.regularizer.value(part.band, w)).sum()
    }

    /// How far the weights are from stationary, as [`Regularizer::stationarity`].
    ///
    /// # Panics
    /// If `w` or `grad` does not fit.
    pub fn stationarity(&self, w: &[f32], grad: &[f32]) -> f64 {
        worst(self.parts.iter().map(|part| part.regularizer.stationarity(part.band, w, grad)))
    }

    /// How well the thresholds that a step left solve their equations, as [`Regularizer::residual`].
    ///
    /// # Panics
    /// If `w` does not fit, or `tau` has no element for each group that has a threshold.
    pub fn residual(&self, w: &[f32], tau: &[f32]) -> f64 {
        let parts = self.parts.iter().zip(self.taus(0));
        worst(parts.map(|(part, own)| part.regularizer.residual(part.band, w, &tau[own])))
    }

    /// Where the thresholds of each part are, after `first` others.
    pub(super) fn taus(&self, first: usize) -> impl Iterator<Item = Range<usize>> {
        self.parts.iter().scan(first, |at, part| {
            let alone = part.regularizer.is_elementwise();
            let own = *at..*at + if alone { 0 } else { part.band.groups.groups };
            *at = own.end;
            Some(own)
        })
    }

    /// The groups, for a message.
    pub(super) fn shown(&self) -> String {
        let bands: Vec<String> = self.parts.iter().map(|part| format!("{:?}", part.band)).collect();
        bands.join(", ")
    }

    /// Whether the parts cover a weight of `len` elements, and none of them twice.
    pub(super) fn covers(&self, len: usize) -> bool {
        let Some(first) = self.parts.first() else { return false };
        let (outer, stride) = (first.band.groups.outer, first.band.stride);
        let mut end = 0;
        for Part { band, .. } in &self.parts {
            let Band { groups, start, .. } = *band;
            if (groups.outer, band.stride, start) != (outer, stride, end) {
                return false;
            }
            end += groups.groups * groups.inner;
        }
        end == stride && first.band.buffer_len() == len
    }
}

/// The largest; NaN wins, so that it is not hidden.
fn worst(all: impl Iterator<Item = f64>) -> f64 {
    all.fold(0.0, |worst: f64, x| if x.is_nan() || x > worst { x } else { worst })
}
