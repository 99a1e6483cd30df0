//! Elementwise functions of any number of operands: `y[i] = f(x0[i], x1[i], ...)`.
//!
//! One loop serves all of them: four whole vectors a turn, then single vectors, then a masked
//! tail. The four are evaluated one after another, not side by side: the out-of-order core
//! overlaps them anyway, and a long `f` such as a logarithm then keeps its constants in registers.
//! No element depends on another, so where the work is cut cannot change a bit.

use crate::{Accumulate, Exec, Kernel, Simd};

/// A function of `N` operands, applied lane by lane. Mark `eval` `#[inline(always)]`.
pub trait Map<const N: usize>: Copy + Send + Sync {
    /// `f(x0, x1, ...)` in every lane; lanes must not mix, for those of a tail hold zeros.
    fn eval<S: Simd>(self, s: S, x: [S::F; N]) -> S::F;
}

/// A function of the old value of its destination and `N` operands.
pub trait MapInPlace<const N: usize>: Copy + Send + Sync {
    /// `f(y, x0, x1, ...)` in every lane.
    fn eval<S: Simd>(self, s: S, y: S::F, x: [S::F; N]) -> S::F;
}

/// Elements in a task: 128 KiB of each operand, 5 to 30 us of work at what memory or an
/// exponential allows, so that rayon's 1 to 2 us a task do not show.
const TASK: usize = 32 * 1024;

/// Whole vectors in a turn of the loop: enough to hide the loop's own three instructions.
const UNROLL: usize = 4;

/// `y[i] = f(x0[i], x1[i], ...)`, or `+=`.
///
/// # Panics
/// If an operand is not as long as `y`.
///
/// ```
/// use proxtape_kernels::{Accumulate, Exec, Isa, Simd, map};
/// #[derive(Clone, Copy)]
/// struct Axpy(f32);
/// impl map::Map<2> for Axpy {
///     #[inline(always)]
///     fn eval<S: Simd>(self, s: S, [x, y]: [S::F; 2]) -> S::F {
///         s.mul_add(s.splat(self.0), x, y)
///     }
/// }
/// let mut y = [f32::NAN; 3];
/// let exec = Exec::new(Isa::detect());
/// map::map(exec, Axpy(2.0), [&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]], &mut y, Accumulate::Store);
/// assert_eq!(y, [7.0, 9.0, 11.0]);
/// ```
#[inline]
pub fn map<const N: usize>(
    exec: Exec,
    f: impl Map<N>,
    x: [&[f32]; N],
    y: &mut [f32],
    acc: Accumulate,
) {
    match acc {
        Accumulate::Store => pass(exec, Store(f), x, y),
        Accumulate::Add => pass(exec, Add(f), x, y),
    }
}

/// `y[i] = f(y[i], x0[i], x1[i], ...)`.
///
/// # Panics
/// If an operand is not as long as `y`.
///
/// ```
/// use proxtape_kernels::{Exec, Isa, Simd, map};
/// #[derive(Clone, Copy)]
/// struct Scale(f32);
/// impl map::MapInPlace<0> for Scale {
///     #[inline(always)]
///     fn eval<S: Simd>(self, s: S, y: S::F, []: [S::F; 0]) -> S::F {
///         s.mul(s.splat(self.0), y)
///     }
/// }
/// let mut y = [1.0, 2.0];
/// map::update(Exec::new(Isa::detect()), Scale(3.0), &mut y, []);
/// assert_eq!(y, [3.0, 6.0]);
/// ```
#[inline]
pub fn update<const N: usize>(exec: Exec, f: impl MapInPlace<N>, y: &mut [f32], x: [&[f32]; N]) {
    pass(exec, Update(f), x, y);
}

/// What a pass writes: `map` and `update` are one loop with three rules.
pub(crate) trait Rule<const N: usize>: Copy + Send + Sync {
    /// Whether the old value is read at all.
    const READS: bool;
    /// The new value; `old` is zero where it is not read.
    fn value<S: Simd>(self, s: S, old: S::F, x: [S::F; N]) -> S::F;
}

#[derive(Clone, Copy)]
pub(crate) struct Store<F>(pub(crate) F);

impl<F: Map<N>, const N: usize> Rule<N> for Store<F> {
    const READS: bool = false;
    #[inline(always)]
    fn value<S: Simd>(self, s: S, _: S::F, x: [S::F; N]) -> S::F {
        self.0.eval(s, x)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Add<F>(pub(crate) F);

impl<F: Map<N>, const N: usize> Rule<N> for Add<F> {
    const READS: bool = true;
    #[inline(always)]
    fn value<S: Simd>(self, s: S, old: S::F, x: [S::F; N]) -> S::F {
        s.add(old, self.0.eval(s, x))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Update<F>(pub(crate) F);

impl<F: MapInPlace<N>, const N: usize> Rule<N> for Update<F> {
    const READS: bool = true;
    #[inline(always)]
    fn value<S: Simd>(self, s: S, old: S::F, x: [S::F; N]) -> S::F {
        self.0.eval(s, old, x)
    }
}

/// Checks the lengths and cuts the work.
#[inline]
fn pass<const N: usize>(exec: Exec, rule: impl Rule<N>, x: [&[f32]; N], y: &mut [f32]) {
    for (j, x) in x.iter().enumerate() {
        let (have, want) = (x.len(), y.len());
        assert!(have == want, "map: operand {j} has {have} elements, y has {want}");
    }
    exec.chunks(y, TASK, |i, y| {
        let part = i * TASK..i * TASK + y.len();
        exec.isa().run(Pass { rule, x: x.map(|x| &x[part.clone()]), y });
    });
}

/// One task; every operand is as long as `y`. Other kernels run it for a row of theirs.
pub(crate) struct Pass<'a, R, const N: usize> {
    pub(crate) rule: R,
    pub(crate) x: [&'a [f32]; N],
    pub(crate) y: &'a mut [f32],
}

impl<R: Rule<N>, const N: usize> Kernel for Pass<'_, R, N> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (n, mut at) = (self.y.len(), 0);
        let mut x = [self.y.as_ptr(); N];
        for (p, x) in x.iter_mut().zip(self.x) {
            assert!(x.len() == n, "every operand of a pass is as long as y");
            *p = x.as_ptr();
        }
        let y = self.y.as_mut_ptr();
        while at + UNROLL * S::LANES <= n {
            for u in 0..UNROLL {
                // SAFETY: at + UNROLL * LANES <= n, the length of y and of every operand.
                unsafe { vector(s, self.rule, x, y, at + u * S::LANES) };
            }
            at += UNROLL * S::LANES;
        }
        while at + S::LANES <= n {
            // SAFETY: at + LANES <= n, the length of y and of every operand.
            unsafe { vector(s, self.rule, x, y, at) };
            at += S::LANES;
        }
        if at < n {
            // SAFETY: n - at < LANES elements of y and of every operand lie at `at`.
            unsafe { tail(s, self.rule, x, y, at..n) };
        }
    }
}

/// One whole vector.
///
/// # Safety
/// `y` and every operand must have LANES elements at `at`.
#[inline(always)]
unsafe fn vector<S: Simd, R: Rule<N>, const N: usize>(
    s: S,
    rule: R,
    x: [*const f32; N],
    y: *mut f32,
    at: usize,
) {
    // A plain loop: a closure would not inherit inline(always), and each intrinsic in it would
    // become a call.
    let mut v = [s.zero(); N];
    for j in 0..N {
        // SAFETY: the caller vouches for LANES elements at `at`.
        v[j] = unsafe { s.load_ptr(x[j].add(at)) };
    }
    // SAFETY: as above, for y.
    unsafe {
        let y = y.add(at);
        let old = if R::READS { s.load_ptr(y) } else { s.zero() };
        s.store_ptr(y, rule.value(s, old, v));
    }
}

/// The masked tail.
///
/// # Safety
/// The range must hold at most LANES indices, all inside `y` and every operand.
#[inline(always)]
unsafe fn tail<S: Simd, R: Rule<N>, const N: usize>(
    s: S,
    rule: R,
    x: [*const f32; N],
    y: *mut f32,
    at: core::ops::Range<usize>,
) {
    let mut v = [s.zero(); N];
    for j in 0..N {
        // SAFETY: the caller vouches for the range.
        v[j] = unsafe { s.load_first_ptr(x[j].add(at.start), at.len()) };
    }
    // SAFETY: as above, for y.
    unsafe {
        let y = y.add(at.start);
        let old = if R::READS { s.load_first_ptr(y, at.len()) } else { s.zero() };
        s.store_first_ptr(y, at.len(), rule.value(s, old, v));
    }
}
