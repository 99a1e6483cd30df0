//! The step size over time.

/// How the step size moves after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// It stays.
    Constant,
    /// It is multiplied by `factor` after every `every` epochs.
    Step {
        /// Epochs between two drops.
        every: f32,
        /// The factor of a drop.
        factor: f32,
    },
    /// It falls along half a cosine to `floor` times its start (Loshchilov, Hutter 2017, eq. 5,
    /// without restarts).
    Cosine {
        /// The last step size over the first.
        floor: f32,
    },
}

impl Shape {
    /// Whether each number is finite and not negative, and `every` is positive.
    pub fn is_valid(&self) -> bool {
        let factor = |x: f32| x >= 0.0 && x.is_finite();
        match *self {
            Shape::Constant => true,
            Shape::Step { every, factor: x } => every > 0.0 && every.is_finite() && factor(x),
            Shape::Cosine { floor } => factor(floor),
        }
    }
}

/// A base step size, a linear warm-up, and a shape.
///
/// ```
/// use proxtape::optim::{Schedule, ScheduleShape};
/// let s = Schedule { eta: 0.1, warmup: 1.0, shape: ScheduleShape::Cosine { floor: 0.0 } };
/// assert_eq!(s.at(0.5, 10.0), 0.05);
/// assert_eq!(s.at(1.0, 10.0), 0.1);
/// assert!(s.at(10.0, 10.0).abs() < 1e-9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The largest step size.
    pub eta: f32,
    /// Epochs over which it rises linearly from zero.
    pub warmup: f32,
    /// What follows.
    pub shape: Shape,
}

impl Schedule {
    /// The step size at a moment, in epochs, of a training that takes `total` epochs; at most the
    /// largest f32.
    ///
    /// # Panics
    /// If eta or the warm-up is no finite number of at least 0, or the shape is not
    /// [valid](Shape::is_valid).
    #[track_caller]
    pub fn at(&self, epoch: f32, total: f32) -> f32 {
        let in_range = [self.eta, self.warmup].iter().all(|x| x.is_finite() && *x >= 0.0);
        assert!(in_range && self.shape.is_valid(), "Schedule: a number is out of range: {self:?}");
        self.unbounded(epoch, total).min(f32::MAX)
    }

    /// The same, which may be infinite.
    pub(crate) fn unbounded(&self, epoch: f32, total: f32) -> f32 {
        if epoch < self.warmup {
            return self.eta * (epoch / self.warmup);
        }
        match self.shape {
            Shape::Constant => self.eta,
            Shape::Step { every, factor } => self.eta * factor.powf((epoch / every).floor()),
            Shape::Cosine { floor } => {
                let t = (epoch - self.warmup) / (total - self.warmup).max(f32::MIN_POSITIVE);
                let fall = 0.5 * (1.0 + (core::f32::consts::PI * t.clamp(0.0, 1.0)).cos());
                self.eta * (floor + (1.0 - floor) * fall)
            }
        }
    }
}
