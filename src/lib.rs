//! Reverse-mode autodiff for the CPU that trains compact neural networks.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod data;
pub mod gradcheck;
mod gradients;
pub mod nn;
pub mod ops;
pub mod optim;
mod params;
pub mod random;
mod shape;
pub mod sparsity;
mod tape;
pub mod train;

pub use gradients::{GradSink, Gradients};
pub use params::{Kind, ParamId, Params, Running};
/// The kernels, for operations of your own.
pub use proxtape_kernels as kernels;
pub use proxtape_kernels::{Accumulate, Exec, Isa, IsaError, Pool, PoolError};
pub use random::Random;
pub use shape::{MAX_RANK, Shape};
pub use tape::{
    Forward, LabelData, Labels, Operands, Prepare, Primitive, Tape, Var, Vjp, Workspace,
};

