//! Activations: one row each.

use crate::ops;
use crate::tape::{Tape, Var};

macro_rules! activations {
    ($($(#[$doc:meta])* $variant:ident $({ $(#[$field:meta])* $number:ident: $default:literal })?,
        $name:literal, $op:path;)*) => {
        /// An elementwise function between layers.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Activation {
            $($(#[$doc])* $variant $({ $(#[$field])* $number: f32 })?,)*
        }

        impl Activation {
            /// Every activation, in the order of the table; a number of one has its default.
            pub const ALL: &[Activation] = &[$(Activation::$variant $({ $number: $default })?),*];

            /// The name in recipes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Activation::$variant { .. } => $name,)*
                }
            }

            /// Its number and the number's name, if it has one.
            pub fn number(self) -> Option<(&'static str, f32)> {
                match self {
                    $($(Activation::$variant { $number } => Some((stringify!($number), $number)),)?)*
                    _ => None,
                }
            }

            /// The same function with another number; unchanged if it has none.
            pub fn with_number(self, number: f32) -> Activation {
                match self {
                    $($(Activation::$variant { $number: _ } => Activation::$variant { $number: number },)?)*
                    other => other,
                }
            }

            /// Records y = f(x).
            #[track_caller]
            pub fn record(self, tape: &mut Tape, x: Var) -> Var {
                match self {
                    $(Activation::$variant { $($number)? } => $op(tape, x $(, $number)?),)*
                }
            }
        }
    };
}

// In the order in which messages list them. An export has a row for each, too.
activations! {
    /// max(x, 0).
    Relu, "relu", ops::relu;
    /// x, or `slope` * x where x is negative.
    LeakyRelu {
        /// The factor of negative values.
        slope: 0.01
    }, "leaky-relu", ops::leaky_relu;
    /// x Phi(x) with the error function.
    Gelu, "gelu", ops::gelu;
    /// The tanh approximation of gelu.
    GeluTanh, "gelu-tanh", ops::gelu_tanh;
    /// tanh x.
    Tanh, "tanh", ops::tanh;
    /// 1 / (1 + exp(-x)).
    Sigmoid, "sigmoid", ops::sigmoid;
}

impl Activation {
    /// The activation of a recipe's name.
    pub fn by_name(name: &str) -> Option<Activation> {
        Activation::ALL.iter().copied().find(|activation| activation.name() == name)
    }
}
