//! y = the entries of x at chosen indices along one axis; dx is dy there and 0 elsewhere.

use super::axis::with_axis;
use crate::{Accumulate, Forward, Primitive, Shape, Tape, Var, Vjp};

/// x: `[outer, extent, inner]`, y: `[outer, indices, inner]`: `y[i, j]` = `x[i, indices[j]]`.
struct Select {
    indices: Box<[usize]>,
    extent: usize,
    inner: usize,
}

impl Primitive for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn forward(&self, cx: Forward<'_>) {
        let Select { ref indices, extent, inner } = *self;
        if cx.y.is_empty() {
            return;
        }
        let x = cx.x.get(0).chunks_exact(extent * inner);
        for (x, y) in x.zip(cx.y.chunks_exact_mut(indices.len() * inner)) {
            match inner {
                // Features: an entry is one number, which needs no call to copy it.
                1 => y.iter_mut().zip(indices).for_each(|(y, &i)| *y = x[i]),
                _ => {
                    for (y, &i) in y.chunks_exact_mut(inner).zip(indices) {
                        y.copy_from_slice(&x[i * inner..][..inner]);
                    }
                }
            }
        }
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let Select { ref indices, extent, inner } = *self;
        if cx.accumulate == Accumulate::Store {
            cx.dx.fill(0.0);
        }
        if cx.dy.is_empty() {
            return;
        }
        let dy = cx.dy.chunks_exact(indices.len() * inner);
        for (dx, dy) in cx.dx.chunks_exact_mut(extent * inner).zip(dy) {
            for (dy, &i) in dy.chunks_exact(inner).zip(indices) {
                let dx = &mut dx[i * inner..][..inner];
                dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy);
            }
        }
    }
}

/// The entries of x at `indices`, which increase, along `axis`.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let x = tape.variable([2, 3]);
/// let y = ops::select(&mut tape, x, 1, &[0, 2]);
/// tape.set(x, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [1.0, 3.0, 4.0, 6.0]);
/// tape.backward_from(params, y, &[1.0; 4], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(x), [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
/// ```
///
/// # Panics
/// If there is no such axis, or the indices do not increase or do not lie on it.
#[track_caller]
pub fn select(tape: &mut Tape, x: Var, axis: usize, indices: &[usize]) -> Var {
    let xs = with_axis(tape, "select", x, axis);
    assert!(
        indices.is_sorted_by(|a, b| a < b) && indices.last().is_none_or(|&i| i < xs[axis]),
        "select: x is {xs} and the indices {indices:?}; along axis {axis} they must increase and \
         lie in 0..{}",
        xs[axis]
    );
    let [_, extent, inner] = xs.around(axis);
    let extents = xs.iter().enumerate().map(|(i, &d)| if i == axis { indices.len() } else { d });
    let shape: Shape = extents.collect();
    tape.record(Select { indices: indices.into(), extent, inner }, &[x], shape)
}
