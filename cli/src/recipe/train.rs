//! `[train]`: the loop, the optimiser, the schedule and the augmentation.

use super::data::at_least_one;
use core::num::{NonZeroU32, NonZeroUsize};
use proxtape::data;
use proxtape::optim::{self, Rule, ScheduleShape};
use proxtape::train;
use serde::{Deserialize, Serialize};

/// The section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Train {
    pub(crate) epochs: NonZeroU32,
    pub(crate) batch: NonZeroUsize,
    pub(crate) accumulate: NonZeroUsize,
    /// The largest norm of the gradient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clip: Option<f32>,
    /// Epochs without a lower validation loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) patience: Option<u32>,
    pub(crate) keep: Keep,
    pub(crate) seed: u64,
    pub(crate) optimizer: Optimizer,
    pub(crate) schedule: Schedule,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) augment: Option<Augment>,
    /// Epochs of full-gradient steps with the penalty, before the refit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settle: Option<Stage>,
    /// The last epochs, with the zeros frozen and the penalty off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refit: Option<Stage>,
}

impl Default for Train {
    fn default() -> Train {
        Train {
            epochs: NonZeroU32::MIN.saturating_add(9),
            batch: at_least_one(64),
            accumulate: NonZeroUsize::MIN,
            clip: None,
            patience: None,
            keep: Keep::Last,
            seed: 1,
            optimizer: Optimizer(OptimizerKind::Momentum.usual()),
            schedule: Schedule(optim::Schedule {
                eta: 0.05,
                warmup: 0.0,
                shape: ScheduleKind::Cosine.usual(),
            }),
            augment: None,
            settle: None,
            refit: None,
        }
    }
}

/// Which parameters stay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Keep {
    Last,
    Best,
}

impl From<Keep> for train::Keep {
    fn from(keep: Keep) -> train::Keep {
        match keep {
            Keep::Last => train::Keep::Last,
            Keep::Best => train::Keep::Best,
        }
    }
}

/// `[train.optimizer]`: kind, and what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "OptimizerTable", into = "OptimizerTable")]
pub(crate) struct Optimizer(pub(crate) Rule);

/// The names of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OptimizerKind {
    Sgd,
    Momentum,
    Nesterov,
    Adam,
}

impl OptimizerKind {
    /// The rule with the numbers that are usual for it.
    pub(crate) fn usual(self) -> Rule {
        match self {
            OptimizerKind::Sgd => Rule::Sgd,
            OptimizerKind::Momentum => Rule::Momentum { beta: 0.9 },
            OptimizerKind::Nesterov => Rule::Nesterov { beta: 0.9 },
            OptimizerKind::Adam => Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.0 },
        }
    }

    pub(crate) fn of(rule: Rule) -> OptimizerKind {
        match rule {
            Rule::Sgd => OptimizerKind::Sgd,
            Rule::Momentum { .. } => OptimizerKind::Momentum,
            Rule::Nesterov { .. } => OptimizerKind::Nesterov,
            Rule::Adam { .. } => OptimizerKind::Adam,
        }
    }
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptimizerTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<OptimizerKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta1: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta2: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eps: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decay: Option<f32>,
}

impl TryFrom<OptimizerTable> for Optimizer {
    type Error = String;

    fn try_from(t: OptimizerTable) -> Result<Optimizer, String> {
        let has_beta = t.beta.is_some();
        let has_adam = [t.beta1, t.beta2, t.eps, t.decay].iter().any(Option::is_some);
        let kind = t.kind.unwrap_or(OptimizerKind::Momentum);
        let rule = match kind.usual() {
            Rule::Sgd if has_beta || has_adam => return Err("sgd takes kind only".to_owned()),
            Rule::Momentum { .. } | Rule::Nesterov { .. } if has_adam => {
                return Err("momentum and nesterov take beta; beta1, beta2, eps and decay are \
                            for adam"
                    .to_owned());
            }
            Rule::Adam { .. } if has_beta => {
                return Err("adam takes beta1, beta2, eps and decay; beta is for momentum and \
                            nesterov"
                    .to_owned());
            }
            Rule::Sgd => Rule::Sgd,
            Rule::Momentum { beta } => Rule::Momentum { beta: t.beta.unwrap_or(beta) },
            Rule::Nesterov { beta } => Rule::Nesterov { beta: t.beta.unwrap_or(beta) },
            Rule::Adam { beta1, beta2, eps, decay } => Rule::Adam {
                beta1: t.beta1.unwrap_or(beta1),
                beta2: t.beta2.unwrap_or(beta2),
                eps: t.eps.unwrap_or(eps),
                decay: t.decay.unwrap_or(decay),
            },
        };
        Ok(Optimizer(rule))
    }
}

impl From<Optimizer> for OptimizerTable {
    fn from(Optimizer(rule): Optimizer) -> OptimizerTable {
        let table =
            OptimizerTable { kind: Some(OptimizerKind::of(rule)), ..OptimizerTable::default() };
        match rule {
            Rule::Sgd => table,
            Rule::Momentum { beta } | Rule::Nesterov { beta } => {
                OptimizerTable { beta: Some(beta), ..table }
            }
            Rule::Adam { beta1, beta2, eps, decay } => OptimizerTable {
                beta1: Some(beta1),
                beta2: Some(beta2),
                eps: Some(eps),
                decay: Some(decay),
                ..table
            },
        }
    }
}

/// `[train.schedule]`: the step size over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ScheduleTable", into = "ScheduleTable")]
pub(crate) struct Schedule(pub(crate) optim::Schedule);

/// The names of the shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScheduleKind {
    Constant,
    Step,
    Cosine,
}

impl ScheduleKind {
    /// The shape with usual numbers.
    pub(crate) fn usual(self) -> ScheduleShape {
        match self {
            ScheduleKind::Constant => ScheduleShape::Constant,
            ScheduleKind::Step => ScheduleShape::Step { every: 10.0, factor: 0.1 },
            ScheduleKind::Cosine => ScheduleShape::Cosine { floor: 0.0 },
        }
    }

    pub(crate) fn of(shape: ScheduleShape) -> ScheduleKind {
        match shape {
            ScheduleShape::Constant => ScheduleKind::Constant,
            ScheduleShape::Step { .. } => ScheduleKind::Step,
            ScheduleShape::Cosine { .. } => ScheduleKind::Cosine,
        }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScheduleTable {
    eta: Option<f32>,
    warmup: Option<f32>,
    kind: Option<ScheduleKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    factor: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<f32>,
}

impl TryFrom<ScheduleTable> for Schedule {
    type Error = String;

    fn try_from(t: ScheduleTable) -> Result<Schedule, String> {
        let has_step = t.every.is_some() || t.factor.is_some();
        let shape = match t.kind.unwrap_or(ScheduleKind::Cosine).usual() {
            ScheduleShape::Constant if has_step || t.floor.is_some() => {
                return Err("a constant schedule takes eta and warmup".to_owned());
            }
            ScheduleShape::Step { .. } if t.floor.is_some() => {
                return Err("a step schedule takes every and factor; floor is for cosine".into());
            }
            ScheduleShape::Cosine { .. } if has_step => {
                return Err("a cosine schedule takes floor; every and factor are for step".into());
            }
            ScheduleShape::Constant => ScheduleShape::Constant,
            ScheduleShape::Step { every, factor } => {
                let (every, factor) = (t.every.unwrap_or(every), t.factor.unwrap_or(factor));
                if !(every > 0.0 && every.is_finite() && factor > 0.0 && factor.is_finite()) {
                    return Err("every and factor of a step schedule are positive numbers".into());
                }
                ScheduleShape::Step { every, factor }
            }
            ScheduleShape::Cosine { floor } => {
                let floor = t.floor.unwrap_or(floor);
                if !(0.0..=1.0).contains(&floor) {
                    return Err(format!("floor is a share of eta in [0, 1], not {floor}"));
                }
                ScheduleShape::Cosine { floor }
            }
        };
        let usual = Train::default().schedule.0;
        let (eta, warmup) = (t.eta.unwrap_or(usual.eta), t.warmup.unwrap_or(usual.warmup));
        Ok(Schedule(optim::Schedule { eta, warmup, shape }))
    }
}

impl From<Schedule> for ScheduleTable {
    fn from(Schedule(schedule): Schedule) -> ScheduleTable {
        let (mut every, mut factor, mut floor) = (None, None, None);
        match schedule.shape {
            ScheduleShape::Constant => {}
            ScheduleShape::Step { every: e, factor: f } => (every, factor) = (Some(e), Some(f)),
            ScheduleShape::Cosine { floor: f } => floor = Some(f),
        }
        let kind = Some(ScheduleKind::of(schedule.shape));
        let (eta, warmup) = (Some(schedule.eta), Some(schedule.warmup));
        ScheduleTable { eta, warmup, kind, every, factor, floor }
    }
}

impl Train {
    /// The epochs of settle and refit that the shares come to; none where they round to none.
    pub(crate) fn stages(&self) -> (Option<train::Settle>, Option<train::Refit>) {
        let epochs = self.epochs.get();
        let count = |stage: Stage, left: u32| {
            Some((stage.share * epochs as f32).round() as u32)
                .filter(|&n| n > 0)
                .map(|n| n.min(left))
        };
        let refit = self
            .refit
            .and_then(|stage| Some(train::Refit { epochs: count(stage, epochs)?, eta: stage.eta }));
        let left = epochs - refit.map_or(0, |refit| refit.epochs);
        let settle = self
            .settle
            .filter(|_| left > 0)
            .and_then(|stage| Some(train::Settle { epochs: count(stage, left)?, eta: stage.eta }));
        (settle, refit)
    }
}

/// `[train.settle]` and `[train.refit]`: a stage's share of the epochs, and its step size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StageTable", into = "StageTable")]
pub(crate) struct Stage {
    pub(crate) share: f32,
    pub(crate) eta: f32,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageTable {
    share: f32,
    eta: f32,
}

impl TryFrom<StageTable> for Stage {
    type Error = String;

    fn try_from(StageTable { share, eta }: StageTable) -> Result<Stage, String> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(format!("share is a part of the epochs, above 0 and up to 1, not {share}"));
        }
        if !(eta > 0.0 && eta.is_finite()) {
            return Err(format!("eta is a number above 0, not {eta}"));
        }
        Ok(Stage { share, eta })
    }
}

impl From<Stage> for StageTable {
    fn from(Stage { share, eta }: Stage) -> StageTable {
        StageTable { share, eta }
    }
}

/// `[train.augment]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Augment {
    /// The probability of a mirror image.
    #[serde(default)]
    flip: f32,
    /// The farthest move in pixels.
    #[serde(default)]
    shift: usize,
}

impl From<Augment> for data::Augment {
    fn from(Augment { flip, shift }: Augment) -> data::Augment {
        data::Augment { flip, shift }
    }
}
