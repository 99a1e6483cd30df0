//! y = the part of x in a range along one axis; dx is dy there and 0 elsewhere.

use super::axis::with_axis;
use super::elementwise::Identity;
use crate::{Accumulate, Forward, Primitive, Shape, Tape, Var, Vjp};
use proxtape_kernels::broadcast::{self, Strided};
use std::ops::Range;

/// x: `[outer, pitch]`, y: `[outer, row]`, in elements: `y[i]` = `x[i, start..start + row]`.
struct Slice {
    pitch: usize,
    start: usize,
    row: usize,
}

impl Primitive for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn forward(&self, cx: Forward<'_>) {
        if cx.y.is_empty() {
            return;
        }
        let dims = [cx.y.len() / self.row, self.row];
        let x = Strided { data: &cx.x.get(0)[self.start..], strides: &[self.pitch, 1] };
        broadcast::map(cx.exec, Identity, &dims, [x], cx.y, Accumulate::Store);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let Slice { pitch, start, row } = *self;
        if cx.dx.is_empty() {
            return;
        }
        for (i, dx) in cx.dx.chunks_mut(pitch).enumerate() {
            let dy = &cx.dy[i * row..][..row];
            let (before, rest) = dx.split_at_mut(start);
            let (dx, after) = rest.split_at_mut(row);
            match cx.accumulate {
                Accumulate::Store => {
                    before.fill(0.0);
                    dx.copy_from_slice(dy);
                    after.fill(0.0);
                }
                Accumulate::Add => dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy),
            }
        }
    }
}

/// The part of x whose index along `axis` lies in `range`.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let x = tape.variable([2, 3]);
/// let y = ops::slice(&mut tape, x, 1, 1..3);
/// tape.set(x, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [2.0, 3.0, 5.0, 6.0]);
/// tape.backward_from(params, y, &[1.0; 4], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(x), [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
/// ```
///
/// # Panics
/// If there is no such axis or the range is not inside it.
#[track_caller]
pub fn slice(tape: &mut Tape, x: Var, axis: usize, range: Range<usize>) -> Var {
    let xs = with_axis(tape, "slice", x, axis);
    assert!(
        range.start <= range.end && range.end <= xs[axis],
        "slice: x is {xs} and the range {range:?}; along axis {axis} it must lie in 0..{}",
        xs[axis]
    );
    let [_, extent, inner] = xs.around(axis);
    let op = Slice { pitch: extent * inner, start: range.start * inner, row: range.len() * inner };
    let extents = xs.iter().enumerate().map(|(i, &d)| if i == axis { range.len() } else { d });
    let shape: Shape = extents.collect();
    tape.record(op, &[x], shape)
}
