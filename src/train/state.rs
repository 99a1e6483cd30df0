//! The state of a training between two steps: all that the next bits depend on.

use super::{Best, Evaluation, Progress, TrainError, Trainer};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::random::{Random, RandomState};

impl Trainer<'_> {
    /// Everything that a training needs to go on to the same bits.
    pub fn state(&self) -> Checkpoint {
        let mut state = Checkpoint::default();
        state.put_params("", &self.params);
        state.put_params("good.", &self.good);
        for (name, values) in NAMES.iter().zip(self.optimizer.state()) {
            state.put(name, [values.len()], values);
        }
        state.note("optimizer.steps", self.optimizer.steps());
        let Progress { epoch, step, loss, right, seen, stale, done } = self.progress;
        state.note("epoch", epoch);
        state.note("step", step);
        state.note("loss", loss.to_bits());
        state.note("right", right);
        state.note("seen", seen);
        state.note("stale", stale);
        state.note("done", u8::from(done));
        state.note("penalty.factor", self.factor.to_bits());
        state.note("settle.lowest", self.settling.lowest.to_bits());
        state.note("settle.share", self.settling.share.to_bits());
        if let Some(control) = &self.control {
            state.note("target.factor", control.factor.to_bits());
            state.note("target.integral", control.integral.to_bits());
        }
        put_random(&mut state, "augmentation", self.augmentation.state());
        put_random(&mut state, "dropout", self.graph.tape.random().state());
        if let Some(best) = &self.best {
            state.put_params("best.", &best.params);
            state.note("best.epoch", best.epoch);
            state.note("best.loss", best.evaluation.loss.to_bits());
            state.note("best.accuracy", best.evaluation.accuracy.to_bits());
            state.note("best.samples", best.evaluation.samples);
        }
        state
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// If the state belongs to another model, data or configuration, or something is missing; the
    /// training is then to be made anew.
    pub fn restore(&mut self, state: &Checkpoint) -> Result<(), TrainError> {
        state.get_params("", &mut self.params)?;
        state.get_params("good.", &mut self.good)?;
        let progress = Progress {
            epoch: state.number("epoch")?,
            step: state.number("step")?,
            loss: f64::from_bits(state.number("loss")?),
            right: state.number("right")?,
            seen: state.number("seen")?,
            stale: state.number("stale")?,
            done: state.number::<u8>("done")? != 0,
        };
        if progress.epoch > self.config.epochs || progress.step > self.steps(progress.epoch) {
            return Err(TrainError::State(format!(
                "the saved state stands at epoch {}, step {}, past the end of this training",
                progress.epoch, progress.step
            )));
        }
        self.progress = progress;
        // The start of a stage may clear moments: the saved ones come after it.
        self.start_epoch(progress.epoch);
        let [m, v, tau] = NAMES.map(|name| state.get(name));
        let state_of = [m?.1, v?.1, tau?.1];
        self.optimizer.restore(state_of, state.number("optimizer.steps")?)?;
        self.apply_strength(f32::from_bits(state.number("penalty.factor")?))?;
        self.settling.lowest = f64::from_bits(state.number("settle.lowest")?);
        self.settling.share = f32::from_bits(state.number("settle.share")?);
        if let Some(control) = &mut self.control {
            control.factor = f32::from_bits(state.number("target.factor")?);
            control.integral = f64::from_bits(state.number("target.integral")?);
        }
        self.augmentation = Random::from_state(get_random(state, "augmentation")?);
        *self.graph.tape.random_mut() = Random::from_state(get_random(state, "dropout")?);
        self.best = None;
        if state.texts.contains_key("best.epoch") {
            let mut params = self.params.clone();
            state.get_params("best.", &mut params)?;
            let evaluation = Evaluation {
                loss: f64::from_bits(state.number("best.loss")?),
                accuracy: f64::from_bits(state.number("best.accuracy")?),
                samples: state.number("best.samples")?,
            };
            self.best = Some(Best { epoch: state.number("best.epoch")?, evaluation, params });
        }
        Ok(())
    }
}

const NAMES: [&str; 3] = ["optimizer.m", "optimizer.v", "optimizer.tau"];

fn put_random(state: &mut Checkpoint, name: &str, random: RandomState) {
    state.note(&format!("{name}.seed"), random.seed);
    state.note(&format!("{name}.stream"), random.stream);
    state.note(&format!("{name}.word"), random.word_pos);
}

fn get_random(state: &Checkpoint, name: &str) -> Result<RandomState, CheckpointError> {
    Ok(RandomState {
        seed: state.number(&format!("{name}.seed"))?,
        stream: state.number(&format!("{name}.stream"))?,
        word_pos: state.number(&format!("{name}.word"))?,
    })
}
