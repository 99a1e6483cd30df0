//! How a tape and the operands of an operation look in a message: shapes and sizes, no buffers.

use super::primitive::LabelData;
use super::{Forward, Operands, Prepare, Rows, Tape, Vjp};
use std::fmt;

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape")
            .field("exec", &self.exec)
            .field("mode", &self.mode)
            .field("nodes", &self.nodes.len())
            .field("memory", &self.memory())
            .finish_non_exhaustive()
    }
}

/// The shapes of the inputs.
impl fmt::Debug for Operands<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.len()).map(|i| self.shape(i))).finish()
    }
}

/// The number of labels.
impl fmt::Debug for LabelData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LabelData({})", self.0.len())
    }
}

/// Writes the named fields, slices as their lengths.
macro_rules! debug {
    ($($name:ident: [$($shown:ident),*], lengths of [$($slice:ident),*];)*) => {$(
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($shown), &self.$shown))*
                    $(.field(stringify!($slice), &self.$slice.len()))*
                    .finish_non_exhaustive()
            }
        }
    )*};
}

debug! {
    Forward: [exec, x], lengths of [y, aux, saved, scratch];
    Prepare: [exec, x], lengths of [y, dy, aux, scratch];
    Vjp: [exec, input, x, accumulate], lengths of [y, dy, dx, aux, saved, scratch];
    Rows: [exec, x], lengths of [dy, scratch];
}
