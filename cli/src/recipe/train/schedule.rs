//! `[train.schedule]`: the step size over time.

use proxtape::optim::{self, ScheduleShape};
use serde::{Deserialize, Serialize};

/// `[train.schedule]`: the step size over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ScheduleTable", into = "ScheduleTable")]
pub(crate) struct Schedule(pub(crate) optim::Schedule);

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule(optim::Schedule { eta: 0.05, warmup: 0.0, shape: ScheduleKind::Cosine.usual() })
    }
}

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
        let usual = Schedule::default().0;
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
