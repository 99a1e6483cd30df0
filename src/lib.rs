//! Reverse-mode autodiff for the CPU that trains compact neural networks.
//!
//! Deep networks carry far more weights than they need. Here the loss gets a penalty on groups of
//! weights, l1,1 + l1,2 (Ma, Niu, "Compact Deep Neural Networks with l1,1 and l1,2
//! Regularization", ICDM Workshops 2018), and proximal gradient descent drives weights and whole
//! groups to exact zero while it trains.
//!
//! - [`Tape`] is reverse-mode autodiff over flat f32 buffers: record once, replay many times
//!   without any heap allocation. [`ops`] are the operations, and a [`Primitive`] of your own is
//!   as good as ours; [`gradcheck`] compares it with finite differences.
//! - [`nn`] builds networks from lists of layers.
//! - [`optim`] takes the regularised step: gradient, moments and the exact prox of its subproblem, fused.
//! - [`train`] is a loop that its caller drives; [`data`] reads samples; [`sparsity`] counts what
//!   became zero; [`compact`] removes it; [`checkpoint`] saves.
//!
//! ```
//! use proxtape::data::{self, Fractions, Normalization, Source};
//! use proxtape::nn::{Network, zoo};
//! use proxtape::optim::{Family, Penalty};
//! use proxtape::train::{Config, Data, Event, Trainer};
//! use proxtape::{Exec, Isa, Random, sparsity::Report};
//!
//! let source = Source::from(data::digits::load()?); // 1,797 images of 8 x 8, embedded
//! let split = source.split(Fractions { validation: 0.1, test: 0.2 }, 1)?;
//! let normalization = Normalization::fit(&source.train, &split.train);
//! let data = Data { source: &source, split: &split, normalization: &normalization };
//!
//! let network = Network::new([1, 8, 8], &zoo::digits_conv(10), &mut Random::new(1))?;
//! let penalty = Penalty { lambda: 1e-3, ..Penalty::new(Family::L11L12) };
//! let config = Config { epochs: 3, penalty, ..Config::default() };
//!
//! let mut trainer = Trainer::new(Exec::new(Isa::detect()), data, network, config)?;
//! while trainer.advance()? != Event::Done {}
//! let report = Report::new(trainer.model(), trainer.params(), trainer.regularized());
//! println!("{:?}, {} of {} weights", trainer.test(), report.kept(), report.weights());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod compact;
pub mod data;
pub mod gradcheck;
mod gradients;
mod memory;
pub mod nn;
pub mod ops;
pub mod optim;
mod params;
pub mod random;
mod read_error;
mod shape;
pub mod sparsity;
mod tape;
pub mod train;

pub use gradients::{GradSink, Gradients, NoGradients, RowSink};
pub use memory::MemoryError;
pub use params::{Kind, ParamId, Params, Running};
/// The kernels, for operations of your own.
pub use proxtape_kernels as kernels;
pub use proxtape_kernels::{Accumulate, Convolution, Exec, Isa, IsaError, Pool, PoolError};
pub use random::Random;
pub use read_error::ReadError;
pub use shape::{MAX_RANK, Shape};
pub use tape::{
    Forward, LabelData, Labels, Operands, Prepare, Primitive, Rows, Tape, Var, Vjp, Workspace,
};

/// The README's example is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
