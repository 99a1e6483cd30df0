//! The state of a training between two steps: all that the next bits depend on.

use super::config::streams;
use super::{Best, Evaluation, Progress, TrainError, Trainer};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::params::Params;
use crate::random::{Random, RandomState};
use core::str::FromStr;

/// The prefixes of the copies of parameters.
const COPIES: [&str; 2] = [GOOD, BEST];
const GOOD: &str = "good.";
const BEST: &str = "best.";

/// Checks that no parameter has the name that the state gives to a copy of another.
pub(super) fn check_names(params: &Params) -> Result<(), TrainError> {
    for id in params.ids() {
        let name = params.name(id);
        let copied = COPIES.iter().find_map(|copy| params.find(name.strip_prefix(copy)?));
        if let Some(copied) = copied {
            return Err(TrainError::Config(format!(
                "the state of a training calls a copy of \"{}\" \"{name}\", and a layer goes by \
                 that name; call it otherwise",
                params.name(copied)
            )));
        }
    }
    Ok(())
}

impl Trainer<'_> {
    /// Everything that a training needs to go on to the same bits.
    pub fn state(&self) -> Checkpoint {
        let mut state = Checkpoint::default();
        state.put_params("", &self.network.params);
        state.put_params(GOOD, &self.good);
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
            state.put_params(BEST, &best.params);
            state.note("best.epoch", best.epoch);
            state.note("best.loss", best.evaluation.loss.to_bits());
            state.note("best.accuracy", best.evaluation.accuracy.to_bits());
            state.note("best.samples", best.evaluation.samples);
        }
        state
    }

    /// Goes on from a saved state, which is to be one of this model, data and configuration: a state does
    /// not tell its rule, penalty, schedule or split, so that other ones of the same sizes are taken and
    /// go on to other bits. Keep these beside it, as the program does with its recipe.
    ///
    /// # Errors
    /// If something is missing, a number is one that no training leaves, or the state does not fit: names
    /// and shapes of parameters, lengths of moments and thresholds, the seed, the epochs and steps that are
    /// over and the number of samples. The training is then to be made anew.
    pub fn restore(&mut self, state: &Checkpoint) -> Result<(), TrainError> {
        state.get_params("", &mut self.network.params)?;
        state.get_params(GOOD, &mut self.good)?;
        let progress = Progress {
            epoch: state.number("epoch")?,
            step: state.number("step")?,
            loss: f64::from_bits(state.number("loss")?),
            right: state.number("right")?,
            seen: state.number("seen")?,
            stale: state.number("stale")?,
            done: within(state, "done", |&n: &u8| n <= 1)? != 0,
        };
        if progress.epoch > self.config.epochs || progress.step > self.steps(progress.epoch) {
            return Err(TrainError::State(format!(
                "the saved state stands at epoch {}, step {}, past the end of this training",
                progress.epoch, progress.step
            )));
        }
        self.check(&progress, state)?;
        self.progress = progress;
        // The start of a stage may clear moments: the saved ones come after it.
        self.start_epoch(progress.epoch);
        let [m, v, tau] = NAMES;
        // Adam's second moment is a sum of squares. Of a threshold any number will do: it is a start.
        let state_of = [state.get_from(m, f32::MIN)?, state.get_from(v, 0.0)?, state.get(tau)?.1];
        self.optimizer.restore(state_of, state.number("optimizer.steps")?)?;
        let strength = |x: &f32| x.is_finite() && *x >= 0.0;
        self.apply_strength(single(state, "penalty.factor", strength)?)?;
        self.settling.lowest = double(state, "settle.lowest", |x| !x.is_nan())?;
        self.settling.share = single(state, "settle.share", |x| (0.0..=1.0).contains(x))?;
        if let Some(control) = &mut self.control {
            control.factor = single(state, "target.factor", strength)?;
            control.integral = double(state, "target.integral", |x| x.is_finite())?;
        }
        let random = |name, stream| random(state, name, [self.config.seed, stream]);
        self.augmentation = random("augmentation", streams::AUGMENTATION)?;
        *self.graph.tape.random_mut() = random("dropout", streams::DROPOUT)?;
        self.best = None;
        if state.texts.contains_key("best.epoch") {
            let mut params = self.network.params.clone();
            state.get_params(BEST, &mut params)?;
            let validation = self.data.split.validation.len();
            let evaluation = Evaluation {
                loss: double(state, "best.loss", |x| x.is_finite())?,
                accuracy: double(state, "best.accuracy", |x| (0.0..=1.0).contains(x))?,
                samples: within(state, "best.samples", |&n| n == validation)?,
            };
            let epoch = within(state, "best.epoch", |&epoch| epoch < progress.epoch)?;
            self.best = Some(Best { epoch, evaluation, params });
        }
        Ok(())
    }

    /// Whether a training of this configuration can stand there: what it counts follows from the
    /// epochs and steps that are over.
    fn check(&self, progress: &Progress, state: &Checkpoint) -> Result<(), CheckpointError> {
        let &Progress { epoch, step, seen, .. } = progress;
        let before = self.config.steps_before(epoch, self.batches.steps());
        let steps = before + step as u128;
        within(state, "optimizer.steps", |&taken: &u64| u128::from(taken) == steps)?;
        let samples = (step * self.parts(epoch) * self.config.batch) as u64;
        within(state, "seen", |&seen: &u64| seen == samples)?;
        within(state, "right", |&right: &u64| right <= seen)?;
        within(state, "stale", |&stale: &u32| stale <= epoch)?;
        double(state, "loss", |x| x.is_finite()).map(|_| ())
    }
}

const NAMES: [&str; 3] = ["optimizer.m", "optimizer.v", "optimizer.tau"];

fn put_random(state: &mut Checkpoint, name: &str, random: RandomState) {
    state.note(&format!("{name}.seed"), random.seed);
    state.note(&format!("{name}.stream"), random.stream);
    state.note(&format!("{name}.word"), random.word_pos);
}

/// A generator of the training's own seed and stream, at the place that was saved.
fn random(
    state: &Checkpoint,
    name: &str,
    [seed, stream]: [u64; 2],
) -> Result<Random, CheckpointError> {
    let word_pos = state.number(&format!("{name}.word"))?;
    within(state, &format!("{name}.seed"), |&found: &u64| found == seed)?;
    within(state, &format!("{name}.stream"), |&found: &u64| found == stream)?;
    Ok(Random::from_state(RandomState { seed, stream, word_pos }))
}

/// A number that a training may leave.
fn within<T: FromStr>(
    state: &Checkpoint,
    name: &str,
    fits: impl Fn(&T) -> bool,
) -> Result<T, CheckpointError> {
    let number = state.number(name)?;
    match fits(&number) {
        true => Ok(number),
        false => {
            let found = &state.texts[name];
            Err(CheckpointError(format!("\"{name}\" is {found}, which this training cannot leave")))
        }
    }
}

/// The same for one that is saved as its bits.
fn single(
    state: &Checkpoint,
    name: &str,
    fits: impl Fn(&f32) -> bool,
) -> Result<f32, CheckpointError> {
    within(state, name, |&bits| fits(&f32::from_bits(bits))).map(f32::from_bits)
}

fn double(
    state: &Checkpoint,
    name: &str,
    fits: impl Fn(&f64) -> bool,
) -> Result<f64, CheckpointError> {
    within(state, name, |&bits| fits(&f64::from_bits(bits))).map(f64::from_bits)
}
