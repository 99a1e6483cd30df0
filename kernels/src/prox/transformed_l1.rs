//! Transformed l1. With `k = lambda e` and s = |v|:
//!
//! ```text
//! x = 0 if s <= t, else sign(v) (s - 4/3 (a + s) sin^2(arcsin(sqrt(q)) / 3))
//! q = 27 k a (a + 1) / (4 (a + s)^3)
//! t = k (a + 1)/a if k <= a^2 / (2 (a + 1)), else sqrt(2 k (a + 1)) - a/2
//! ```
//!
//! Source: R. Ma, J. Miao, L. Niu, P. Zhang, "Transformed l1 regularization for learning sparse deep
//! neural networks", Neural Networks 2019. Its `2/3 (a + s) cos(phi/3) - 2a/3 + s/3`, with
//! `phi = arccos(1 - 2 q)`, cancels at the size of a; the half-angle formula makes it the form above.

use super::penalty::{Element, Form, Penalty};

/// `R(x) = lambda sum_i (a + 1) |x_i| / (a + |x_i|)`: between l0 (a small) and l1 (a large). Not
/// convex.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransformedL1 {
    /// The weight.
    pub lambda: f32,
    /// The shape, > 0.
    pub a: f32,
}

impl Penalty for TransformedL1 {
    fn form(&self) -> Form<'_> {
        Form::Element(self)
    }
}

impl Element for TransformedL1 {
    fn is_valid(&self) -> bool {
        self.lambda >= 0.0 && self.lambda.is_finite() && self.a > 0.0 && self.a.is_finite()
    }

    fn shrink(&self, s: f64, e: f64) -> f64 {
        let (k, a) = (f64::from(self.lambda) * e, f64::from(self.a));
        let t = if k <= a * a / (2.0 * (a + 1.0)) {
            k * (a + 1.0) / a
        } else {
            (2.0 * k * (a + 1.0)).sqrt() - 0.5 * a
        };
        if s <= t {
            return 0.0;
        }
        let q = 27.0 * k * a * (a + 1.0) / (4.0 * (a + s).powi(3));
        let sine = (q.sqrt().min(1.0).asin() / 3.0).sin();
        (s - 4.0 / 3.0 * (a + s) * sine * sine).max(0.0)
    }

    fn value(&self, x: f64) -> f64 {
        let a = f64::from(self.a);
        f64::from(self.lambda) * (a + 1.0) * x / (a + x)
    }

    fn slope(&self, x: f64) -> f64 {
        let a = f64::from(self.a);
        f64::from(self.lambda) * a * (a + 1.0) / (a + x).powi(2)
    }
}
