//! A trained network for other programs: as ONNX and as Rust source without dependencies, each with a
//! way to run what was written.
//!
//! ```text
//! Pipeline --> onnx::Model           a file, which is read back and run operation by operation
//!          --> rust::Plan --> text   line by line what the plan does, which runs with the same functions
//! ```
//!
//! What is written takes raw samples: the normalisation of the data is a part of it.
//!
//! ```
//! use proxtape::Random;
//! use proxtape::data::Normalization;
//! use proxtape::nn::{Activation, Layer, Network};
//! use proxtape_export::{Pipeline, onnx, rust};
//! let layers = [Layer::linear(4).into(), Activation::Relu.into(), Layer::linear(2).into()];
//! let network = Network::new([3], &layers, &mut Random::new(1))?;
//! let normalization = Normalization { scale: 1.0, mean: vec![0.5; 3], std: vec![2.0; 3] };
//! let pipeline = Pipeline::new(&network, &normalization)?;
//!
//! let model = onnx::Model::new(&pipeline, "small", Vec::new());
//! let read = onnx::Model::from_bytes(&model.to_bytes()).expect("it was just written");
//! let logits = onnx::run(&read, &[1.0, 2.0, 3.0]).expect("it fits together");
//!
//! let plan = rust::Plan::new(&pipeline);
//! assert_eq!(rust::Runner::new(&plan).run(&[1.0, 2.0, 3.0]), logits);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod activation;
mod kernels;
mod names;
pub mod onnx;
mod pipeline;
pub mod rust;
mod window;

pub use pipeline::{NotFinite, Pipeline};
