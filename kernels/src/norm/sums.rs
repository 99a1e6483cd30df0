//! K sums at once over runs of consecutive elements: a plane, a row.
//!
//! Four vectors of partial sums for each of the K hide the latency of an add (4 cycles, one or two
//! adds a cycle). After a block they are folded into one f64 each, so a partial sum never takes
//! more than BLOCK / (4 * LANES) elements, 128 on the narrowest ISA, and the error stays that of a
//! block however long the run.

use crate::simd::Simd;

/// What the elements that share a mean have in common: mean, inv_std, and for [`Gated`] alone
/// gamma * inv_std and beta.
pub(crate) type At<T> = [T; 4];

/// What is summed: K terms of N operands.
pub(crate) trait Terms<const N: usize, const K: usize>: Copy + Send + Sync {
    /// `sums` with the terms of one vector of each operand added.
    fn add<S: Simd>(self, s: S, sums: [S::F; K], x: [S::F; N], at: At<S::F>) -> [S::F; K];
}

/// [sum of x]
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Terms<1, 1> for Plain {
    #[inline(always)]
    fn add<S: Simd>(self, s: S, [sum]: [S::F; 1], [x]: [S::F; 1], _: At<S::F>) -> [S::F; 1] {
        [s.add(sum, x)]
    }
}

/// [sum of d, sum of d^2], d = x - mean
#[derive(Clone, Copy)]
pub(super) struct Centred;

impl Terms<1, 2> for Centred {
    #[inline(always)]
    fn add<S: Simd>(
        self,
        s: S,
        [sum, squares]: [S::F; 2],
        [x]: [S::F; 1],
        [mean, ..]: At<S::F>,
    ) -> [S::F; 2] {
        let d = s.sub(x, mean);
        [s.add(sum, d), s.mul_add(d, d, squares)]
    }
}

/// [sum of dy * xhat, sum of dy]
#[derive(Clone, Copy)]
pub(super) struct Gradient;

impl Terms<2, 2> for Gradient {
    #[inline(always)]
    fn add<S: Simd>(
        self,
        s: S,
        [dgamma, dbeta]: [S::F; 2],
        [x, dy]: [S::F; 2],
        [mean, inv_std, ..]: At<S::F>,
    ) -> [S::F; 2] {
        let xhat = s.mul(s.sub(x, mean), inv_std);
        [s.mul_add(dy, xhat, dgamma), s.add(dbeta, dy)]
    }
}

/// [sum of g * xhat, sum of g], g = gamma * dy
#[derive(Clone, Copy)]
pub(super) struct ScaledGradient;

impl Terms<3, 2> for ScaledGradient {
    #[inline(always)]
    fn add<S: Simd>(
        self,
        s: S,
        sums: [S::F; 2],
        [x, dy, gamma]: [S::F; 3],
        at: At<S::F>,
    ) -> [S::F; 2] {
        Gradient.add(s, sums, [x, s.mul(dy, gamma)], at)
    }
}

/// The sums of [`Gradient`] where a ReLU follows: dy counts where y = gamma * xhat + beta > 0.
#[derive(Clone, Copy)]
pub(super) struct Gated;

impl Terms<2, 2> for Gated {
    #[inline(always)]
    fn add<S: Simd>(self, s: S, sums: [S::F; 2], [x, dy]: [S::F; 2], at: At<S::F>) -> [S::F; 2] {
        let [mean, _, scale, beta] = at;
        Gradient.add(s, sums, [x, gate(s, [x, dy], [mean, scale, beta])], at)
    }
}

/// dy where `y = scale * (x - mean) + beta` is positive, else 0: in the arithmetic of the forward
/// pass, so that both agree on every bit of y, and y need not be read.
#[inline(always)]
pub(super) fn gate<S: Simd>(s: S, [x, dy]: [S::F; 2], [mean, scale, beta]: [S::F; 3]) -> S::F {
    let y = s.mul_add(s.sub(x, mean), scale, beta);
    s.select_or_zero(s.gt(y, s.zero()), dy)
}

/// Elements folded in f32 before their sum goes into f64.
const BLOCK: usize = 2048;

/// Vectors of partial sums; 4 x 2 sums + 2 operands + 4 of the channel + a temporary = 15 of 16
/// registers.
const UNROLL: usize = 4;

/// The numbers of the lanes.
const LANE: [f32; 16] = [0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.];

/// K running sums.
pub(crate) struct RunSums<S: Simd, const K: usize> {
    s: S,
    partial: [[S::F; K]; UNROLL],
    pending: usize,
    folded: [f64; K],
}

impl<S: Simd, const K: usize> RunSums<S, K> {
    /// Zero.
    #[inline(always)]
    pub(crate) fn new(s: S) -> Self {
        RunSums { s, partial: [[s.zero(); K]; UNROLL], pending: 0, folded: [0.0; K] }
    }

    /// Adds the terms of a run; all operands are as long as the first.
    #[inline(always)]
    pub(crate) fn add<const N: usize>(
        &mut self,
        terms: impl Terms<N, K>,
        x: [&[f32]; N],
        at: At<f32>,
    ) {
        let (len, mut start) = (x[0].len(), 0);
        while start < len {
            let end = len.min(start + BLOCK);
            let mut block = x;
            for (block, x) in block.iter_mut().zip(x) {
                *block = &x[start..end];
            }
            self.add_block(terms, block, at);
            self.pending += end - start;
            if self.pending >= BLOCK {
                self.fold();
            }
            start = end;
        }
    }

    #[inline(always)]
    fn add_block<const N: usize>(&mut self, terms: impl Terms<N, K>, x: [&[f32]; N], at: At<f32>) {
        let (s, len) = (self.s, x[0].len());
        let [mean, inv_std, scale, beta] = at;
        let at = [s.splat(mean), s.splat(inv_std), s.splat(scale), s.splat(beta)];
        let mut i = 0;
        while i + UNROLL * S::LANES <= len {
            for u in 0..UNROLL {
                let v = load_all(s, x, i + u * S::LANES);
                self.partial[u] = terms.add(s, self.partial[u], v, at);
            }
            i += UNROLL * S::LANES;
        }
        // Constant indices, lest the partial sums leave their registers.
        for u in 0..UNROLL - 1 {
            if i + S::LANES <= len {
                let v = load_all(s, x, i);
                self.partial[u] = terms.add(s, self.partial[u], v, at);
                i += S::LANES;
            }
        }
        if i < len {
            let mut v = [s.zero(); N];
            for (v, x) in v.iter_mut().zip(x) {
                *v = s.load_tail(&x[i..len]);
            }
            let inside = s.lt(s.load(&LANE), s.splat((len - i) as f32));
            // The zeros past the tail are not terms: 0 - mean is not 0.
            let tail = terms.add(s, [s.zero(); K], v, at);
            for (sum, t) in self.partial[UNROLL - 1].iter_mut().zip(tail) {
                *sum = s.add(*sum, s.select_or_zero(inside, t));
            }
        }
    }

    #[inline(always)]
    fn fold(&mut self) {
        let (s, [a, b, c, d]) = (self.s, self.partial);
        for k in 0..K {
            let sum = s.sum(s.add(s.add(a[k], b[k]), s.add(c[k], d[k])));
            self.folded[k] += f64::from(sum);
        }
        self.partial = [[s.zero(); K]; UNROLL];
        self.pending = 0;
    }

    /// The sums.
    #[inline(always)]
    pub(crate) fn finish(mut self) -> [f64; K] {
        self.fold();
        self.folded
    }
}

#[inline(always)]
fn load_all<S: Simd, const N: usize>(s: S, x: [&[f32]; N], i: usize) -> [S::F; N] {
    let mut v = [s.zero(); N];
    for (v, x) in v.iter_mut().zip(x) {
        *v = s.load(&x[i..i + S::LANES]);
    }
    v
}
