//! l0: hard thresholding, `x = v if |v| > sqrt(2 lambda e), else 0`.

use super::penalty::{Element, Form, Penalty};

/// `R(x) = lambda` times the number of weights that are not zero. Not convex.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct L0 {
    /// The price of a weight.
    pub lambda: f32,
}

impl Penalty for L0 {
    fn form(&self) -> Form<'_> {
        Form::Element(self)
    }
}

impl Element for L0 {
    fn is_valid(&self) -> bool {
        self.lambda >= 0.0 && self.lambda.is_finite()
    }

    fn shrink(&self, a: f64, e: f64) -> f64 {
        if a > (2.0 * f64::from(self.lambda) * e).sqrt() { a } else { 0.0 }
    }

    fn value(&self, a: f64) -> f64 {
        if a > 0.0 { f64::from(self.lambda) } else { 0.0 }
    }

    fn slope(&self, a: f64) -> f64 {
        if a > 0.0 { 0.0 } else { f64::INFINITY }
    }
}
