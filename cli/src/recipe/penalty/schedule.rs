//! `[penalty.schedule]`: how lambda rises, in shares of the epochs that shrink.

use proxtape::optim::{Ramp, Rise};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Schedule {
    /// The share without the penalty.
    warmup: f32,
    /// The share in which it rises after that.
    ramp: f32,
    kind: Kind,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Linear,
    Cubic,
}

impl TryFrom<Schedule> for Ramp {
    type Error = String;

    fn try_from(Schedule { warmup, ramp, kind }: Schedule) -> Result<Ramp, String> {
        if !(warmup >= 0.0 && ramp >= 0.0 && warmup + ramp <= 1.0) {
            return Err(format!(
                "warmup and ramp are shares of the epochs that shrink, together at most 1, not \
                 {warmup} and {ramp}"
            ));
        }
        let shape = match kind {
            Kind::Linear => Rise::Linear,
            Kind::Cubic => Rise::Cubic,
        };
        Ok(Ramp { warmup, rise: ramp, shape })
    }
}

impl From<Ramp> for Schedule {
    fn from(Ramp { warmup, rise, shape }: Ramp) -> Schedule {
        let kind = match shape {
            Rise::Linear => Kind::Linear,
            Rise::Cubic => Kind::Cubic,
        };
        Schedule { warmup, ramp: rise, kind }
    }
}
