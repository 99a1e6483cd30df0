//! l2,1, the group lasso: `lambda2 ||x||_2` of each group.
//!
//! ```text
//! Euclidean   x = (1 - lambda2 step / ||v||_2)_+ v
//! diagonal    x_i = v_i / (1 + e_i lambda2 / s),  sum_i v_i^2 / (s + lambda2 e_i)^2 = 1,  s = ||x||_2
//! ```
//!
//! and in a diagonal metric x = 0 exactly when the sum at s = 0 is at most 1. `f(s)^(-1/2)` of that
//! sum f is increasing and concave, the secular equation of trust-region methods (Conn, Gould,
//! Toint, "Trust-Region Methods", 2000, section 7.3), so Newton's method from s = 0 rises to the root.

use super::penalty::{Form, Penalty, Terms};
use super::solver::{Solver, State, Step, Sums, Threshold};

/// `R(x) = lambda2 sum_g ||x_g||_2`: empties whole groups. For groups of different sizes the usual
/// weight is `lambda2 = lambda sqrt(n)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupLasso {
    /// The weight of l2,1.
    pub lambda2: f32,
}

impl Penalty for GroupLasso {
    fn form(&self) -> Form<'_> {
        Form::Group(Terms { lambda2: self.lambda2, ..Terms::default() }, self)
    }
}

impl Solver for GroupLasso {
    fn needs_norm(&self) -> bool {
        true
    }

    fn lambda2(&self) -> f64 {
        f64::from(self.lambda2)
    }

    fn start(&self, _: f64) -> State {
        begin(0.0, self.lambda2)
    }

    fn next(&self, step: Option<f64>, state: &mut State, sums: &Sums) -> Step {
        shrink(self.lambda2(), step, state, sums)
    }
}

/// Passes of Newton's method at most; 3 to 8 are usual.
const LAST: u32 = 64;

/// The search for the group shrink of what exceeds tau.
pub(crate) fn begin(tau: f32, lambda2: f32) -> State {
    let mut state = State::at(f64::from(tau));
    state.probe.s = any_norm(lambda2);
    state
}

/// The first guess of ||x||_2: 0, which asks whether the group is zero. Without lambda2 any guess
/// does, and 0 would divide by zero.
pub(crate) fn any_norm(lambda2: f32) -> f64 {
    if lambda2 == 0.0 { 1.0 } else { 0.0 }
}

/// The group shrink of what exceeds `state.probe.tau`, which stays as it is.
pub(crate) fn shrink(lambda2: f64, step: Option<f64>, state: &mut State, sums: &Sums) -> Step {
    let done = |c| Step::Done(Threshold { tau: state.probe.tau, c });
    if lambda2 == 0.0 {
        return done(0.0);
    }
    if let Some(step) = step {
        let (norm, cut) = (sums.squares.sqrt(), step * lambda2);
        if sums.blur(1.0 - cut / norm) {
            return Step::Wide;
        }
        return done(if norm <= cut { f64::INFINITY } else { lambda2 / (norm - cut) });
    }
    let s = state.probe.s;
    let newton = secular(s, sums);
    if sums.blur(newton * sums.cubes / sums.squares) {
        return Step::Wide;
    }
    if s == 0.0 && sums.squares <= 1.0 {
        return done(f64::INFINITY);
    }
    if state.pass >= LAST || newton <= s * (1.0 + 1e-6) {
        return done(lambda2 / newton);
    }
    state.pass += 1;
    state.probe.s = newton;
    Step::Probe
}

/// A Newton step of `f(s)^(-1/2) = 1`, where `f = sum q^2` and `f' = -2 sum q^2 / (s + lambda2 e)`.
pub(crate) fn secular(s: f64, sums: &Sums) -> f64 {
    let f = sums.squares;
    if !f.is_finite() {
        // Some e is 0 (a step of 0), and so is s. Any s below the root does, whose squares fit.
        return 1e-60;
    }
    if sums.cubes > 0.0 { s + f * (f.sqrt() - 1.0) / sums.cubes } else { 0.0 }
}
