//! Softmax, its logarithm and cross entropy over rows.
//!
//! With `m = max x`, `softmax(x)_i = e^(x_i - m) / sum_j e^(x_j - m)`, so nothing overflows. The sum
//! is 1 + rest, where rest leaves out one maximal element: `log_softmax = x - m - log1p(rest)` then
//! keeps its relative accuracy where one class is almost certain. A row that holds NaN or +inf, or
//! nothing but -inf, gives NaN. Sums over a row are f32 in blocks and f64 above.

mod cross_entropy;
mod row;

pub use cross_entropy::{cross_entropy, cross_entropy_vjp};

use crate::map::{Add, Map, Pass, Store};
use crate::reduce::{Product, Scaled, SumOf};
use crate::{Accumulate, Exec, Kernel, Simd, math};

/// Elements in a task: an exponential and three passes are some 0.5 to 2 ns an element.
const TASK: usize = 8 * 1024;

/// Rows in a task, a constant of the shape.
fn rows_in_task(cols: usize) -> usize {
    (TASK / cols).max(1)
}

/// `y = softmax(x)` over rows of `cols`, for `x, y: [rows, cols]`.
///
/// # Panics
/// If `cols` does not divide the length of `x`, or `y` has another length.
///
/// ```
/// use proxtape_kernels::{Exec, Isa, softmax};
/// let mut y = [f32::NAN; 2];
/// softmax::softmax(Exec::new(Isa::detect()), &[1000.0, 1000.0], 2, &mut y);
/// assert_eq!(y, [0.5, 0.5]);
/// ```
pub fn softmax(exec: Exec, x: &[f32], cols: usize, y: &mut [f32]) {
    check("softmax", cols, &[("x", x.len()), ("y", y.len())]);
    if !x.is_empty() {
        let part = rows_in_task(cols) * cols;
        exec.chunks(y, part, |i, y| {
            exec.isa().run(Softmax { x: &x[i * part..][..y.len()], cols, y });
        });
    }
}

/// `y = x - m - ln(sum e^(x - m))` over rows of `cols`, the logarithm of [`softmax`].
///
/// # Panics
/// As [`softmax`].
pub fn log_softmax(exec: Exec, x: &[f32], cols: usize, y: &mut [f32]) {
    check("log_softmax", cols, &[("x", x.len()), ("y", y.len())]);
    if !x.is_empty() {
        let part = rows_in_task(cols) * cols;
        exec.chunks(y, part, |i, y| {
            exec.isa().run(LogSoftmax { x: &x[i * part..][..y.len()], cols, y });
        });
    }
}

/// The operands of the gradients of [`softmax`] and [`log_softmax`].
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxVjp<'a> {
    /// The output.
    pub y: &'a [f32],
    /// Its gradient.
    pub dy: &'a [f32],
    /// Elements of a row.
    pub cols: usize,
}

/// `dx = y (dy - sum_j y_j dy_j)`, or `+=`, for `y = softmax(x)`.
///
/// # Panics
/// If the lengths differ or `cols` does not divide them.
pub fn softmax_vjp(exec: Exec, op: &SoftmaxVjp<'_>, dx: &mut [f32], acc: Accumulate) {
    op.check("softmax_vjp", dx);
    vjp::<OfSoftmax>(exec, op, dx, acc);
}

/// `dx = dy - e^y sum_j dy_j`, or `+=`, for `y = log_softmax(x)`.
///
/// # Panics
/// If the lengths differ or `cols` does not divide them.
pub fn log_softmax_vjp(exec: Exec, op: &SoftmaxVjp<'_>, dx: &mut [f32], acc: Accumulate) {
    op.check("log_softmax_vjp", dx);
    vjp::<OfLogSoftmax>(exec, op, dx, acc);
}

impl SoftmaxVjp<'_> {
    fn check(&self, name: &str, dx: &[f32]) {
        let lengths = [("dx", dx.len()), ("y", self.y.len()), ("dy", self.dy.len())];
        check(name, self.cols, &lengths);
    }
}

/// The lengths must be those of the first, which `cols` must divide.
fn check(name: &str, cols: usize, lengths: &[(&str, usize)]) {
    let (first, n) = lengths[0];
    assert!(
        n == 0 || (cols > 0 && n % cols == 0),
        "{name}: {first} has {n} elements, rows of {cols} do not divide it"
    );
    for &(other, have) in &lengths[1..] {
        assert!(have == n, "{name}: {other} has {have} elements, {first} has {n}");
    }
}

struct Softmax<'a> {
    x: &'a [f32],
    cols: usize,
    y: &'a mut [f32],
}

impl Kernel for Softmax<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (x, y) in self.x.chunks_exact(self.cols).zip(self.y.chunks_exact_mut(self.cols)) {
            row::softmax(s, x, y);
        }
    }
}

struct LogSoftmax<'a> {
    x: &'a [f32],
    cols: usize,
    y: &'a mut [f32],
}

impl Kernel for LogSoftmax<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (x, y) in self.x.chunks_exact(self.cols).zip(self.y.chunks_exact_mut(self.cols)) {
            // y serves as scratch for the exponentials.
            let row = row::exponentials(s, x, y);
            let shift = Shift { max: row.max, log_sum: row.log_sum(s) };
            Pass { rule: Store(shift), x: [x], y }.run(s);
        }
    }
}

/// x - max - log_sum, in this order: the first difference is exact or large.
#[derive(Clone, Copy)]
struct Shift {
    max: f32,
    log_sum: f32,
}

impl Map<1> for Shift {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        s.sub(s.sub(x, s.splat(self.max)), s.splat(self.log_sum))
    }
}

/// A vjp of rows: one sum over the row, then an elementwise function that knows it.
trait RowVjp: Map<2> {
    /// The function for one row of (y, dy).
    fn of_row<S: Simd>(s: S, y: &[f32], dy: &[f32]) -> Self;
}

#[derive(Clone, Copy)]
struct OfSoftmax(f32);

impl RowVjp for OfSoftmax {
    #[inline(always)]
    fn of_row<S: Simd>(s: S, y: &[f32], dy: &[f32]) -> Self {
        OfSoftmax(SumOf { f: Product, x: [y, dy], n: y.len() }.run(s) as f32)
    }
}

impl Map<2> for OfSoftmax {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [y, dy]: [S::F; 2]) -> S::F {
        s.mul(y, s.sub(dy, s.splat(self.0)))
    }
}

#[derive(Clone, Copy)]
struct OfLogSoftmax(f32);

impl RowVjp for OfLogSoftmax {
    #[inline(always)]
    fn of_row<S: Simd>(s: S, _: &[f32], dy: &[f32]) -> Self {
        OfLogSoftmax(SumOf { f: Scaled(1.0), x: [dy], n: dy.len() }.run(s) as f32)
    }
}

impl Map<2> for OfLogSoftmax {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [y, dy]: [S::F; 2]) -> S::F {
        s.neg_mul_add(math::exp(s, y), s.splat(self.0), dy)
    }
}

/// All rows.
fn vjp<F: RowVjp>(exec: Exec, op: &SoftmaxVjp<'_>, dx: &mut [f32], acc: Accumulate) {
    if dx.is_empty() {
        return;
    }
    let cols = op.cols;
    let part = rows_in_task(cols) * cols;
    exec.chunks(dx, part, |i, dx| {
        let [y, dy] = [op.y, op.dy].map(|x| &x[i * part..][..dx.len()]);
        exec.isa().run(Vjp::<F> { y, dy, cols, dx, acc, of: core::marker::PhantomData });
    });
}

struct Vjp<'a, F> {
    y: &'a [f32],
    dy: &'a [f32],
    cols: usize,
    dx: &'a mut [f32],
    acc: Accumulate,
    of: core::marker::PhantomData<F>,
}

impl<F: RowVjp> Kernel for Vjp<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let rows = self.y.chunks_exact(self.cols).zip(self.dy.chunks_exact(self.cols));
        for ((y, dy), dx) in rows.zip(self.dx.chunks_exact_mut(self.cols)) {
            let f = F::of_row(s, y, dy);
            match self.acc {
                Accumulate::Store => Pass { rule: Store(f), x: [y, dy], y: dx }.run(s),
                Accumulate::Add => Pass { rule: Add(f), x: [y, dy], y: dx }.run(s),
            }
        }
    }
}
