//! Batch and layer normalisation.
//!
//! ```text
//! xhat = (x - mean) * inv_std,  inv_std = 1 / sqrt(variance + eps),  y = gamma * xhat + beta
//! ```
//!
//! Batch norm takes mean and variance of each channel, layer norm of each row. In training they
//! depend on x, so the gradient (S. Ioffe, C. Szegedy, "Batch normalization", 2015, section 3)
//! loses its mean and its part along xhat, over the M elements that share a mean:
//!
//! ```text
//! g = gamma * dy,   dx = inv_std * (g - sum(g) / M - xhat * sum(g * xhat) / M)
//! ```
//!
//! A ReLU that follows a batch norm can be part of it: the gradient finds again where y was
//! positive from x, so neither pass over memory of its own is left.
//!
//! Statistics take two passes (T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample
//! variance", 1983, eq. 1.7): the mean, then the sums of d = x - mean and of d^2; the first, which
//! is 0 but for rounding, corrects both. So data with |mean| >> std keep their variance. Sums are
//! taken over blocks in f32 and folded in f64 in an order that the shape fixes: the error does not
//! grow with the length, and the bits do not depend on the number of threads.
//!
//! ```
//! use proxtape_kernels::norm::{Affine, BatchNorm, Planes, batch_norm, batch_statistics};
//! use proxtape_kernels::{Activation, Exec, Isa};
//! let exec = Exec::new(Isa::detect());
//! let view = Planes { n: 2, c: 1, spatial: 2 };
//! let x = [1.0, 3.0, 5.0, 7.0];
//! let (mut mean, mut variance, mut y) = ([0.0], [0.0], [0.0; 4]);
//! batch_statistics(exec, view, &x, &mut mean, &mut variance);
//! assert_eq!((mean, variance), ([4.0], [5.0]));
//! let inv_std = [0.5];
//! let affine = Affine { mean: &mean, inv_std: &inv_std, gamma: &[2.0], beta: &[1.0] };
//! batch_norm(exec, &BatchNorm { view, x: &x, affine, activation: Activation::None }, &mut y);
//! assert_eq!(y, [-2.0, 0.0, 2.0, 4.0]);
//! ```

mod apply;
mod batch;
mod columns;
mod layer;
pub(crate) mod sums;

pub use batch::{
    BatchNorm, BatchNormVjp, batch_norm, batch_norm_inference_vjp, batch_norm_sums, batch_norm_vjp,
    batch_statistics,
};
pub use layer::{LayerNorm, LayerNormVjp, layer_norm, layer_norm_sums, layer_norm_vjp};

use crate::simd::Simd;
use crate::{Accumulate, Exec, size};

/// Work on fewer elements stays on the calling thread: 32 Ki elements take 5 to 10 us, about what
/// it costs to wake a thread.
const PARALLEL: usize = 32 * 1024;

/// Elements of one task where the cut is free: 64 KiB an operand, so that two operands and the
/// result fit into L2, and a task takes much longer than its start.
const TASK: usize = 16 * 1024;

/// The view of a tensor `x: [N, C, spatial]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planes {
    /// Images in the batch.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Elements of one plane: H * W, or 1 behind a linear layer.
    pub spatial: usize,
}

impl Planes {
    /// Elements in all.
    ///
    /// # Panics
    /// If memory cannot hold so many.
    #[inline]
    #[track_caller]
    pub fn len(&self) -> usize {
        size::elements("Planes", &[self.n, self.c, self.spatial])
    }

    /// Whether there is no element.
    ///
    /// # Panics
    /// As [`len`](Self::len).
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements that share a mean.
    fn per_channel(&self) -> usize {
        self.n * self.spatial
    }
}

/// What turns x into y: `y = gamma * (x - mean) * inv_std + beta`.
///
/// Batch norm: each is `[C]`. Layer norm: mean and inv_std are `[rows]`, gamma and beta `[cols]`.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// The mean.
    pub mean: &'a [f32],
    /// 1 / sqrt(variance + eps).
    pub inv_std: &'a [f32],
    /// The learnt scale.
    pub gamma: &'a [f32],
    /// The learnt shift. The gradients read it only where a ReLU follows: elsewhere it may have any
    /// length.
    pub beta: &'a [f32],
}

/// `exec`, or the calling thread alone for small work.
fn sized(exec: Exec, elements: usize) -> Exec {
    if elements < PARALLEL { exec.sequential() } else { exec }
}

/// Panics unless `len` is `want`.
#[track_caller]
fn check(op: &str, name: &str, len: usize, want: usize) {
    assert!(len == want, "{op}: {name} has {len} elements, the shape needs {want}");
}

/// A vector from the start of `x`, zeros past its end.
#[inline(always)]
fn load_part<S: Simd>(s: S, x: &[f32]) -> S::F {
    if x.len() >= S::LANES { s.load(x) } else { s.load_tail(x) }
}

/// Writes or adds a vector to the start of `y`, as far as `y` reaches.
#[inline(always)]
fn put_part<S: Simd>(s: S, y: &mut [f32], v: S::F, acc: Accumulate) {
    let whole = y.len() >= S::LANES;
    let v = match acc {
        Accumulate::Store => v,
        Accumulate::Add => s.add(load_part(s, y), v),
    };
    if whole { s.store(y, v) } else { s.store_tail(y, v) }
}
