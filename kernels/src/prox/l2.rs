//! l2: `x = v / (1 + beta e)`.

use super::penalty::{Form, Penalty, Terms};

/// `R(x) = beta/2 ||x||_2^2`; groups do not matter, and nothing becomes zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct L2 {
    /// The weight.
    pub beta: f32,
}

/// No penalty is l2 with weight 0.
pub(crate) static NONE: L2 = L2 { beta: 0.0 };

impl Penalty for L2 {
    fn form(&self) -> Form<'_> {
        Form::Soft(Terms { beta: self.beta, ..Terms::default() })
    }
}
