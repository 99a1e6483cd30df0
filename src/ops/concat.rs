//! y = x0, x1, ... one after another along one axis; each dx is its part of dy.

use super::axis::with_axis;
use super::elementwise::Identity;
use crate::{Forward, Operands, Primitive, Shape, Tape, Var, Vjp};
use proxtape_kernels::broadcast::{self, Strided};
use proxtape_kernels::size;

/// Each x: `[outer, part, inner]`, y: `[outer, total, inner]`, total the sum of the parts.
struct Concat {
    axis: usize,
    /// total inner: the elements of y from one outer index to the next.
    pitch: usize,
}

impl Concat {
    /// part inner, of input i: the elements of one row.
    fn row(&self, x: Operands<'_>, i: usize) -> usize {
        x.shape(i)[self.axis..].iter().product()
    }
}

impl Primitive for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn forward(&self, cx: Forward<'_>) {
        let mut start = 0;
        for i in 0..cx.x.len() {
            let row = self.row(cx.x, i);
            if row == 0 {
                continue;
            }
            for (x, y) in cx.x.get(i).chunks(row).zip(cx.y.chunks_mut(self.pitch)) {
                y[start..start + row].copy_from_slice(x);
            }
            start += row;
        }
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let row = self.row(cx.x, cx.input);
        if cx.dx.is_empty() {
            return;
        }
        let start = (0..cx.input).map(|i| self.row(cx.x, i)).sum::<usize>();
        let dy = Strided { data: &cx.dy[start..], strides: &[self.pitch, 1] };
        let dims = [cx.dx.len() / row, row];
        broadcast::map(cx.exec, Identity, &dims, [dy], cx.dx, cx.accumulate);
    }
}

/// The inputs one after another along an axis; in all other axes their extents must be equal.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (a, b) = (tape.variable([2, 1]), tape.variable([2, 2]));
/// let y = ops::concat(&mut tape, &[a, b], 1);
/// tape.set(a, &[1.0, 4.0]);
/// tape.set(b, &[2.0, 3.0, 5.0, 6.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// tape.backward_from(params, y, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(a), [1.0, 4.0]);
/// ```
///
/// # Panics
/// If there is no input or no such axis, the other extents differ, or memory cannot hold y.
#[track_caller]
pub fn concat(tape: &mut Tape, inputs: &[Var], axis: usize) -> Var {
    let &[first, ref others @ ..] = inputs else {
        panic!("concat: no input; there must be one or more");
    };
    let first = with_axis(tape, "concat", first, axis);
    let mut total = first[axis];
    for (i, &x) in others.iter().enumerate() {
        let xs = tape.shape(x);
        assert!(
            xs.rank() == first.rank() && xs.without(axis) == first.without(axis),
            "concat: input 0 is {first} and input {} is {xs}; all axes but {axis} must be equal",
            i + 1
        );
        total = size::total("concat: an axis of", &[total, xs[axis]]);
    }
    let extents = first.iter().enumerate().map(|(i, &d)| if i == axis { total } else { d });
    let shape: Shape = extents.collect();
    shape.len();
    let pitch = shape[axis..].iter().product();
    tape.record(Concat { axis, pitch }, inputs, shape)
}
