//! The minimax concave penalty. With a = |v| and e < gamma:
//!
//! ```text
//! x = 0 if a <= e lambda,   v if a > gamma lambda,   else sign(v) (a - e lambda) / (1 - e/gamma)
//! ```
//!
//! A step e >= gamma makes the problem concave up to gamma lambda, and the prox a hard threshold at
//! `lambda sqrt(e gamma)`. Source: C.-H. Zhang, "Nearly unbiased variable selection under minimax
//! concave penalty", Annals of Statistics 2010.

use super::penalty::{Element, Form, Penalty};

/// `R(x) = sum_i lambda |x_i| - x_i^2 / (2 gamma)` up to `|x_i| = gamma lambda`, then the constant
/// `gamma lambda^2 / 2`. Not convex.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mcp {
    /// The slope at zero.
    pub lambda: f32,
    /// How far it bends, > 0; larger is closer to l1.
    pub gamma: f32,
}

impl Penalty for Mcp {
    fn form(&self) -> Form<'_> {
        Form::Element(self)
    }
}

impl Element for Mcp {
    fn is_valid(&self) -> bool {
        let finite = self.lambda.is_finite() && self.gamma.is_finite();
        finite && self.lambda >= 0.0 && self.gamma > 0.0
    }

    fn shrink(&self, a: f64, e: f64) -> f64 {
        let (lambda, gamma) = (f64::from(self.lambda), f64::from(self.gamma));
        if e >= gamma {
            return if a > lambda * (e * gamma).sqrt() { a } else { 0.0 };
        }
        if a > gamma * lambda { a } else { (a - e * lambda).max(0.0) / (1.0 - e / gamma) }
    }

    fn value(&self, a: f64) -> f64 {
        let (lambda, gamma) = (f64::from(self.lambda), f64::from(self.gamma));
        let a = a.min(gamma * lambda);
        lambda * a - a * a / (2.0 * gamma)
    }

    fn slope(&self, a: f64) -> f64 {
        (f64::from(self.lambda) - a / f64::from(self.gamma)).max(0.0)
    }
}
