//! One axis of the transforms: polynomials by their values at six points.
//!
//! A tile of M outputs of R taps, M + R - 1 = 6, is a product of polynomials, which six values decide.
//! The points are 0, A, -A, B, -B and infinity. With A = 3/4 and B = 3/2 every constant of the input's
//! and the output's transform is exact in f32, and the rounding error is half of that of the usual
//! 1 and 2 (C = 64: 1.5e-6 of the largest output against 3e-6 to 8e-6).

use crate::simd::Simd;

/// The values that stand for a tile along one axis.
pub(super) const POINTS: usize = 6;

/// Powers of A and of B.
const POWERS_A: [f32; 5] = [1.0, 0.75, 0.5625, 0.421875, 0.31640625];
const POWERS_B: [f32; 5] = [1.0, 1.5, 2.25, 3.375, 5.0625];

/// 1 / the product of a point's distances to the others: A^2 B^2, 2 A^2 (A^2 - B^2), 2 B^2 (B^2 - A^2).
const WEIGHTS: [f32; POINTS] = {
    let (a, b) = (-128.0 / 243.0, 32.0 / 243.0);
    [64.0 / 81.0, a, a, b, b, 1.0]
};

/// A linear map along one axis.
pub(super) trait OneAxis<const I: usize, const O: usize>: Copy + Send + Sync {
    /// The image of x.
    fn apply<S: Simd>(s: S, x: [S::F; I]) -> [S::F; O];
}

/// Six inputs to the values that are multiplied with those of the taps.
#[derive(Clone, Copy)]
pub(super) struct Input;

impl OneAxis<6, POINTS> for Input {
    #[inline(always)]
    fn apply<S: Simd>(s: S, x: [S::F; 6]) -> [S::F; POINTS] {
        let [a, aa, b, bb] =
            [POWERS_A[1], POWERS_A[2], POWERS_B[1], POWERS_B[2]].map(|k| s.splat(k));
        let (sum, product) =
            (s.splat(POWERS_A[2] + POWERS_B[2]), s.splat(POWERS_A[2] * POWERS_B[2]));
        let (even_a, odd_a) = (s.neg_mul_add(bb, x[2], x[4]), s.neg_mul_add(bb, x[1], x[3]));
        let (even_b, odd_b) = (s.neg_mul_add(aa, x[2], x[4]), s.neg_mul_add(aa, x[1], x[3]));
        [
            s.mul_add(product, x[0], s.neg_mul_add(sum, x[2], x[4])),
            s.mul_add(a, odd_a, even_a),
            s.neg_mul_add(a, odd_a, even_a),
            s.mul_add(b, odd_b, even_b),
            s.neg_mul_add(b, odd_b, even_b),
            s.mul_add(product, x[1], s.neg_mul_add(sum, x[3], x[5])),
        ]
    }
}

/// The transpose of [`Input`]: products of values to six inputs.
#[derive(Clone, Copy)]
pub(super) struct InputGradient;

impl OneAxis<POINTS, 6> for InputGradient {
    #[inline(always)]
    fn apply<S: Simd>(s: S, x: [S::F; POINTS]) -> [S::F; 6] {
        let [a, aa, b, bb] =
            [POWERS_A[1], POWERS_A[2], POWERS_B[1], POWERS_B[2]].map(|k| s.splat(k));
        let (sum, product) =
            (s.splat(POWERS_A[2] + POWERS_B[2]), s.splat(POWERS_A[2] * POWERS_B[2]));
        let (even_a, odd_a) = (s.add(x[1], x[2]), s.mul(a, s.sub(x[1], x[2])));
        let (even_b, odd_b) = (s.add(x[3], x[4]), s.mul(b, s.sub(x[3], x[4])));
        let even = s.mul_add(aa, even_b, s.mul(bb, even_a));
        let odd = s.mul_add(aa, odd_b, s.mul(bb, odd_a));
        [
            s.mul(product, x[0]),
            s.sub(s.mul(product, x[5]), odd),
            s.sub(s.zero(), s.mul_add(sum, x[0], even)),
            s.neg_mul_add(sum, x[5], s.add(odd_a, odd_b)),
            s.add(x[0], s.add(even_a, even_b)),
            x[5],
        ]
    }
}

/// Values of the polynomial with the coefficients x: the gradient of M outputs.
#[derive(Clone, Copy)]
pub(super) struct Evaluate;

impl<const L: usize> OneAxis<L, POINTS> for Evaluate {
    #[inline(always)]
    fn apply<S: Simd>(s: S, x: [S::F; L]) -> [S::F; POINTS] {
        let (mut even, mut odd) = ([x[0]; 2], [s.zero(); 2]);
        for i in 1..L {
            let part = if i % 2 == 0 { &mut even } else { &mut odd };
            part[0] = s.mul_add(s.splat(POWERS_A[i]), x[i], part[0]);
            part[1] = s.mul_add(s.splat(POWERS_B[i]), x[i], part[1]);
        }
        [
            x[0],
            s.add(even[0], odd[0]),
            s.sub(even[0], odd[0]),
            s.add(even[1], odd[1]),
            s.sub(even[1], odd[1]),
            x[L - 1],
        ]
    }
}

/// The transpose of [`Evaluate`]: products of values to M outputs.
#[derive(Clone, Copy)]
pub(super) struct Collect;

impl<const L: usize> OneAxis<POINTS, L> for Collect {
    #[inline(always)]
    fn apply<S: Simd>(s: S, x: [S::F; POINTS]) -> [S::F; L] {
        let (even_a, odd_a) = (s.add(x[1], x[2]), s.sub(x[1], x[2]));
        let (even_b, odd_b) = (s.add(x[3], x[4]), s.sub(x[3], x[4]));
        let mut y = [s.zero(); L];
        y[0] = s.add(x[0], s.add(even_a, even_b));
        for (i, y) in y.iter_mut().enumerate().skip(1) {
            let (a, b) = if i % 2 == 0 { (even_a, even_b) } else { (odd_a, odd_b) };
            let first = s.mul(s.splat(POWERS_A[i]), a);
            *y = s.mul_add(s.splat(POWERS_B[i]), b, first);
        }
        y[L - 1] = s.add(y[L - 1], x[POINTS - 1]);
        y
    }
}

/// R taps to their weighted values.
#[derive(Clone, Copy)]
pub(super) struct Taps;

impl<const R: usize> OneAxis<R, POINTS> for Taps {
    #[inline(always)]
    fn apply<S: Simd>(s: S, x: [S::F; R]) -> [S::F; POINTS] {
        let mut y = Evaluate::apply(s, x);
        for (y, k) in y.iter_mut().zip(WEIGHTS) {
            *y = s.mul(*y, s.splat(k));
        }
        y
    }
}

/// The transpose of [`Taps`]: the gradient of R taps.
#[derive(Clone, Copy)]
pub(super) struct TapsGradient;

impl<const R: usize> OneAxis<POINTS, R> for TapsGradient {
    #[inline(always)]
    fn apply<S: Simd>(s: S, mut x: [S::F; POINTS]) -> [S::F; R] {
        for (x, k) in x.iter_mut().zip(WEIGHTS) {
            *x = s.mul(*x, s.splat(k));
        }
        Collect::apply(s, x)
    }
}

/// A grid of vectors: (i, j) lies at `ptr + i * step[0] + j * step[1]`.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub(super) ptr: *mut f32,
    pub(super) step: [isize; 2],
}

impl Grid {
    #[inline(always)]
    fn at(self, i: usize, j: usize) -> *mut f32 {
        self.ptr.wrapping_offset(i as isize * self.step[0] + j as isize * self.step[1])
    }
}

/// What is done with each vector at the end.
#[derive(Clone, Copy)]
pub(super) enum Finish<F> {
    Store,
    /// Added to what is there.
    Add,
    /// max(floor, x + bias) is stored.
    Output {
        bias: F,
        floor: F,
    },
}

/// to = T from T^T, a vector for each element. Returns the sum of the four corners before they are
/// finished: with [`Collect`] each value is in one of them, so what is not finite anywhere shows there.
///
/// # Safety
/// `from` must be readable at I x I vectors and `to` writable (readable, to add) at O x O, and they must not overlap.
#[inline(always)]
pub(super) unsafe fn both_axes<S: Simd, T: OneAxis<I, O>, const I: usize, const O: usize>(
    s: S,
    from: Grid,
    to: Grid,
    finish: Finish<S::F>,
) -> S::F {
    let mut corners = s.zero();
    let mut half = [[s.zero(); I]; O];
    for j in 0..I {
        let mut x = [s.zero(); I];
        for (i, x) in x.iter_mut().enumerate() {
            // SAFETY: i and j are below I.
            *x = unsafe { s.load_ptr(from.at(i, j)) };
        }
        for (half, y) in half.iter_mut().zip(T::apply(s, x)) {
            half[j] = y;
        }
    }
    for (i, half) in half.into_iter().enumerate() {
        for (j, mut y) in T::apply(s, half).into_iter().enumerate() {
            if (i == 0 || i == O - 1) && (j == 0 || j == O - 1) {
                corners = s.add(corners, y);
            }
            match finish {
                Finish::Store => {}
                // SAFETY: i and j are below O.
                Finish::Add => y = s.add(y, unsafe { s.load_ptr(to.at(i, j)) }),
                // This order keeps NaN.
                Finish::Output { bias, floor } => y = s.max(floor, s.add(y, bias)),
            }
            // SAFETY: i and j are below O.
            unsafe { s.store_ptr(to.at(i, j), y) };
        }
    }
    corners
}
