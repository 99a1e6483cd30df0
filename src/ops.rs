//! The operations: one file each, forward above vjp, and one table, `unary`, of the elementwise
//! functions of one input.
//!
//! Each function records one node and gives its [`Var`](crate::Var); the value is there after the
//! next [`Tape::forward`](crate::Tape::forward). Shapes that do not fit are a bug of the program:
//! they panic at the caller's line.
//!
//! A new operation is a new file with a [`Primitive`](crate::Primitive) and its function, and a
//! line here, or a row of the table. Files that several operations share: `elementwise`,
//! `broadcast`, `axis`, `pool`.

mod add;
mod add_relu;
mod avg_pool2d;
mod axis;
mod batch_norm;
mod batch_norm_inference;
mod batch_norm_relu;
mod broadcast;
mod concat;
mod conv2d;
mod cross_entropy;
mod div;
mod dropout;
mod elementwise;
mod flatten;
mod global_avg_pool2d;
mod layer_norm;
mod linear;
mod log_softmax;
mod matmul;
mod max_pool2d;
mod mean;
mod mean_axis;
mod mse_loss;
mod mul;
mod pool;
mod reshape;
mod select;
mod slice;
mod softmax;
mod sub;
mod sum;
mod sum_axis;
mod transpose;
mod unary;

pub use add::add;
pub use add_relu::add_relu;
pub use avg_pool2d::avg_pool2d;
pub use batch_norm::{BatchNormAttrs, batch_norm};
pub use batch_norm_inference::batch_norm_inference;
pub use batch_norm_relu::{batch_norm_inference_relu, batch_norm_relu};
pub use concat::concat;
pub use conv2d::{ConvAttrs, conv2d};
pub use cross_entropy::cross_entropy;
pub use div::div;
pub use dropout::dropout;
pub use flatten::flatten;
pub use global_avg_pool2d::global_avg_pool2d;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use log_softmax::log_softmax;
pub use matmul::matmul;
pub use max_pool2d::max_pool2d;
pub use mean::mean;
pub use mean_axis::mean_axis;
pub use mse_loss::mse_loss;
pub use mul::mul;
pub use pool::PoolAttrs;
pub use reshape::reshape;
pub use select::select;
pub use slice::slice;
pub use softmax::softmax;
pub use sub::sub;
pub use sum::sum;
pub use sum_axis::sum_axis;
pub use transpose::transpose;
pub use unary::*;
