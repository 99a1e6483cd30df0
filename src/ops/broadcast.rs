//! The seam of elementwise operations of two inputs, with NumPy's broadcasting.
//!
//! Shapes are aligned at the last axis. Two extents fit if they are equal or one of them is 1; an
//! axis of extent 1 gets stride 0. The product for a broadcast input is summed over those axes.

use crate::{Accumulate, Forward, MAX_RANK, Operands, Shape, Tape, Var, Vjp};
use proxtape_kernels::broadcast::{self, Strided, StridedMut};
use proxtape_kernels::map::{Map, map};

/// How two inputs are laid over one output.
#[derive(Clone, Copy)]
pub(super) struct Broadcast {
    shape: Shape,
    /// Of a, of b and of y, along the axes of y.
    strides: [[usize; MAX_RANK]; 3],
    /// Whether the input has as many elements as y, so that nothing is repeated.
    full: [bool; 2],
}

impl Broadcast {
    #[track_caller]
    pub(super) fn new(tape: &Tape, name: &str, [a, b]: [Var; 2]) -> Broadcast {
        let (a, b) = (tape.shape(a), tape.shape(b));
        let rank = a.rank().max(b.rank());
        let mut extents = [0; MAX_RANK];
        for (i, extent) in extents[..rank].iter_mut().enumerate() {
            *extent = match (aligned(a, rank, i), aligned(b, rank, i)) {
                (m, n) if m == n => m,
                (1, n) => n,
                (m, 1) => m,
                _ => panic!(
                    "{name}: a is {a} and b is {b}; counted from the last axis, each extent must \
                     be equal in both or 1 in one of them"
                ),
            };
        }
        let shape = Shape::from(&extents[..rank]);
        let len = shape.len();
        Broadcast {
            shape,
            strides: [a, b, shape].map(|x| strides(x, rank)),
            full: [a, b].map(|x| x.len() == len),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// y = f(a, b).
    pub(super) fn forward(&self, cx: Forward<'_>, f: impl Map<2>) {
        let x = [self.input(cx.x, 0), self.input(cx.x, 1)];
        self.store(cx.exec, f, x, cx.y, Accumulate::Store);
    }

    /// dx = f(x0, x1, ...), summed over the axes along which the input is repeated.
    pub(super) fn vjp<const N: usize>(&self, cx: Vjp<'_>, f: impl Map<N>, x: [Strided<'_>; N]) {
        if self.full[cx.input] {
            self.store(cx.exec, f, x, cx.dx, cx.accumulate);
        } else {
            let dx = StridedMut { data: cx.dx, strides: self.strides_of(cx.input) };
            broadcast::reduce(cx.exec, f, &self.shape, x, dx, cx.accumulate);
        }
    }

    fn store<const N: usize>(
        &self,
        exec: crate::Exec,
        f: impl Map<N>,
        x: [Strided<'_>; N],
        y: &mut [f32],
        accumulate: Accumulate,
    ) {
        if self.full == [true, true] {
            map(exec, f, x.map(|x| x.data), y, accumulate);
        } else {
            broadcast::map(exec, f, &self.shape, x, y, accumulate);
        }
    }

    /// Input `i`, laid over y.
    pub(super) fn input<'a>(&'a self, x: Operands<'a>, i: usize) -> Strided<'a> {
        Strided { data: x.get(i), strides: self.strides_of(i) }
    }

    /// y or dy.
    pub(super) fn output<'a>(&'a self, data: &'a [f32]) -> Strided<'a> {
        Strided { data, strides: self.strides_of(2) }
    }

    fn strides_of(&self, i: usize) -> &[usize] {
        &self.strides[i][..self.shape.rank()]
    }
}

/// The extent of `x` at axis `i` of `rank` axes; 1 where `x` has no such axis.
fn aligned(x: Shape, rank: usize, i: usize) -> usize {
    (i + x.rank()).checked_sub(rank).map_or(1, |i| x[i])
}

/// The strides of a row-major `x` along `rank` axes; 0 where it is repeated.
fn strides(x: Shape, rank: usize) -> [usize; MAX_RANK] {
    let (mut strides, mut step) = ([0; MAX_RANK], 1);
    for i in (0..rank).rev() {
        let extent = aligned(x, rank, i);
        if extent != 1 {
            strides[i] = step;
        }
        step *= extent;
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_axes_have_stride_zero() {
        assert_eq!(strides(Shape::from([2, 1, 3]), 4), [0, 3, 0, 1, 0, 0]);
        assert_eq!(strides(Shape::from([]), 2), [0; MAX_RANK]);
    }
}
