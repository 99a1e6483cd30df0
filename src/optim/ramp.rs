//! The strength of a penalty over time.
//!
//! ```text
//! lambda(t) = 0                                  t <= warmup
//!             lambda f((t - warmup) / rise)      f(x) = x, or 1 - (1 - x)^3
//!             lambda                             from warmup + rise on
//! ```
//!
//! t is the share of the first stage of a training. The cubic rises fast while there is much to take
//! away and slowly at the end: the sparsity schedule of Zhu, Gupta, "To Prune, or Not to Prune:
//! Exploring the Efficacy of Pruning for Model Compression", ICLR workshop 2018, eq. 1.

/// How the strength rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rise {
    /// x.
    #[default]
    Linear,
    /// 1 - (1 - x)^3.
    Cubic,
}

/// A time without the penalty, and a time in which it rises to its whole strength.
///
/// ```
/// use proxtape::optim::{Ramp, Rise};
/// let ramp = Ramp { warmup: 0.25, rise: 0.5, shape: Rise::Linear };
/// assert_eq!([0.25, 0.5, 0.75, 1.0].map(|t| ramp.at(t)), [0.0, 0.5, 1.0, 1.0]);
/// assert_eq!(Ramp { shape: Rise::Cubic, ..ramp }.at(0.5), 0.875);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ramp {
    /// The share of the time without the penalty.
    pub warmup: f32,
    /// The share of the time in which it rises, after the warm-up.
    pub rise: f32,
    /// How it rises.
    pub shape: Rise,
}

impl Ramp {
    /// The factor of the strength at a share of the time, 0 to 1.
    ///
    /// # Panics
    /// If warm-up and rise are no shares, together at most 1.
    #[track_caller]
    pub fn at(&self, t: f32) -> f32 {
        assert!(self.is_valid(), "Ramp: shares, together at most 1, are wanted: {self:?}");
        if t >= self.warmup + self.rise {
            return 1.0;
        }
        let x = ((t - self.warmup) / self.rise).clamp(0.0, 1.0);
        match self.shape {
            Rise::Linear => x,
            Rise::Cubic => 1.0 - (1.0 - x).powi(3),
        }
    }

    /// Whether both are shares and fit into the time.
    pub(crate) fn is_valid(&self) -> bool {
        let Ramp { warmup, rise, .. } = *self;
        warmup >= 0.0 && rise >= 0.0 && warmup + rise <= 1.0
    }
}
