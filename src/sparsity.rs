//! What became zero: counts of weights, groups and multiply-accumulates, layer by layer.
//!
//! Counted honestly: a weight is kept if it is not exactly zero; biases are counted apart; dense
//! multiply-accumulates and those with a non-zero weight are two numbers, since no kernel skips
//! single zeros.

use crate::nn::Model;
use crate::optim::Regularized;
use crate::params::{Kind, Params};
use std::collections::HashMap;

/// The counts of one weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The layer's name.
    pub name: String,
    /// All weights.
    pub weights: usize,
    /// Weights that are not zero.
    pub kept: usize,
    /// All groups.
    pub groups: usize,
    /// Groups with a weight that is not zero.
    pub groups_kept: usize,
    /// How uneven the groups that are kept are: the standard deviation of their l1 norms over the
    /// mean; 0 is even, and what l1,2 is said to bring near.
    pub evenness: f64,
    /// sum |w|: l1,1.
    pub l11: f64,
    /// 1/2 sum over groups of (sum |w|)^2: l1,2.
    pub l12: f64,
    /// Sum over groups of sqrt(sum w^2): l2,1.
    pub l21: f64,
    /// Multiply-accumulates for one sample, all weights counted.
    pub macs: u64,
    /// Multiply-accumulates for one sample with a weight that is not zero.
    pub macs_nonzero: u64,
}

/// The counts of a model.
///
/// ```
/// use proxtape::nn::{Layer, Network};
/// use proxtape::optim::{Family, Penalty};
/// use proxtape::{Random, sparsity::Report};
/// let layers = [Layer::linear(2).named("fc")];
/// let mut network = Network::new([3], &layers, &mut Random::new(1))?;
/// let id = network.model().weights()[0].id;
/// network.params_mut().value_mut(id).copy_from_slice(&[1.0, 0.0, 0.0, -1.0, 0.0, 2.0]);
/// let groups = Penalty::new(Family::None).resolve(&network)?; // by input: columns
/// let report = Report::new(network.model(), network.params(), &groups);
/// assert_eq!((report.kept(), report.weights()), (3, 6));
/// assert_eq!((report.groups_kept(), report.groups()), (2, 3));
/// assert_eq!(report.layers[0].l12, 0.5 * (4.0 + 4.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// One entry for each weight, in the order of the layers.
    pub layers: Vec<Layer>,
    /// Biases and normalisation parameters.
    pub biases: usize,
}

impl Report {
    /// Counts a model; `regularized` says how each weight is grouped.
    ///
    /// # Panics
    /// If a weight of the model is not in `regularized`.
    pub fn new(model: &Model, params: &Params, regularized: &[Regularized]) -> Report {
        let groups: HashMap<_, _> = regularized.iter().map(|r| (r.id, r)).collect();
        let layers = model.weights().iter().map(|weight| {
            let r = groups.get(&weight.id).expect("every weight has its groups");
            let mut layer = count(params.value(weight.id), r);
            layer.name.clone_from(&weight.layer);
            layer.macs = weight.uses * layer.weights as u64;
            layer.macs_nonzero = weight.uses * layer.kept as u64;
            layer
        });
        let is_bias = |id: &_| matches!(params.kind(*id), Kind::Bias | Kind::Norm);
        let biases = params.ids().filter(is_bias).map(|id| params.value(id).len()).sum();
        Report { layers: layers.collect(), biases }
    }

    /// All weights.
    pub fn weights(&self) -> usize {
        self.layers.iter().map(|l| l.weights).sum()
    }

    /// Weights that are not zero.
    pub fn kept(&self) -> usize {
        self.layers.iter().map(|l| l.kept).sum()
    }

    /// All groups.
    pub fn groups(&self) -> usize {
        self.layers.iter().map(|l| l.groups).sum()
    }

    /// Groups with a weight that is not zero.
    pub fn groups_kept(&self) -> usize {
        self.layers.iter().map(|l| l.groups_kept).sum()
    }

    /// Multiply-accumulates for one sample, all weights counted.
    pub fn macs(&self) -> u64 {
        self.layers.iter().map(|l| l.macs).sum()
    }

    /// Multiply-accumulates for one sample with a weight that is not zero.
    pub fn macs_nonzero(&self) -> u64 {
        self.layers.iter().map(|l| l.macs_nonzero).sum()
    }
}

/// Counts one weight; name and multiply-accumulates are the caller's to fill in.
fn count(w: &[f32], r: &Regularized) -> Layer {
    let norms = r.fold(w, (0.0f64, 0.0f64), |(l1, squares), w| {
        let w = f64::from(w);
        *l1 += w.abs();
        *squares += w * w;
    });
    let (l1, squares): (Vec<f64>, Vec<f64>) = norms.into_iter().unzip();
    let kept_norms: Vec<f64> = l1.iter().copied().filter(|&n| n != 0.0).collect();
    Layer {
        name: String::new(),
        weights: w.len(),
        kept: w.iter().filter(|&&w| w != 0.0).count(),
        groups: r.groups(),
        groups_kept: kept_norms.len(),
        evenness: variation(&kept_norms),
        l11: l1.iter().sum(),
        l12: 0.5 * l1.iter().map(|n| n * n).sum::<f64>(),
        l21: squares.iter().map(|s| s.sqrt()).sum(),
        macs: 0,
        macs_nonzero: 0,
    }
}

/// The standard deviation over the mean; 0 for no numbers.
fn variation(x: &[f64]) -> f64 {
    let n = x.len().max(1) as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    if mean == 0.0 { 0.0 } else { variance.sqrt() / mean }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::{Groups, Regularizer};

    #[test]
    fn groups_are_counted_in_their_view() {
        // [outer 2, groups 2, inner 2]: group 0 holds elements 0, 1, 4, 5.
        let w = [3.0, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0, 0.0];
        let of = |groups| {
            let id = crate::Params::new().add("w", Kind::Weight, [8]);
            Regularized::new(id, Regularizer::None, groups)
        };
        let layer = count(&w, &of(Groups { outer: 2, groups: 2, inner: 2 }));
        assert_eq!((layer.kept, layer.groups_kept, layer.groups), (2, 1, 2));
        assert_eq!((layer.l11, layer.l12, layer.l21), (7.0, 24.5, 5.0));
        let blocks = count(&w, &of(Groups { outer: 1, groups: 4, inner: 2 }));
        assert_eq!((blocks.groups_kept, blocks.l12), (2, 0.5 * (9.0 + 16.0)));
        assert!((blocks.evenness - 0.5 / 3.5).abs() < 1e-12);
    }
}
