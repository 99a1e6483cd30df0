//! From one penalty for a network to a regulariser for each weight.
//!
//! The objective is loss(W) + sum over layers of lambda_l R_l(W_l), weights only. Families of two
//! terms share lambda out by mu: (1 - mu) lambda for the first and mu lambda for the second, and mu
//! may move with depth (Yoon, Hwang, "Combined Group and Exclusive Sparsity for Deep Neural
//! Networks", ICML 2017).

mod family;

pub use family::{FAMILIES, Family, FamilyFacts, FamilyNumber, Strength};

use super::{Grouping, GroupingError, Part, Ramp, Regularized};
use crate::nn::{Model, Network, Weight};
use core::fmt;
use proxtape_kernels::prox::Regularizer;
use std::collections::HashSet;

/// mu by depth, for the layers l = 0..L-1 that have weights.
#[derive(Clone, Debug, PartialEq)]
pub enum Mixing {
    /// The same for all.
    Constant(f32),
    /// mu_l = m + (1 - 2 m) l / (L - 1): the second term gains with depth; 1/2 if L = 1.
    Rising(f32),
    /// The same from the last layer to the first.
    Falling(f32),
    /// One for each layer.
    Explicit(Vec<f32>),
}

impl Mixing {
    /// mu of layer `l` of `count`.
    fn at(&self, l: usize, count: usize) -> Option<f32> {
        let rising = |m: f32, l: usize| match count {
            1 => 0.5,
            _ => m + (1.0 - 2.0 * m) * l as f32 / (count - 1) as f32,
        };
        match self {
            Mixing::Constant(mu) => Some(*mu),
            Mixing::Rising(m) => Some(rising(*m, l)),
            Mixing::Falling(m) => Some(rising(*m, count - 1 - l)),
            Mixing::Explicit(list) => list.get(l).copied().filter(|_| list.len() == count),
        }
    }
}

/// How the strength of a group's term depends on its size n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupScale {
    /// It does not.
    #[default]
    None,
    /// rho is divided by n (rho n is the useful dimensionless number); group norms are multiplied
    /// by sqrt(n), as in the group lasso literature.
    GroupSize,
}

/// One penalty for a whole network.
///
/// ```
/// use proxtape::optim::{Family, Penalty};
/// let penalty = Penalty { lambda: 1e-4, ..Penalty::new(Family::L11L12) };
/// assert_eq!(penalty.family, Family::L11L12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Penalty {
    /// Which regulariser.
    pub family: Family,
    /// The strength, in units of the objective.
    pub lambda: f32,
    /// How a training lets the strength rise.
    pub ramp: Ramp,
    /// How families of two terms share lambda.
    pub mixing: Mixing,
    /// How the strength depends on the group size.
    pub scale: GroupScale,
    /// Groups of linear weights.
    pub linear: Grouping,
    /// Groups of convolution weights.
    pub conv: Grouping,
    /// What single layers do otherwise.
    pub layers: Vec<LayerPenalty>,
}

/// What one layer does otherwise than the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerPenalty {
    /// The layer's name.
    pub layer: String,
    /// Another regulariser.
    pub family: Option<Family>,
    /// Another strength.
    pub lambda: Option<f32>,
    /// Another share.
    pub mu: Option<f32>,
    /// Other groups.
    pub grouping: Option<Grouping>,
}

/// A penalty does not fit the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PenaltyError(String);

impl fmt::Display for PenaltyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PenaltyError {}

impl PenaltyError {
    fn of(weight: &Weight, what: String) -> PenaltyError {
        PenaltyError(format!("layer {:?}: {what}", weight.layer))
    }
}

impl Penalty {
    /// A family at strength 0: constant mixing 1/2, groups by input, scaled by the group size.
    pub fn new(family: Family) -> Penalty {
        Penalty {
            family,
            lambda: 0.0,
            ramp: Ramp::default(),
            mixing: Mixing::Constant(0.5),
            scale: GroupScale::GroupSize,
            linear: Grouping::Input,
            conv: Grouping::Output,
            layers: Vec::new(),
        }
    }

    /// The regulariser and groups of every weight of a network.
    ///
    /// # Errors
    /// If a layer that is named does not exist or is named twice, a strength or share is out of
    /// range (also once it is scaled by the group size), or a grouping does not fit; the error names
    /// the layer. What is returned no kernel refuses.
    pub fn resolve(&self, network: &Network) -> Result<Vec<Regularized>, PenaltyError> {
        let model = network.model();
        let names = || model.weights().iter().map(|w| w.layer.as_str());
        let known: HashSet<&str> = names().collect();
        let mut named = HashSet::new();
        for LayerPenalty { layer, .. } in &self.layers {
            if !known.contains(layer.as_str()) {
                let names = names().collect::<Vec<_>>().join(", ");
                return Err(PenaltyError(format!(
                    "the penalty names a layer {layer:?}; layers with weights are {names}"
                )));
            }
            if !named.insert(layer) {
                return Err(PenaltyError(format!(
                    "the penalty names layer {layer:?} twice; a weight has one family of groups"
                )));
            }
        }
        if !self.ramp.is_valid() {
            return Err(PenaltyError(format!(
                "warm-up and ramp of the penalty are shares of the time, together at most 1, not {} \
                 and {}",
                self.ramp.warmup, self.ramp.rise
            )));
        }
        let mut cursor = 0;
        let weights = 0..model.weights().len();
        weights.map(|l| self.regularized(network, l, &mut cursor)).collect()
    }

    /// The family of a layer: its own, or that of all.
    pub fn family_of(&self, layer: &str) -> Family {
        let own = self.layers.iter().find(|own| own.layer == layer);
        own.and_then(|own| own.family).unwrap_or(self.family)
    }

    /// Sets what [`resolve`](Penalty::resolve) gave, or some of it in any order, to `factor` times the
    /// strength, every layer's alike; nothing is allocated.
    ///
    /// # Errors
    /// If a strength is no longer a finite number of at least 0, or a parameter is no weight of the model;
    /// the error names it.
    pub fn scale(
        &self,
        model: &Model,
        factor: f32,
        regularized: &mut [Regularized],
    ) -> Result<(), PenaltyError> {
        let (weights, mut next, mut cursor) = (model.weights(), 0, 0);
        for r in regularized {
            // In the order of the layers each is the next one.
            let (before, behind) = weights.split_at(next);
            let found = behind.iter().chain(before).position(|weight| weight.id == r.id);
            let Some(found) = found else {
                let id = r.id.index();
                return Err(PenaltyError(format!("parameter {id} is no weight of the model")));
            };
            let l = (next + found) % weights.len();
            let share = self.share((model, l), self.own(&weights[l].layer, &mut cursor), factor);
            let error = |what: String| PenaltyError::of(&weights[l], what);
            let share = share.map_err(error)?;
            for part in &mut r.parts {
                part.regularizer = share.regularizer(self.scale, part).map_err(error)?;
            }
            next = (l + 1) % weights.len();
        }
        Ok(())
    }

    /// What a layer does otherwise. A list in the order of the layers is gone through once: the search
    /// starts behind what was found last.
    fn own(&self, layer: &str, cursor: &mut usize) -> Option<&LayerPenalty> {
        let (before, behind) = self.layers.split_at(*cursor);
        let found = behind.iter().chain(before).position(|own| own.layer == layer)?;
        let found = (*cursor + found) % self.layers.len();
        *cursor = (found + 1) % self.layers.len();
        Some(&self.layers[found])
    }

    /// The regularisers and groups of the weight of layer `l`.
    fn regularized(
        &self,
        network: &Network,
        l: usize,
        cursor: &mut usize,
    ) -> Result<Regularized, PenaltyError> {
        let model = network.model();
        let weight = &model.weights()[l];
        let error = |what: String| PenaltyError::of(weight, what);
        let own = self.own(&weight.layer, cursor);
        let shape = network.params().shape(weight.id);
        let usual = if shape.rank() == 2 { &self.linear } else { &self.conv };
        let grouping = own.and_then(|own| own.grouping.as_ref()).unwrap_or(usual);
        let parts = grouping.parts(shape, weight.conv_groups);
        let parts = parts.map_err(|e: GroupingError| error(e.to_string()))?;
        let share = self.share((model, l), own, 1.0).map_err(error)?;
        let parts = parts.into_iter().map(|(band, factor)| {
            let mut part = Part { regularizer: Regularizer::None, band, factor };
            part.regularizer = share.regularizer(self.scale, &part).map_err(error)?;
            Ok(part)
        });
        Ok(Regularized { id: weight.id, parts: parts.collect::<Result<_, _>>()? })
    }

    /// What layer `l` gets of the penalty at `factor` times its strength.
    fn share(
        &self,
        (model, l): (&Model, usize),
        own: Option<&LayerPenalty>,
        factor: f32,
    ) -> Result<Share, String> {
        let count = model.weights().len();
        let mu = own.and_then(|own| own.mu).or_else(|| self.mixing.at(l, count));
        let mu = mu.ok_or_else(|| format!("mixing does not list {count} numbers"))?;
        if !(0.0..=1.0).contains(&mu) {
            return Err(format!("mu is a share in [0, 1], not {mu}"));
        }
        let lambda = own.and_then(|own| own.lambda).unwrap_or(self.lambda) * factor;
        if !(lambda.is_finite() && lambda >= 0.0) {
            return Err(format!("lambda is a number of at least 0, not {lambda}"));
        }
        let family = own.and_then(|own| own.family).unwrap_or(self.family);
        if let Some((number, x)) = family.out_of_range() {
            return Err(format!("{} is a positive number, not {x}", number.label));
        }
        Ok(Share { family, lambda, mu })
    }
}

/// What one layer gets of a penalty.
#[derive(Clone, Copy)]
struct Share {
    family: Family,
    lambda: f32,
    mu: f32,
}

impl Share {
    /// The regulariser of some groups.
    fn regularizer(&self, scale: GroupScale, part: &Part) -> Result<Regularizer, String> {
        let Share { family, mu, .. } = *self;
        let (lambda, size) = (self.lambda * part.factor, part.band.groups.group_size());
        let regularizer = family.regularizer(Strength { lambda, mu, scale, size });
        if !regularizer.is_valid() {
            // What the kernels refuse: of all numbers above only a product can have left the range.
            let most = f32::MAX / (size as f32).sqrt();
            return Err(format!(
                "expected lambda times sqrt({size}), for groups of {size} weights, within the range of f32, \
                 found a lambda of {lambda:e}; choose one of at most {most:.1e}"
            ));
        }
        Ok(regularizer)
    }
}
