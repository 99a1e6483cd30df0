//! Sums over whole buffers, folded in a fixed order.
//!
//! A block of 1024 elements is summed in f32 by four vectors of partial sums, so a lane adds at
//! most 64 numbers; blocks are added in f64, and tasks of 64 blocks are folded as a binary tree.
//! The tree depends on the length alone: the bits do not depend on the number of threads, and the
//! error does not grow with the length.

use crate::map::Map;
use crate::{Exec, Kernel, Simd};
use core::ops::Range;

/// Elements that are summed in f32: 64 cycles at two vectors of eight a cycle, a tenth more for the
/// fold. With 4096 a million times 0.1 came out 2.4e-6 too large on four lanes, now 5e-7 too small.
pub(crate) const BLOCK: usize = 1024;
/// Elements in a task: 10 to 30 us.
const TASK: usize = 64 * BLOCK;

/// `sum x`.
///
/// ```
/// use proxtape_kernels::{Exec, Isa, reduce};
/// let x = vec![0.1; 1_000_000];
/// let sum = reduce::sum(Exec::new(Isa::detect()), &x);
/// assert!((sum - 100_000.0).abs() < 0.1); // one after another they give 100_958.34
/// ```
pub fn sum(exec: Exec, x: &[f32]) -> f32 {
    sum_of(exec, Scaled(1.0), [x]) as f32
}

/// `sum x y`.
///
/// # Panics
/// If the lengths differ.
pub fn dot(exec: Exec, x: &[f32], y: &[f32]) -> f32 {
    sum_of(exec, Product, [x, y]) as f32
}

/// `sum x^2`, in f64, for x of any magnitude.
///
/// ```
/// use proxtape_kernels::{Exec, Isa, reduce};
/// let sum = reduce::sum_squares(Exec::new(Isa::detect()), &[3e20, 4e20]);
/// assert!((sum.sqrt() / 5e20 - 1.0).abs() < 1e-6);
/// ```
pub fn sum_squares(exec: Exec, x: &[f32]) -> f64 {
    let sum = sum_of(exec, Square, [x]);
    // The squares are f32, which holds those of 1.1e-19 to 1.8e19 alone; beyond these in f64, slowly.
    // All zeros are usual: the gradient of a layer that feeds nothing.
    let is_whole = (f64::from(f32::MIN_POSITIVE)..f64::INFINITY).contains(&sum);
    match is_whole || max_abs(exec, x) == 0.0 && sum == 0.0 {
        true => sum,
        false => x.iter().map(|&x| f64::from(x) * f64::from(x)).sum(),
    }
}

/// `sum f(x0[i], x1[i], ...)`, in f64 from blocks in f32.
///
/// # Panics
/// If the lengths differ.
///
/// ```
/// use proxtape_kernels::{Exec, Isa, Simd, map::Map, reduce};
/// #[derive(Clone, Copy)]
/// struct SquaredDistance;
/// impl Map<2> for SquaredDistance {
///     #[inline(always)]
///     fn eval<S: Simd>(self, s: S, [x, y]: [S::F; 2]) -> S::F {
///         let d = s.sub(x, y);
///         s.mul(d, d)
///     }
/// }
/// let exec = Exec::new(Isa::detect());
/// assert_eq!(reduce::sum_of(exec, SquaredDistance, [&[1.0, 2.0], &[4.0, 6.0]]), 25.0);
/// ```
pub fn sum_of<const N: usize>(exec: Exec, f: impl Map<N>, x: [&[f32]; N]) -> f64 {
    let n = x.first().map_or(0, |x| x.len());
    for (j, x) in x.iter().enumerate() {
        assert!(x.len() == n, "reduce: operand {j} has {} elements, operand 0 has {n}", x.len());
    }
    let leaf = |part: Range<usize>| {
        exec.isa().run(SumOf { f, x: x.map(|x| &x[part.clone()]), n: part.len() })
    };
    fold(exec, 0..n, &leaf, |a, b| a + b)
}

/// The largest magnitude, 0 of nothing. NaN is passed over: see [`all_finite`].
pub fn max_abs(exec: Exec, x: &[f32]) -> f32 {
    fold(exec, 0..x.len(), &|part| exec.isa().run(MaxAbs(&x[part])), f32::max)
}

/// Whether no element is infinite or NaN.
pub fn all_finite(exec: Exec, x: &[f32]) -> bool {
    !fold(exec, 0..x.len(), &|part| exec.isa().run(AnyBad(&x[part])), |a, b| a | b)
}

#[derive(Clone, Copy)]
pub(crate) struct Scaled(pub(crate) f32);

impl Map<1> for Scaled {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        s.mul(x, s.splat(self.0))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Product;

impl Map<2> for Product {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x, y]: [S::F; 2]) -> S::F {
        s.mul(x, y)
    }
}

#[derive(Clone, Copy)]
struct Square;

impl Map<1> for Square {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
        s.mul(x, x)
    }
}

/// Folds `leaf` over tasks as a binary tree whose shape depends on the length alone.
pub(crate) fn fold<T: Default + Send>(
    exec: Exec,
    part: Range<usize>,
    leaf: &(impl Fn(Range<usize>) -> T + Sync),
    merge: fn(T, T) -> T,
) -> T {
    if part.len() <= TASK {
        return leaf(part);
    }
    let tasks = part.len().div_ceil(TASK);
    let mid = part.start + tasks / 2 * TASK;
    let (mut a, mut b) = (T::default(), T::default());
    exec.join(
        || a = fold(exec, part.start..mid, leaf, merge),
        || b = fold(exec, mid..part.end, leaf, merge),
    );
    merge(a, b)
}

/// The leaf of a sum. Other kernels run it for a row of theirs.
pub(crate) struct SumOf<'a, F, const N: usize> {
    pub(crate) f: F,
    pub(crate) x: [&'a [f32]; N],
    pub(crate) n: usize,
}

impl<F: Map<N>, const N: usize> Kernel for SumOf<'_, F, N> {
    type Output = f64;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let (mut total, mut at) = (0.0, 0);
        while at < self.n {
            let n = BLOCK.min(self.n - at);
            let mut sums = Sums::new(s);
            let mut i = at;
            while i + 4 * S::LANES <= at + n {
                for k in 0..4 {
                    let v = self.f.eval(s, load(s, self.x, i + k * S::LANES, S::LANES));
                    sums.0[k] = s.add(sums.0[k], v);
                }
                i += 4 * S::LANES;
            }
            while i < at + n {
                let lanes = S::LANES.min(at + n - i);
                let v = self.f.eval(s, load(s, self.x, i, lanes));
                let v = s.select_or_zero(s.first_lanes(lanes), v);
                sums.0[0] = s.add(sums.0[0], v);
                i += S::LANES;
            }
            total += f64::from(sums.total(s));
            at += n;
        }
        total
    }
}

/// `n <= LANES` elements of each operand.
#[inline(always)]
fn load<S: Simd, const N: usize>(s: S, x: [&[f32]; N], at: usize, n: usize) -> [S::F; N] {
    let mut v = [s.zero(); N];
    for j in 0..N {
        let x = &x[j][at..at + n];
        v[j] = if n == S::LANES { s.load(x) } else { s.load_tail(x) };
    }
    v
}

/// Four vectors of partial sums.
pub(crate) struct Sums<S: Simd>(pub(crate) [S::F; 4]);

impl<S: Simd> Sums<S> {
    #[inline(always)]
    pub(crate) fn new(s: S) -> Self {
        Sums([s.zero(); 4])
    }
    /// Their sum, pairwise.
    #[inline(always)]
    pub(crate) fn total(&self, s: S) -> f32 {
        let [a, b, c, d] = self.0;
        s.sum(s.add(s.add(a, b), s.add(c, d)))
    }
}

struct MaxAbs<'a>(&'a [f32]);

impl Kernel for MaxAbs<'_> {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut m = [s.zero(); 4];
        let mut turns = self.0.chunks_exact(4 * S::LANES);
        for x in turns.by_ref() {
            for k in 0..4 {
                // The running maximum comes second: it survives a NaN.
                m[k] = s.max(s.abs(s.load(&x[k * S::LANES..])), m[k]);
            }
        }
        for x in turns.remainder().chunks(S::LANES) {
            m[0] = s.max(s.abs(s.load_tail(x)), m[0]);
        }
        s.max_lane(s.max(s.max(m[0], m[1]), s.max(m[2], m[3])))
    }
}

struct AnyBad<'a>(&'a [f32]);

impl Kernel for AnyBad<'_> {
    type Output = bool;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> bool {
        let zero = s.zero();
        for block in self.0.chunks(BLOCK) {
            // x * 0 is NaN for inf and NaN, and a sum with a NaN is one.
            let mut m = [zero; 4];
            let mut turns = block.chunks_exact(4 * S::LANES);
            for x in turns.by_ref() {
                for k in 0..4 {
                    m[k] = s.mul_add(s.load(&x[k * S::LANES..]), zero, m[k]);
                }
            }
            for x in turns.remainder().chunks(S::LANES) {
                m[0] = s.mul_add(s.load_tail(x), zero, m[0]);
            }
            let m = s.add(s.add(m[0], m[1]), s.add(m[2], m[3]));
            if s.any(s.ne(m, m)) {
                return true;
            }
        }
        false
    }
}
