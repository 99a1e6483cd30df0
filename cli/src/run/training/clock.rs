//! Time and samples of a training, over all its interruptions.

use proxtape::checkpoint::{Checkpoint, CheckpointError};
use std::time::{Duration, Instant};

/// More than any training takes; such spans can be added without an overflow.
const CENTURY: Duration = Duration::from_secs(100 * 366 * 86_400);

/// The time and the samples so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// Before the last start.
    before: Duration,
    started: Option<Instant>,
    /// In steps alone.
    steps: Duration,
    samples: u64,
}

impl Clock {
    pub(crate) fn start(&mut self) {
        self.started = Some(self.now());
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::now()
    }

    /// Counts a step that began at `from`.
    pub(crate) fn count(&mut self, from: Instant, samples: u64) {
        self.steps += from.elapsed();
        self.samples = self.samples.saturating_add(samples);
    }

    /// Seconds of training: steps, evaluation and saving.
    pub(crate) fn seconds(&self) -> f64 {
        let running = self.started.map_or(Duration::ZERO, |started| started.elapsed());
        (self.before + running).as_secs_f64()
    }

    /// Training samples per second of the steps alone.
    pub(crate) fn samples_per_second(&self) -> f64 {
        let seconds = self.steps.as_secs_f64();
        if seconds > 0.0 { self.samples as f64 / seconds } else { 0.0 }
    }

    /// Notes it in a state.
    pub(crate) fn note(&self, state: &mut Checkpoint) {
        state.note("run.seconds", self.seconds());
        state.note("run.step_seconds", self.steps.as_secs_f64());
        state.note("run.seen", self.samples);
    }

    /// The clock of a state.
    pub(crate) fn restore(state: &Checkpoint) -> Result<Clock, CheckpointError> {
        let duration = |name: &str| {
            let seconds = state.number::<f64>(name)?;
            // A note that is no duration was not written here; time is no reason to fail.
            Ok(Duration::try_from_secs_f64(seconds)
                .ok()
                .filter(|d| *d < CENTURY)
                .unwrap_or_default())
        };
        Ok(Clock {
            before: duration("run.seconds")?,
            started: None,
            steps: duration("run.step_seconds")?,
            samples: state.number("run.seen")?,
        })
    }
}
