//! Elementwise functions of `[N, C, spatial]` whose coefficients belong to the channel.

use super::{Planes, TASK, load_part, put_part, sized};
use crate::simd::{Kernel, Simd};
use crate::{Accumulate, Exec};

/// Where a vector stands among the channels.
pub(super) trait At: Copy {
    /// The entries of `x: [C]` for the lanes of the vector.
    fn get<S: Simd>(self, s: S, x: &[f32]) -> S::F;
}

/// Every lane in one channel: a vector inside a plane.
#[derive(Clone, Copy)]
struct Same(usize);

impl At for Same {
    #[inline(always)]
    fn get<S: Simd>(self, s: S, x: &[f32]) -> S::F {
        s.splat(x[self.0])
    }
}

/// Consecutive channels: spatial is 1.
#[derive(Clone, Copy)]
struct Consecutive(usize);

impl At for Consecutive {
    #[inline(always)]
    fn get<S: Simd>(self, s: S, x: &[f32]) -> S::F {
        load_part(s, &x[self.0..])
    }
}

/// A function of N operands with K coefficients.
pub(super) trait Channelwise<const N: usize, const K: usize>: Copy + Send + Sync {
    /// What the channel alone decides.
    fn coefficients<S: Simd>(self, s: S, at: impl At) -> [S::F; K];
    /// The function.
    fn eval<S: Simd>(s: S, k: [S::F; K], x: [S::F; N]) -> S::F;
}

/// `y = f(x)` or `y += f(x)`; every operand and y hold `view.len()` elements.
pub(super) fn apply<const N: usize, const K: usize>(
    exec: Exec,
    view: Planes,
    f: impl Channelwise<N, K>,
    x: [&[f32]; N],
    y: &mut [f32],
    acc: Accumulate,
) {
    if view.is_empty() {
        return;
    }
    // Whole planes, or whole rows where a plane is a single element.
    let unit = if view.spatial == 1 { view.c } else { view.spatial };
    let chunk = (TASK / unit).max(1) * unit;
    sized(exec, view.len()).chunks(y, chunk, |i, y| {
        let mut part = x;
        for (part, x) in part.iter_mut().zip(x) {
            *part = &x[i * chunk..][..y.len()];
        }
        exec.isa().run(Apply { f, view, first: i * (chunk / unit), x: part, y, acc });
    });
}

/// `first` is the number of the first plane (modulo C its channel) or of the first row.
struct Apply<'a, F, const N: usize, const K: usize> {
    f: F,
    view: Planes,
    first: usize,
    x: [&'a [f32]; N],
    y: &'a mut [f32],
    acc: Accumulate,
}

impl<F: Channelwise<N, K>, const N: usize, const K: usize> Kernel for Apply<'_, F, N, K> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Apply { f, view, first, x, y, acc } = self;
        if view.spatial == 1 {
            for (row, y) in y.chunks_exact_mut(view.c).enumerate() {
                let mut col = 0;
                while col < view.c {
                    let k = f.coefficients(s, Consecutive(col));
                    let v = F::eval(s, k, load_all(s, x, row * view.c + col, view.c - col));
                    put_part(s, &mut y[col..], v, acc);
                    col += S::LANES;
                }
            }
        } else {
            for (plane, y) in y.chunks_exact_mut(view.spatial).enumerate() {
                let k = f.coefficients(s, Same((first + plane) % view.c));
                let mut i = 0;
                while i < view.spatial {
                    let from = plane * view.spatial + i;
                    let v = F::eval(s, k, load_all(s, x, from, view.spatial - i));
                    put_part(s, &mut y[i..], v, acc);
                    i += S::LANES;
                }
            }
        }
    }
}

/// A vector of each operand from `from`, zeros past `left` elements.
#[inline(always)]
fn load_all<S: Simd, const N: usize>(s: S, x: [&[f32]; N], from: usize, left: usize) -> [S::F; N] {
    let mut v = [s.zero(); N];
    for (v, x) in v.iter_mut().zip(x) {
        *v = load_part(s, &x[from..from + left]);
    }
    v
}
