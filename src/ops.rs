//! The operations: one file each, forward above vjp.
//!
//! Each function records one node and gives its [`Var`](crate::Var); the value is there after the
//! next [`Tape::forward`](crate::Tape::forward). Shapes that do not fit are a bug of the program:
//! they panic at the caller's line.
//!
//! A new operation is a new file with a [`Primitive`](crate::Primitive) and its function, and a
//! line here. Files that several operations share: `elementwise`, `broadcast`, `axis`, `pool`.

mod add;
mod add_relu;
mod add_scalar;
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
mod exp;
mod flatten;
mod gelu;
mod gelu_tanh;
mod global_avg_pool2d;
mod layer_norm;
mod leaky_relu;
mod linear;
mod log;
mod log_softmax;
mod matmul;
mod max_pool2d;
mod mean;
mod mean_axis;
mod mse_loss;
mod mul;
mod mul_scalar;
mod neg;
mod pool;
mod relu;
mod reshape;
mod select;
mod sigmoid;
mod slice;
mod softmax;
mod sqrt;
mod sub;
mod sum;
mod sum_axis;
mod tanh;
mod transpose;

pub use add::add;
pub use add_relu::add_relu;
pub use add_scalar::add_scalar;
pub use avg_pool2d::avg_pool2d;
pub use batch_norm::{BatchNormAttrs, batch_norm};
pub use batch_norm_inference::batch_norm_inference;
pub use batch_norm_relu::{batch_norm_inference_relu, batch_norm_relu};
pub use concat::concat;
pub use conv2d::{ConvAttrs, conv2d};
pub use cross_entropy::cross_entropy;
pub use div::div;
pub use dropout::dropout;
pub use exp::exp;
pub use flatten::flatten;
pub use gelu::gelu;
pub use gelu_tanh::gelu_tanh;
pub use global_avg_pool2d::global_avg_pool2d;
pub use layer_norm::layer_norm;
pub use leaky_relu::leaky_relu;
pub use linear::linear;
pub use log::log;
pub use log_softmax::log_softmax;
pub use matmul::matmul;
pub use max_pool2d::max_pool2d;
pub use mean::mean;
pub use mean_axis::mean_axis;
pub use mse_loss::mse_loss;
pub use mul::mul;
pub use mul_scalar::mul_scalar;
pub use neg::neg;
pub use pool::PoolAttrs;
pub use relu::relu;
pub use reshape::reshape;
pub use select::select;
pub use sigmoid::sigmoid;
pub use slice::slice;
pub use softmax::softmax;
pub use sqrt::sqrt;
pub use sub::sub;
pub use sum::sum;
pub use sum_axis::sum_axis;
pub use tanh::tanh;
pub use transpose::transpose;
