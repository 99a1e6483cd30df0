//! Sums over channels: one alone, or several whose planes are small side by side.

use crate::Exec;
use crate::norm::columns::{ByColumn, STRIP, Strip, column_sums, strip_width};
use crate::norm::sums::{self, RunSums, Terms};
use crate::norm::{Affine, Planes};
use crate::simd::{Kernel, Simd};

/// Planes up to this size are summed as columns of `[N, C * spatial]`: a plane of fewer elements
/// than the widest vector would leave lanes empty.
const SMALL_PLANE: usize = 16;

pub(super) const ZERO: sums::At<[f32; STRIP]> = [[0.0; STRIP]; 4];

/// Channels that are summed together: one, or as many small planes as a strip holds.
pub(super) fn group_size(exec: Exec, view: Planes) -> usize {
    if view.spatial > SMALL_PLANE { 1 } else { strip_width(exec.isa()) / view.spatial }
}

/// mean, inv_std, gamma * inv_std and beta of `count` channels; beta may be missing.
pub(super) fn channels_at(
    affine: &Affine<'_>,
    first: usize,
    count: usize,
) -> sums::At<[f32; STRIP]> {
    let mut at = ZERO;
    let of = [affine.mean, affine.inv_std, affine.gamma, affine.beta];
    for (at, of) in at.iter_mut().zip(of) {
        let of = of.get(first..first + count).unwrap_or(&[]);
        at[..of.len()].copy_from_slice(of);
    }
    let [_, inv_std, scale, _] = &mut at;
    scale.iter_mut().zip(inv_std).for_each(|(scale, inv_std)| *scale *= *inv_std);
    at
}

/// Channels from `first` on.
pub(super) struct Group<'a, const N: usize> {
    pub(super) exec: Exec,
    pub(super) view: Planes,
    pub(super) first: usize,
    pub(super) x: [&'a [f32]; N],
}

impl<const N: usize> Group<'_, N> {
    /// The K sums of each of `count` channels; `at` holds what goes with each.
    pub(super) fn sums<const K: usize>(
        &self,
        terms: impl Terms<N, K>,
        count: usize,
        at: &sums::At<[f32; STRIP]>,
    ) -> [[f64; STRIP]; K] {
        let Planes { n, c, spatial } = self.view;
        let mut sums = [[0.0; STRIP]; K];
        if spatial > SMALL_PLANE {
            let at = at.each_ref().map(|of| of[0]);
            let channel = Channel { view: self.view, c: self.first, x: self.x, terms, at };
            for (sums, sum) in sums.iter_mut().zip(self.exec.isa().run(channel)) {
                sums[0] = sum;
            }
            return sums;
        }
        let mut wide = ZERO;
        for (wide, at) in wide.iter_mut().zip(at) {
            for (wide, &at) in wide.chunks_mut(spatial).zip(&at[..count]) {
                wide.fill(at);
            }
        }
        let strip = Strip {
            x: self.x,
            pitch: c * spatial,
            first: self.first * spatial,
            width: count * spatial,
            at: ByColumn(&wide),
        };
        let columns = column_sums(self.exec, terms, strip, 0..n);
        for (sums, columns) in sums.iter_mut().zip(columns) {
            for (sum, plane) in sums[..count].iter_mut().zip(columns.chunks(spatial)) {
                *sum = plane.iter().sum();
            }
        }
        sums
    }
}

/// One channel, plane by plane.
struct Channel<'a, T, const N: usize, const K: usize> {
    view: Planes,
    c: usize,
    x: [&'a [f32]; N],
    terms: T,
    at: sums::At<f32>,
}

impl<T: Terms<N, K>, const N: usize, const K: usize> Kernel for Channel<'_, T, N, K> {
    type Output = [f64; K];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [f64; K] {
        let Planes { n, c, spatial } = self.view;
        let mut sums = RunSums::new(s);
        for image in 0..n {
            let from = (image * c + self.c) * spatial;
            let mut plane = self.x;
            for (plane, x) in plane.iter_mut().zip(self.x) {
                *plane = &x[from..from + spatial];
            }
            sums.add(self.terms, plane, self.at);
        }
        sums.finish()
    }
}
