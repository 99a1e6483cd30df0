//! l1/2: half thresholding. With `k = lambda e` and a = |v|:
//!
//! ```text
//! x = 0 if a < 3/2 k^(2/3), else sign(v) 2/3 a (1 + cos(2/3 arccos(-3^(3/2)/4 k a^(-3/2))))
//! ```
//!
//! Source: Z. Xu, X. Chang, F. Xu, H. Zhang, "L1/2 regularization: a thresholding representation
//! theory and a fast solver", IEEE TNNLS 2012.

use super::penalty::{Element, Form, Penalty};

/// `R(x) = lambda sum |x_i|^(1/2)`. Not convex.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LHalf {
    /// The weight.
    pub lambda: f32,
}

impl Penalty for LHalf {
    fn form(&self) -> Form<'_> {
        Form::Element(self)
    }
}

impl Element for LHalf {
    fn is_valid(&self) -> bool {
        self.lambda >= 0.0 && self.lambda.is_finite()
    }

    fn shrink(&self, a: f64, e: f64) -> f64 {
        let k = f64::from(self.lambda) * e;
        if a == 0.0 || a < 1.5 * k.cbrt().powi(2) {
            return 0.0;
        }
        let cosine = -0.75 * 3f64.sqrt() * k / (a * a.sqrt());
        2.0 / 3.0 * a * (1.0 + (2.0 / 3.0 * cosine.max(-1.0).acos()).cos())
    }

    fn value(&self, a: f64) -> f64 {
        f64::from(self.lambda) * a.sqrt()
    }

    fn slope(&self, a: f64) -> f64 {
        if self.lambda == 0.0 { 0.0 } else { 0.5 * f64::from(self.lambda) / a.sqrt() }
    }
}
