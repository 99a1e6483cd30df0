//! Progress of a training: a bar on a terminal, a line for each epoch elsewhere.

use crate::output::number::percent;
use crate::output::terminal::Terminal;
use crate::run::metrics::Line;
use indicatif::{ProgressBar, ProgressStyle};
use proxtape::train::{Stage, Step};

/// Steps for each update of the bar, which draws 20 times a second at most.
const EVERY: usize = 4;

/// The length of a bar, for the whole training.
const LENGTH: f64 = 10_000.0;

pub(crate) struct Progress {
    terminal: Terminal,
    bar: Option<ProgressBar>,
    /// The name of the training among others; empty for one alone.
    label: String,
    epochs: u32,
    /// The results of the last epoch.
    reached: String,
}

impl Progress {
    /// For a training of `epochs` epochs, of which the share `done` is done.
    pub(crate) fn new(terminal: Terminal, label: String, epochs: u32, done: f64) -> Progress {
        let bar = terminal.is_live().then(|| {
            let bar = ProgressBar::new(LENGTH as u64);
            let color = if terminal.has_color() { ".cyan" } else { "" };
            let template =
                format!("{{prefix}} {{bar:24{color}}} {{percent:>3}} % {{msg}} {{eta}} left");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar.set_position((done * LENGTH) as u64);
            bar.reset_eta();
            bar
        });
        Progress { terminal, bar, label, epochs, reached: String::new() }
    }

    /// After a step, with the share `done` of the training done.
    pub(crate) fn step(&self, step: &Step, done: f64) {
        if let Some(bar) = &self.bar
            && step.step.is_multiple_of(EVERY)
        {
            bar.set_position((done * LENGTH) as u64);
            bar.set_prefix(format!("{}epoch {}/{}", self.label, step.epoch + 1, self.epochs));
            bar.set_message(format!("loss {:.4}{}", step.loss, self.reached));
        }
    }

    /// After an epoch.
    pub(crate) fn epoch(&mut self, line: &Line) {
        let kept = percent(line.weights_kept, line.weights);
        let validation = match line.validation_accuracy {
            Some(accuracy) => format!("  validation {:.2} %", 100.0 * accuracy),
            None => String::new(),
        };
        self.reached = format!("{validation}  kept {kept} %");
        let stage = match line.stage {
            Stage::Shrink => String::new(),
            stage => format!("  {stage}"),
        };
        let lambda = match line.lambda {
            0.0 => String::new(),
            lambda => format!("  lambda {lambda:.2e}"),
        };
        if self.bar.is_none() {
            self.terminal.say(format_args!(
                "epoch {:>3}/{}{stage}  loss {:.4}  right {:.2} %{}  eta {:.2e}{lambda}  {:.1} s",
                line.epoch,
                self.epochs,
                line.loss,
                100.0 * line.accuracy,
                self.reached,
                line.eta,
                line.seconds
            ));
        }
    }

    /// Clears the bar, so that other text can follow.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}
