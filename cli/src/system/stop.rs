//! The conditions under which work stops before it is done.

use crate::system::interrupt;
use std::time::Instant;

/// Why work ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A signal, or as many steps as were asked for.
    Interrupt,
    /// The time is spent.
    Deadline,
}

/// Asked before each step of a training, and between trainings.
#[derive(Debug)]
pub(crate) struct Stop {
    deadline: Option<Instant>,
    /// Optimiser steps that are left.
    steps: Option<u64>,
}

impl Stop {
    /// At an interrupt, or after so many optimiser steps.
    pub(crate) fn new(steps: Option<u64>) -> Stop {
        Stop { deadline: None, steps }
    }

    /// Also at a moment.
    pub(crate) fn at(self, deadline: Option<Instant>) -> Stop {
        Stop { deadline, ..self }
    }

    /// That moment.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Counts a step.
    pub(crate) fn count(&mut self) {
        self.steps = self.steps.map(|left| left.saturating_sub(1));
    }

    /// Whether to end now, and why.
    pub(crate) fn reason(&self) -> Option<Reason> {
        match self.deadline {
            _ if interrupt::asked().is_some() || self.steps == Some(0) => Some(Reason::Interrupt),
            Some(deadline) if Instant::now() >= deadline => Some(Reason::Deadline),
            _ => None,
        }
    }
}
