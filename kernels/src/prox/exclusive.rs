//! l1,2, the exclusive lasso: l1,1 + l1,2 with lambda1 = 0.

use super::L11L12;
use super::penalty::{Form, Penalty, Terms};
use super::solver::{Solver, State, Step, Sums};

/// `R(x) = rho/2 sum_g ||x_g||_1^2`: thins groups out, and never empties one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exclusive {
    /// The weight of l1,2.
    pub rho: f32,
}

impl Exclusive {
    fn full(&self) -> L11L12 {
        L11L12 { lambda1: 0.0, rho: self.rho }
    }
}

impl Penalty for Exclusive {
    fn form(&self) -> Form<'_> {
        Form::Group(Terms { rho: self.rho, ..Terms::default() }, self)
    }
}

impl Solver for Exclusive {
    fn needs_norm(&self) -> bool {
        false
    }

    fn linear(&self) -> Option<(f32, f32)> {
        self.full().linear()
    }

    fn start(&self, warm: f64) -> State {
        self.full().start(warm)
    }

    fn next(&self, step: Option<f64>, state: &mut State, sums: &Sums) -> Step {
        self.full().next(step, state, sums)
    }
}
