#![doc = include_str!("../README.md")]

mod activation;
pub mod broadcast;
mod buffer;
pub mod conv;
pub mod gemm;
mod isa;
pub mod map;
pub mod math;
pub mod norm;
pub mod pool;
pub mod prox;
pub mod reduce;
mod simd;
pub mod size;
pub mod softmax;
pub mod sparse;
mod threads;
pub mod transpose;
mod tuning;
pub mod update;

/// Instruction sets, each one file: a token that proves the CPU has it, and its intrinsics.
mod backend {
    #[cfg(target_arch = "x86_64")]
    pub(crate) mod avx2;
    #[cfg(target_arch = "x86_64")]
    pub(crate) mod avx512;
    pub(crate) mod baseline;
}

pub use activation::Activation;
pub use buffer::Buffer;
pub use isa::{Isa, IsaError};
pub use simd::{Kernel, Simd};
pub use threads::{Convolution, Exec, Parts, Pool, PoolError};
pub use tuning::Tuning;

/// Whether a kernel overwrites its destination or adds to it.
///
/// The tape asks for the first contribution to a gradient with `Store` and for later ones with
/// `Add`, so no buffer is ever cleared first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// `y = f(x)`; what `y` held before, NaN included, has no influence.
    Store,
    /// `y = y + f(x)`.
    Add,
}

impl Accumulate {
    /// The factor of the old value: 0 or 1.
    pub fn beta(self) -> f32 {
        match self {
            Accumulate::Store => 0.0,
            Accumulate::Add => 1.0,
        }
    }
}
