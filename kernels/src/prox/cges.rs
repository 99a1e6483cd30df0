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
use super::penalty::{Form, Penalty, Terms, Zeros};
use super::solver::{Probe, Solver, State, Step, Sums, Threshold, clean};

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
    /// Newton's method on `r(tau) = tau - F(tau)` with `F = rho keep S`, `keep = (1 - cut / N)_+`, inside a
    /// bracket: F falls, so the root lies between tau and F(tau).
    fn euclidean(&self, step: f64, state: &mut State, sums: &Sums) -> Step {
        let (rho, cut, tau) = (f64::from(self.rho), step * self.lambda2(), sums.tau);
        let (n, s) = (sums.squares.sqrt(), sums.excess);
        let left = 1.0 - cut / n;
        let keep = if n > cut { left } else { 0.0 };
        let right = rho * keep * s;
        state.lo = state.lo.max(tau.min(right));
        state.hi = state.hi.min(tau.max(right));
        if right > tau {
            state.at_lo = tau - right;
        }
        let slope = 1.0 + rho * step * (cut * s * s / (n * n * n) + keep * sums.count);
        // The root moves by so much times the rounding of the sums.
        let open = rho * s * cut / n / slope;
        let done = |root: f64| {
            let moved = step * (root - tau);
            // At the root, where no entry that was above tau is more than that.
            let s = (s - moved * sums.count).max(if rho > 0.0 { root / rho } else { 0.0 });
            let n = (n - moved * s / n).max(s / sums.count.sqrt());
            // The equation tells what is kept better than `N - cut`, by the factor `slope`.
            let keep = if root > 0.0 { root / (rho * s) } else { keep };
            let c = if n * keep > 0.0 { self.lambda2() / (n * keep) } else { f64::INFINITY };
            Step::Done(Threshold { tau: root, c })
        };
        let mut next = tau - (tau - right) / slope;
        let is_inside = (state.lo..=state.hi).contains(&next);
        if keep == 0.0 {
            if tau == 0.0 {
                return if sums.blur(left) { Step::Wide } else { done(0.0) };
            }
            // x is zero at this tau, so the root lies below; is it 0?
            let is_alive = state.lo > 0.0 || state.at_lo < 0.0;
            next = if is_alive { middle(state) } else { 0.0 };
        } else if is_inside {
            if sums.blur(next / open) {
                return Step::Wide;
            }
            // The probe itself, not its rounding to f32, which may be to 0.
            if (next - state.probe.tau).abs() <= SETTLED * next + sums.rounding * open {
                return done(next);
            }
        }
        if state.pass >= LAST || state.hi <= state.lo * (1.0 + SETTLED) {
            return if sums.blur(tau / open) { Step::Wide } else { done(tau) };
        }
        let slow = state.pass >= NEWTON && state.pass.is_multiple_of(2);
        state.probe.tau = if keep == 0.0 || is_inside && !slow { next } else { middle(state) };
        state.pass += 1;
        Step::Probe
    }

    /// For each tau an inner search for s = ||x||_2 as in the group lasso; around it regula falsi
    /// (the Illinois form) on `r(tau) = tau - rho ||x(tau)||_1`.
    fn diagonal(&self, state: &mut State, sums: &Sums) -> Step {
        let (lambda2, rho) = (self.lambda2(), f64::from(self.rho));
        let Probe { tau, s } = state.probe;
        let zero = s == 0.0 && sums.squares <= 1.0;
        let newton = secular(s, sums);
        if lambda2 > 0.0 && sums.blur(newton * sums.cubes / sums.squares) {
            return Step::Wide;
        }
        let newton = if zero { 0.0 } else { newton.max(0.0) };
        let inner = if lambda2 == 0.0 { s } else { newton };
        let open = 1e-6 * inner + sums.rounding * sums.squares / sums.cubes;
        let settled = zero || (inner - s).abs() <= open;
        state.pass += 1;
        if !settled && state.pass < LAST {
            state.probe.s = inner;
            return Step::Probe;
        }
        let done = |tau: f64| {
            // s of the equation, as above.
            let s = if tau > 0.0 && sums.excess > 0.0 { tau / (rho * sums.excess) } else { inner };
            let c = if lambda2 == 0.0 { 0.0 } else { lambda2 / s };
            Step::Done(Threshold { tau, c })
        };
        let r = tau - rho * inner * sums.excess;
        state.outer += 1;
        state.pass = 0;
        if (zero && tau == 0.0) || rho == 0.0 || r == 0.0 || state.outer >= LAST {
            return done(tau);
        }
        let next = illinois(state, tau, r);
        // r rises at least as fast as tau, so a small r is near the root.
        if r.abs() <= SETTLED * tau || state.hi <= state.lo * (1.0 + 2.0 * SETTLED) {
            return done(next);
        }
        // A small step is not: the other end may be far and steep. The least step closes the bracket.
        let least = SETTLED * tau;
        let next = if (next - tau).abs() < least { tau - least.copysign(r) } else { next };
        let slow = state.outer >= NEWTON && state.outer.is_multiple_of(2);
        let next = if slow && state.hi.is_finite() { middle(state) } else { next };
        // The s of the last tau is a good start, save after a zero group.
        state.probe = Probe { tau: next, s: inner };
        Step::Probe
    }
}

/// The middle of the bracket, by ratio where it has one.
fn middle(state: &State) -> f64 {
    if state.lo > 0.0 { (state.lo * state.hi).sqrt() } else { 0.5 * state.hi }
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
    if state.at_lo < 0.0 && state.hi.is_finite() {
        (state.lo * state.at_hi - state.hi * state.at_lo) / (state.at_hi - state.at_lo)
    } else {
        // rho ||x(tau)||_1, on the other side of the root; 0 where x is zero, which tells whether the
        // group is.
        tau - r
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

    /// Its threshold may lie above every entry, without l2,1 too.
    fn zeros(&self) -> Zeros {
        if self.lambda2 > 0.0 || self.rho > 0.0 { Zeros::All } else { Zeros::Nothing }
    }

    fn is_convex(&self) -> bool {
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
