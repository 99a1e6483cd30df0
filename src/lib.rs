//! Reverse-mode autodiff for the CPU that trains compact neural networks.
#![forbid(unsafe_code)]

pub mod data;
pub mod random;

/// The kernels, for operations of your own.
pub use proxtape_kernels as kernels;
pub use proxtape_kernels::{Accumulate, Exec, Isa, IsaError, Pool, PoolError};
pub use random::Random;

