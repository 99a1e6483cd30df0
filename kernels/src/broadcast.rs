//! Elementwise functions of strided operands, and their sums over axes.
//!
//! A stride of 0 repeats an operand along an axis. Axes of length 1 are dropped and neighbours
//! that every operand walks as one are joined first, so most calls come down to one dense loop,
//! or to rows in which each operand is dense or constant. Any other stride is gathered element by
//! element: correct, not fast.

mod axes;
mod columns;
mod rows;

use crate::map::{self as dense, Add, Map, Store};
use crate::reduce::Scaled;
use crate::{Accumulate, Exec, reduce as whole, size};
use axes::{Axes, Axis};

/// The most axes a call may have.
pub const MAX_AXES: usize = 6;

/// Elements in a task, as in [`map`](dense::map).
const TASK: usize = 32 * 1024;

/// An operand: element `[i0, i1, ...]` lies at `sum i strides` of `data`.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    /// The elements.
    pub data: &'a [f32],
    /// One stride for each axis, in elements; 0 repeats.
    pub strides: &'a [usize],
}

/// The destination of [`reduce`]: as [`Strided`], with a stride of 0 along each axis that is summed.
#[derive(Debug)]
pub struct StridedMut<'a> {
    /// The elements.
    pub data: &'a mut [f32],
    /// One stride for each axis, in elements; 0 sums.
    pub strides: &'a [usize],
}

/// `y[i] = f(x0[i], x1[i], ...)`, or `+=`, for all indices i of `dims`; `y` is dense, row-major.
///
/// # Panics
/// If there are more than [`MAX_AXES`] axes, if memory cannot hold so many elements as `dims` has (those
/// of 0 left out), if a list of strides has another length than `dims`, if strides reach past the data of their operand, or if `y` does not have `dims`'s length.
///
/// ```
/// use proxtape_kernels::{Accumulate, Exec, Isa, Simd, broadcast, map};
/// #[derive(Clone, Copy)]
/// struct Add;
/// impl map::Map<2> for Add {
///     #[inline(always)]
///     fn eval<S: Simd>(self, s: S, [x, b]: [S::F; 2]) -> S::F {
///         s.add(x, b)
///     }
/// }
/// let x = broadcast::Strided { data: &[1.0, 2.0, 3.0, 4.0], strides: &[2, 1] };
/// let b = broadcast::Strided { data: &[10.0, 20.0], strides: &[0, 1] };
/// let (exec, mut y) = (Exec::new(Isa::detect()), [f32::NAN; 4]);
/// broadcast::map(exec, Add, &[2, 2], [x, b], &mut y, Accumulate::Store);
/// assert_eq!(y, [11.0, 22.0, 13.0, 24.0]);
/// ```
pub fn map<const N: usize>(
    exec: Exec,
    f: impl Map<N>,
    dims: &[usize],
    x: [Strided<'_>; N],
    y: &mut [f32],
    acc: Accumulate,
) {
    let total = check(dims, &x);
    assert!(y.len() == total, "broadcast: y has {} elements, {dims:?} needs {total}", y.len());
    if total == 0 {
        return;
    }
    // y is dense, so it never stands in the way of a join.
    let mut axes = Axes::new();
    let mut stride = total;
    for (k, &len) in dims.iter().enumerate() {
        stride /= len;
        axes.push(Axis { len, y: stride, x: strides(&x, k) });
    }
    if axes.is_dense() {
        return dense::map(exec, f, x.map(|x| &x.data[..total]), y, acc);
    }
    let x = x.map(|x| x.data);
    exec.chunks(y, TASK, |i, y| match acc {
        Accumulate::Store => {
            exec.isa().run(rows::MapRows { rule: Store(f), axes: &axes, x, y, at: i * TASK });
        }
        Accumulate::Add => {
            exec.isa().run(rows::MapRows { rule: Add(f), axes: &axes, x, y, at: i * TASK });
        }
    });
}

/// `y[..] = sum f(x0[i], x1[i], ...)`, or `+=`, over the axes on which `y` has stride 0.
///
/// Along the summed axes at most 1024 elements are added in f32 before they go to f64 (or, where
/// the vectors run along a kept axis, 128 before they go to a compensated sum), in an order that
/// depends on shapes and instruction set alone.
///
/// # Panics
/// As [`map`], and if the strides of `y` on the other axes do not make it dense (in any order of
/// its axes).
///
/// ```
/// use proxtape_kernels::{Accumulate, Exec, Isa, Simd, broadcast, map};
/// #[derive(Clone, Copy)]
/// struct Product;
/// impl map::Map<2> for Product {
///     #[inline(always)]
///     fn eval<S: Simd>(self, s: S, [x, b]: [S::F; 2]) -> S::F {
///         s.mul(x, b)
///     }
/// }
/// let x = broadcast::Strided { data: &[1.0, 2.0, 3.0, 4.0], strides: &[2, 1] };
/// let b = broadcast::Strided { data: &[10.0, 20.0], strides: &[0, 1] };
/// let (exec, mut y) = (Exec::new(Isa::detect()), [f32::NAN; 2]);
/// let to = broadcast::StridedMut { data: &mut y, strides: &[1, 0] };
/// broadcast::reduce(exec, Product, &[2, 2], [x, b], to, Accumulate::Store);
/// assert_eq!(y, [50.0, 110.0]);
/// ```
pub fn reduce<const N: usize>(
    exec: Exec,
    f: impl Map<N>,
    dims: &[usize],
    x: [Strided<'_>; N],
    y: StridedMut<'_>,
    acc: Accumulate,
) {
    let StridedMut { data: y, strides: y_strides } = y;
    let total = check(dims, &x);
    let (kept, summed) = split(dims, &x, y_strides);
    let cells = kept.total();
    let dense = kept.is_dense_in_y() && y.len() == cells;
    assert!(
        dense,
        "broadcast: y has {} elements with strides {y_strides:?}, which do not make it dense in \
         the kept axes of {dims:?}",
        y.len()
    );
    if total == 0 {
        return if acc == Accumulate::Store {
            y.fill(0.0)
        };
    }
    if cells == 1 && summed.is_dense() {
        let sum = whole::sum_of(exec, f, x.map(|x| &x.data[..total])) as f32;
        y[0] = if acc == Accumulate::Store { sum } else { y[0] + sum };
        return;
    }
    // Vectors run along the axis on which more operands are dense.
    let along_kept = kept.dense_operands() >= summed.dense_operands() && cells > 1;
    let x = x.map(|x| x.data);
    let (axes, task) = ((&kept, &summed), TASK.div_ceil(summed.total()));
    if along_kept {
        // Whole strips of eight vectors of at most sixteen lanes.
        let task = task.next_multiple_of(128);
        exec.chunks(y, task, |i, y| {
            exec.isa().run(columns::ColumnSums { f, axes, x, y, at: i * task, acc });
        });
    } else {
        exec.chunks(y, task, |i, y| {
            exec.isa().run(rows::RowSums { f, axes, x, y, at: i * task, acc });
        });
    }
}

/// `y[o, i] = scale * sum over a of x[o, a, i]`, or `+=`, for `x: [outer, axis, inner]`.
///
/// # Panics
/// If a length does not fit the view, or memory cannot hold it.
///
/// ```
/// use proxtape_kernels::{Accumulate, Exec, Isa, broadcast};
/// let (x, mut y) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [f32::NAN; 3]);
/// let exec = Exec::new(Isa::detect());
/// broadcast::sum_axis(exec, &x, [1, 2, 3], 0.5, &mut y, Accumulate::Store);
/// assert_eq!(y, [2.5, 3.5, 4.5]);
/// ```
pub fn sum_axis(
    exec: Exec,
    x: &[f32],
    view: [usize; 3],
    scale: f32,
    y: &mut [f32],
    acc: Accumulate,
) {
    let [_, axis, inner] = view;
    check_view("sum_axis", x, view);
    let x = Strided { data: x, strides: &[axis * inner, inner, 1] };
    let y = StridedMut { data: y, strides: &[inner, 0, 1] };
    reduce(exec, Scaled(scale), &view, [x], y, acc);
}

/// `y[c] = sum over n and s of x[n, c, s]` for `x: [N, C, spatial]`: the gradient of a bias.
///
/// # Panics
/// If a length does not fit the view, or memory cannot hold it.
pub fn channel_sums(exec: Exec, x: &[f32], view: [usize; 3], y: &mut [f32]) {
    let [_, c, spatial] = view;
    check_view("channel_sums", x, view);
    let x = Strided { data: x, strides: &[c * spatial, spatial, 1] };
    let y = StridedMut { data: y, strides: &[0, 1, 0] };
    reduce(exec, Scaled(1.0), &view, [x], y, Accumulate::Store);
}

fn check_view(name: &str, x: &[f32], [a, b, c]: [usize; 3]) {
    let (have, want) = (x.len(), size::elements(name, &[a, b, c]));
    assert!(have == want, "{name}: x has {have} elements, {a} x {b} x {c} needs {want}");
}

/// The axes of y, slowest first, and those that are summed, each joined where possible.
fn split<const N: usize>(dims: &[usize], x: &[Strided<'_>; N], y: &[usize]) -> (Axes<N>, Axes<N>) {
    let (have, want) = (y.len(), dims.len());
    assert!(have == want, "broadcast: y has {have} strides, {dims:?} needs {want}");
    let mut order = [0, 1, 2, 3, 4, 5];
    let order = &mut order[..dims.len()];
    order.sort_unstable_by_key(|&k| (core::cmp::Reverse(y[k]), k));
    let (mut kept, mut summed) = (Axes::new(), Axes::new());
    for &k in order.iter() {
        let axes = if y[k] == 0 { &mut summed } else { &mut kept };
        axes.push(Axis { len: dims[k], y: y[k], x: strides(x, k) });
    }
    (kept, summed)
}

fn strides<const N: usize>(x: &[Strided<'_>; N], axis: usize) -> [usize; N] {
    x.map(|x| x.strides[axis])
}

/// The number of indices, once every operand is known to reach no further than its data.
fn check<const N: usize>(dims: &[usize], x: &[Strided<'_>; N]) -> usize {
    let axes = dims.len();
    assert!(axes <= MAX_AXES, "broadcast: {dims:?} has {axes} axes, at most {MAX_AXES} are served");
    let total = size::elements("broadcast", dims);
    for (j, x) in x.iter().enumerate() {
        let have = x.strides.len();
        assert!(have == axes, "broadcast: operand {j} has {have} strides, {dims:?} needs {axes}");
        // The index of the last element, if there is one.
        let last = dims.iter().zip(x.strides).try_fold(0usize, |at, (&d, &s)| {
            d.saturating_sub(1).checked_mul(s).and_then(|step| at.checked_add(step))
        });
        let have = x.data.len();
        assert!(
            total == 0 || last.is_some_and(|last| last < have),
            "broadcast: operand {j} has {have} elements, {dims:?} with strides {:?} needs more",
            x.strides
        );
    }
    total
}
