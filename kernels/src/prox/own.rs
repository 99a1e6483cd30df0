//! A penalty of an embedder's own, with a strength.
//!
//! The prox of `k R` in the metric 1/e is that of R in the metric `1/(k e)`. So a strength k is a factor
//! on e, and on what the kernels multiply with it:
//!
//! ```text
//! e of R = k e        tau = k tau of R        c = k c of R        sum of e of R = k sum of e
//! ```

use super::penalty::{Element, Form, GroupProx, Penalty, Steps, Zeros};
use super::solver::{Solver, State, Step, Sums, Threshold};

/// `strength * R(x)`, of any [`Penalty`] that lives as long as the program: a `static`, or one that
/// [`Box::leak`] made at run time.
///
/// Two of them are equal where the same value has the same strength.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    penalty: &'static dyn Penalty,
    strength: f32,
}

impl Own {
    /// The penalty as it is.
    pub const fn new(penalty: &'static dyn Penalty) -> Own {
        Own { penalty, strength: 1.0 }
    }

    /// `factor` times as strong.
    #[must_use]
    pub fn times(self, factor: f32) -> Own {
        Own { strength: self.strength * factor, ..self }
    }

    /// The factor on the penalty.
    pub fn strength(&self) -> f32 {
        self.strength
    }

    fn element(&self) -> &dyn Element {
        let Form::Element(element) = self.penalty.form() else { changed() };
        element
    }

    fn solver(&self) -> &dyn Solver {
        let Form::Group(_, solver) = self.penalty.form() else { changed() };
        solver
    }

    fn whole(&self) -> &dyn GroupProx {
        let Form::Whole(function) = self.penalty.form() else { changed() };
        function
    }
}

#[cold]
fn changed() -> ! {
    panic!("prox: the form of a penalty has changed between two calls")
}

impl PartialEq for Own {
    fn eq(&self, other: &Own) -> bool {
        // Values of types without fields may share an address, so their names are looked at too.
        self.strength == other.strength
            && core::ptr::addr_eq(self.penalty, other.penalty)
            && format!("{:?}", self.penalty) == format!("{:?}", other.penalty)
    }
}

impl Penalty for Own {
    fn form(&self) -> Form<'_> {
        match self.penalty.form() {
            Form::Soft(terms) => Form::Soft(terms.times(self.strength)),
            Form::Element(_) => Form::Element(self),
            Form::Group(terms, _) => Form::Group(terms.times(self.strength), self),
            Form::Whole(_) => Form::Whole(self),
        }
    }

    fn supports_diagonal(&self) -> bool {
        self.penalty.supports_diagonal()
    }

    fn is_valid(&self) -> bool {
        self.strength >= 0.0 && self.strength.is_finite() && self.penalty.is_valid()
    }

    fn zeros(&self) -> Zeros {
        if self.strength == 0.0 { Zeros::Nothing } else { self.penalty.zeros() }
    }

    fn is_convex(&self) -> bool {
        self.penalty.is_convex()
    }
}

impl Element for Own {
    fn is_valid(&self) -> bool {
        self.element().is_valid()
    }

    fn shrink(&self, a: f64, e: f64) -> f64 {
        self.element().shrink(a, f64::from(self.strength) * e)
    }

    /// The form is asked for once.
    fn shrink_all(&self, a: &mut [f32], e: Steps<'_>) {
        let (element, k) = (self.element(), f64::from(self.strength));
        for (i, a) in a.iter_mut().enumerate() {
            let e = k * f64::from(e.at(i));
            *a = if *a > 0.0 { element.shrink(f64::from(*a), e) as f32 } else { 0.0 };
        }
    }

    fn value(&self, a: f64) -> f64 {
        f64::from(self.strength) * self.element().value(a)
    }

    fn slope(&self, a: f64) -> f64 {
        f64::from(self.strength) * self.element().slope(a)
    }
}

impl Solver for Own {
    fn needs_norm(&self) -> bool {
        self.solver().needs_norm()
    }

    fn lambda2(&self) -> f64 {
        f64::from(self.strength) * self.solver().lambda2()
    }

    fn linear(&self) -> Option<(f32, f32)> {
        let (lambda1, rho) = self.solver().linear()?;
        Some((self.strength * lambda1, self.strength * rho))
    }

    fn start(&self, warm: f64) -> State {
        let k = f64::from(self.strength);
        if k == 0.0 {
            return State::at(0.0);
        }
        let mut state = self.solver().start(warm / k);
        state.probe.tau *= k;
        state
    }

    fn next(&self, step: Option<f64>, state: &mut State, sums: &Sums) -> Step {
        let k = f64::from(self.strength);
        if k == 0.0 {
            return Step::Done(Threshold::default());
        }
        let own = Sums { tau: sums.tau / k, weight: sums.weight * k, ..*sums };
        state.probe.tau /= k;
        let next = self.solver().next(step.map(|e| k * e), state, &own);
        state.probe.tau *= k;
        match next {
            Step::Done(Threshold { tau, c }) => Step::Done(Threshold { tau: k * tau, c: k * c }),
            Step::Probe | Step::Wide => next,
        }
    }
}

impl GroupProx for Own {
    fn is_valid(&self) -> bool {
        self.whole().is_valid()
    }

    fn prox(&self, v: &mut [f32], e: Steps<'_>) {
        self.whole().prox(v, e);
    }

    fn value(&self, x: &[f32]) -> f64 {
        f64::from(self.strength) * self.whole().value(x)
    }

    fn strength(&self) -> f32 {
        self.strength * self.whole().strength()
    }
}
