//! l1,1 + l2,1, the sparse group lasso: soft thresholding, then the group shrink (exact).

use super::group_lasso::{begin, shrink};
use super::penalty::{Form, Penalty, Terms};
use super::solver::{Solver, State, Step, Sums};

/// `R(x) = sum_g lambda1 ||x_g||_1 + lambda2 ||x_g||_2`: empties groups, and thins out the others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SparseGroupLasso {
    /// The weight of l1,1.
    pub lambda1: f32,
    /// The weight of l2,1.
    pub lambda2: f32,
}

impl Penalty for SparseGroupLasso {
    fn form(&self) -> Form<'_> {
        let SparseGroupLasso { lambda1, lambda2 } = *self;
        Form::Group(Terms { lambda1, lambda2, ..Terms::default() }, self)
    }
}

impl Solver for SparseGroupLasso {
    fn needs_norm(&self) -> bool {
        true
    }

    fn lambda2(&self) -> f64 {
        f64::from(self.lambda2)
    }

    fn start(&self, _: f64) -> State {
        begin(self.lambda1, self.lambda2)
    }

    fn next(&self, step: Option<f64>, state: &mut State, sums: &Sums) -> Step {
        shrink(self.lambda2(), step, state, sums)
    }
}
