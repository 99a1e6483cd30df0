//! l2,1 + l1,2, combined group and exclusive sparsity (CGES).
//!
//! ```text
//! tau = rho ||x||_1,   x = (1 - lambda2 step / N)_+ soft(v, tau step),   N = ||soft(v, tau step)||_2
//! ```
//!
//! `||x||_1` falls as tau rises, so there is one root. Neither order of composing the two proxes
//! is exact. Source: J. Yoon, S. J. Hwang, "Combined Group and Exclusive Sparsity for Deep Neural
//! Networks", ICML 2017; [`CgesOneShot`] is what its published code does.

use super::group_lasso::{any_norm, secular};
use super::solver::{Form, Penalty, Probe, Solver, State, Step, Sums, Terms, Threshold, clean};

/// `R(x) = sum_g lambda2 ||x_g||_2 + rho/2 ||x_g||_1^2`, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cges {
    /// The weight of l2,1.
    pub lambda2: f32,
    /// The weight of l1,2.
    pub rho: f32,
}

/// The same penalty with the prox of the published code, for comparison: the group shrink, and
/// then `rho ||x||_1` of what the shrink left is subtracted once. Its threshold is up to `1 + rho n`
/// times the exact one. It has no form in a diagonal metric.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CgesOneShot {
    /// The weight of l2,1.
    pub lambda2: f32,
    /// The weight of l1,2.
    pub rho: f32,
}

/// Passes after which the bracket is halved at every other one, and the last.
const NEWTON: u32 = 16;
const LAST: u32 = 96;
/// A step below this share of tau is rounding: four times the spacing of f32.
const SETTLED: f64 = 5e-7;

impl Penalty for Cges {
    fn form(&self) -> Form<'_> {
        let Cges { lambda2, rho } = *self;
        Form::Group(Terms { lambda2, rho, ..Terms::default() }, self)
    }
}

impl Solver for Cges {
    fn needs_norm(&self) -> bool {
        true
    }

    fn lambda2(&self) -> f64 {
        f64::from(self.lambda2)
    }

    fn start(&self, warm: f64) -> State {
        let mut state = State::at(if self.rho == 0.0 { 0.0 } else { clean(warm, 0.0) });
        state.probe.s = any_norm(self.lambda2);
        state
    }

    fn next(&self, step: Option<f64>, state: &mut State, sums: &Sums) -> Step {
        match step {
            Some(step) => self.euclidean(step, state, sums),
            None => self.diagonal(state, sums),
        }
    }
}

impl Cges {
    /// Newton's method on `r(tau) = tau - rho (1 - lambda2 step / N)_+ S`, inside a bracket.
    fn euclidean(&self, step: f64, state: &mut State, sums: &Sums) -> Step {
        let (rho, cut, tau) = (f64::from(self.rho), step * self.lambda2(), sums.tau);
        let (n, s) = (sums.squares.sqrt(), sums.excess);
        if n <= cut {
            if tau == 0.0 {
                return Step::Done(Threshold { tau: 0.0, c: f64::INFINITY });
            }
            // x is zero at this tau, so the root lies below; is it 0?
            state.hi = state.hi.min(tau);
            state.probe.tau = if state.lo > 0.0 { 0.5 * (state.lo + state.hi) } else { 0.0 };
            return self.advance(state, (n, cut), tau);
        }
        let keep = 1.0 - cut / n;
        let r = tau - rho * keep * s;
        let slope = 1.0 + rho * step * (cut * s * s / (n * n * n) + keep * sums.count);
        if r <= 0.0 {
            state.lo = state.lo.max(tau);
        } else {
            state.hi = state.hi.min(tau);
        }
        let newton = tau - r / slope;
        if (newton - tau).abs() <= SETTLED * tau {
            return self.done(newton, (n - (newton - tau) * step * s / n, cut));
        }
        let inside = newton >= state.lo && newton <= state.hi;
        let slow = state.pass >= NEWTON && state.pass.is_multiple_of(2);
        state.probe.tau = if inside && !slow { newton } else { 0.5 * (state.lo + state.hi) };
        self.advance(state, (n, cut), tau)
    }

    fn advance(&self, state: &mut State, norm: (f64, f64), tau: f64) -> Step {
        state.pass += 1;
        if state.pass >= LAST || state.hi <= state.lo * (1.0 + SETTLED) {
            return self.done(tau, norm);
        }
        Step::Probe
    }

    fn done(&self, tau: f64, (n, cut): (f64, f64)) -> Step {
        let c = if n > cut { self.lambda2() / (n - cut) } else { f64::INFINITY };
        Step::Done(Threshold { tau: tau.max(0.0), c })
    }

    /// For each tau an inner search for s = ||x||_2 as in the group lasso; around it regula falsi
    /// (the Illinois form) on `r(tau) = tau - rho ||x(tau)||_1`.
    fn diagonal(&self, state: &mut State, sums: &Sums) -> Step {
        let (lambda2, rho) = (self.lambda2(), f64::from(self.rho));
        let Probe { tau, s } = state.probe;
        let zero = s == 0.0 && sums.squares <= 1.0;
        let newton = if zero { 0.0 } else { secular(s, sums).max(0.0) };
        let inner = if lambda2 == 0.0 { s } else { newton };
        let settled = zero || (inner - s).abs() <= 1e-6 * inner;
        state.pass += 1;
        if !settled && state.pass < LAST {
            state.probe.s = inner;
            return Step::Probe;
        }
        let done = |tau: f64| {
            let c = if lambda2 == 0.0 { 0.0 } else { lambda2 / inner };
            Step::Done(Threshold { tau, c })
        };
        let r = tau - rho * inner * sums.excess;
        state.outer += 1;
        state.pass = 0;
        if (zero && tau == 0.0) || rho == 0.0 || r == 0.0 || state.outer >= LAST {
            return done(tau);
        }
        let next = illinois(state, tau, r);
        if (next - tau).abs() <= SETTLED * tau || state.hi <= state.lo * (1.0 + SETTLED) {
            return done(next);
        }
        // The s of the last tau is a good start, save after a zero group.
        state.probe = Probe { tau: next, s: inner };
        Step::Probe
    }
}

/// The next point of regula falsi with halved weights for an end that stays (the Illinois form).
fn illinois(state: &mut State, tau: f64, r: f64) -> f64 {
    if r < 0.0 {
        if state.count < 0.0 {
            state.at_hi *= 0.5;
        }
        (state.lo, state.at_lo, state.count) = (tau, r, -1.0);
    } else {
        if state.count > 0.0 {
            state.at_lo *= 0.5;
        }
        (state.hi, state.at_hi, state.count) = (tau, r, 1.0);
    }
    match (state.at_lo < 0.0, state.hi.is_finite()) {
        // r rises at least as fast as tau, so the root is at most -r above.
        (true, false) => tau - r,
        // Nothing below is known yet: x(0) tells whether the group is zero.
        (false, _) => 0.0,
        (true, true) => {
            (state.lo * state.at_hi - state.hi * state.at_lo) / (state.at_hi - state.at_lo)
        }
    }
}

impl Penalty for CgesOneShot {
    fn form(&self) -> Form<'_> {
        let CgesOneShot { lambda2, rho } = *self;
        Form::Group(Terms { lambda2, rho, ..Terms::default() }, self)
    }

    fn supports_diagonal(&self) -> bool {
        false
    }
}

impl Solver for CgesOneShot {
    fn needs_norm(&self) -> bool {
        true
    }

    fn start(&self, _: f64) -> State {
        State::at(0.0)
    }

    /// With `k = 1 - lambda2 step / ||v||`: `soft(k v, step rho ||k v||_1) = k soft(v, step rho ||v||_1)`.
    fn next(&self, step: Option<f64>, _: &mut State, sums: &Sums) -> Step {
        let lambda2 = f64::from(self.lambda2);
        let (n, cut) = (sums.squares.sqrt(), step.unwrap_or(0.0) * lambda2);
        let c = if n > cut { lambda2 / (n - cut) } else { f64::INFINITY };
        Step::Done(Threshold { tau: f64::from(self.rho) * sums.excess, c })
    }
}
