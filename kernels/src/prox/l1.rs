//! l1,1, the lasso: `x = soft(v, lambda e)`.

use super::penalty::{Form, Penalty, Terms};

/// `R(x) = lambda1 ||x||_1`; groups do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct L1 {
    /// The weight.
    pub lambda1: f32,
}

impl Penalty for L1 {
    fn form(&self) -> Form<'_> {
        Form::Soft(Terms { lambda1: self.lambda1, ..Terms::default() })
    }
}
