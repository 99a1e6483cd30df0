//! l1,1 + l2, the elastic net: `x = soft(v, lambda1 e) / (1 + beta e)`.

use super::penalty::{Form, Penalty, Terms};

/// `R(x) = lambda1 ||x||_1 + beta/2 ||x||_2^2`; groups do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Elastic {
    /// The weight of l1,1.
    pub lambda1: f32,
    /// The weight of l2.
    pub beta: f32,
}

impl Penalty for Elastic {
    fn form(&self) -> Form<'_> {
        let Elastic { lambda1, beta } = *self;
        Form::Soft(Terms { lambda1, beta, ..Terms::default() })
    }
}
