//! l1,1 + l1,2: `lambda1 ||x||_1 + rho/2 ||x||_1^2` of each group.
//!
//! ```text
//! x_i = sign(v_i) (a_i - tau e_i)_+     tau = lambda1 + rho sum_i (a_i - tau e_i)_+     a = |v|
//! ```
//!
//! `phi(t) = t - lambda1 - rho sum (a - t e)_+` is increasing, concave and piecewise linear, so
//! Newton's method (Michelot, "A finite algorithm for finding the projection of a point onto the
//! canonical simplex of R^n", 1986) from any start ends after finitely many steps, and after the
//! first one tau only rises: each later probe may be applied at once. Source of the penalty: R. Ma,
//! L. Niu, "Compact Deep Neural Networks with l1,1 and l1,2 Regularization", ICDM Workshops 2018.

use super::penalty::{Form, Penalty, Terms};
use super::solver::{Solver, State, Step, Sums, Threshold, clean};

/// `R(x) = sum_g lambda1 ||x_g||_1 + rho/2 ||x_g||_1^2`.
///
/// A group becomes zero exactly when none of its entries exceeds lambda1 (times the step): rho
/// alone thins a group out, and never empties it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct L11L12 {
    /// The weight of l1,1.
    pub lambda1: f32,
    /// The weight of l1,2; its useful size falls like 1/n with the group size.
    pub rho: f32,
}

/// Newton passes before the search turns to a bracket. 3.4 is the mean from a cold start.
const NEWTON: u32 = 32;
/// Passes in all; a bracket of f64 is closed long before.
const LAST: u32 = NEWTON + 64;

impl Penalty for L11L12 {
    fn form(&self) -> Form<'_> {
        let L11L12 { lambda1, rho } = *self;
        Form::Group(Terms { lambda1, rho, ..Terms::default() }, self)
    }
}

impl Solver for L11L12 {
    fn needs_norm(&self) -> bool {
        false
    }

    fn linear(&self) -> Option<(f32, f32)> {
        Some((self.lambda1, self.rho))
    }

    fn start(&self, warm: f64) -> State {
        let lambda1 = f64::from(self.lambda1);
        State::at(if self.rho == 0.0 { lambda1 } else { clean(warm, lambda1) })
    }

    fn next(&self, _: Option<f64>, state: &mut State, sums: &Sums) -> Step {
        let (lambda1, rho, t) = (f64::from(self.lambda1), f64::from(self.rho), sums.tau);
        // The right side of the fixed point, and the root of the linear piece that t lies on. An
        // empty A gives lambda1.
        let right = lambda1 + rho * sums.excess;
        // Of positive terms: `t + (right - t) / ..` would round at the size of a t far above.
        let newton = (right + rho * sums.weight * t) / (1.0 + rho * sums.weight);
        let newton = newton.max(lambda1);
        let pass = state.pass;
        state.pass += 1;
        if pass >= NEWTON {
            return bracket(state, (t, right, newton));
        }
        // Ties, and values one ulp apart, would cycle if only |A| were asked.
        let settled = pass > 0 && (sums.count == state.count || newton <= t);
        if settled || same(newton, t) {
            return Step::Done(Threshold { tau: t, c: 0.0 });
        }
        state.count = sums.count;
        if pass + 1 == NEWTON {
            // t is below the root, so the right side there is above it.
            (state.lo, state.hi) = (newton, right);
            return halve(state);
        }
        state.probe.tau = newton;
        Step::Probe
    }
}

/// Whether two taus are one f32, or would be if its range were wider.
fn same(a: f64, b: f64) -> bool {
    let near = || (a - b).abs() <= f64::from(f32::EPSILON) / 2.0 * b;
    if (b as f32).is_normal() { a as f32 == b as f32 } else { near() }
}

/// Bisection with the Newton point as the lower end: a Newton step from either side of the root of
/// a concave function lands below it.
fn bracket(state: &mut State, (t, right, newton): (f64, f64, f64)) -> Step {
    state.lo = state.lo.max(newton);
    state.hi = state.hi.min(if t >= right { t } else { right });
    halve(state)
}

fn halve(state: &mut State) -> Step {
    if state.hi <= state.lo * (1.0 + 1e-8) || state.pass >= LAST {
        return Step::Done(Threshold { tau: state.lo, c: 0.0 });
    }
    state.probe.tau = 0.5 * (state.lo + state.hi);
    Step::Probe
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The search from a state, with sums in f64; also how many passes it took.
    fn search(reg: L11L12, a: &[f64], mut state: State) -> (f64, u32) {
        loop {
            let tau = state.probe.tau;
            let mut sums = Sums { tau, ..Sums::default() };
            for b in a.iter().map(|a| a - tau).filter(|&b| b > 0.0) {
                sums.count += 1.0;
                sums.weight += 1.0;
                sums.excess += b;
            }
            if let Step::Done(x) = reg.next(Some(1.0), &mut state, &sums) {
                return (x.tau, state.pass);
            }
        }
    }

    #[test]
    fn the_bracket_finds_the_root_that_newton_finds() {
        let reg = L11L12 { lambda1: 0.1, rho: 0.3 };
        let a: Vec<f64> = (0..200).map(|i| 1.07f64.powi(i) * 1e-3).collect();
        let (want, _) = search(reg, &a, reg.start(0.0));
        // A state that stands at the last Newton pass goes on with the bracket.
        let late = State { pass: NEWTON - 1, count: -1.0, ..reg.start(0.0) };
        let (got, pass) = search(reg, &a, late);
        assert!((got - want).abs() <= 1e-6 * want, "{got} {want}");
        assert!((NEWTON..LAST).contains(&pass), "{pass} passes");
    }
}
