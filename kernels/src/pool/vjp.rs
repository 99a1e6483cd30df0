//! Gradients of windows: each dy goes back to the inputs of its window, in the order of the
//! outputs, so overlapping windows add up to the same bits every time.

use super::Pool2d;
use crate::simd::{Kernel, Simd};
use crate::{Accumulate, Exec};

/// A scatter without SIMD: one load, add and store an output, and a Store's zeros at the speed of
/// memory. Comparing indices with positions instead would read index and dy KH * KW times.
pub(super) fn max(
    exec: Exec,
    pool: &Pool2d,
    dy: &[f32],
    index: &[u32],
    dx: &mut [f32],
    acc: Accumulate,
) {
    let (plane, area, planes) = (pool.h * pool.w, pool.oh() * pool.ow(), pool.planes_per_task());
    if dx.is_empty() {
        return;
    }
    exec.chunks(dx, planes * plane, |i, dx| {
        for (p, dx) in dx.chunks_exact_mut(plane).enumerate() {
            if acc == Accumulate::Store {
                dx.fill(0.0);
            }
            let from = (i * planes + p) * area;
            for (&at, dy) in index[from..from + area].iter().zip(&dy[from..from + area]) {
                assert!(
                    (at as usize) < plane,
                    "max_vjp: index {at} in a plane of {plane} elements"
                );
                dx[at as usize] += dy;
            }
        }
    });
}

pub(super) fn average(exec: Exec, pool: &Pool2d, dy: &[f32], dx: &mut [f32], acc: Accumulate) {
    let (plane, planes) = (pool.h * pool.w, pool.planes_per_task());
    if dx.is_empty() {
        return;
    }
    exec.chunks(dx, planes * plane, |i, dx| {
        let pool = pool.with_planes(dx.len() / plane);
        let dy = &dy[i * planes * pool.oh() * pool.ow()..][..pool.y_len()];
        exec.isa().run(Average { pool, dy, dx, acc });
    });
}

/// The planes of one task. Plain loops, which the compiler vectorises for the instruction set.
struct Average<'a> {
    pool: Pool2d,
    dy: &'a [f32],
    dx: &'a mut [f32],
    acc: Accumulate,
}

impl Kernel for Average<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Average { pool, dy, dx, acc } = self;
        let (oh, ow) = (pool.oh(), pool.ow());
        let inv = 1.0 / (pool.kernel[0] * pool.kernel[1]) as f32;
        // Windows that tile the plane write each input once, so Store needs no zeros first.
        let tiles = pool.kernel == pool.stride && pool.padding == [0, 0];
        for (plane, dx) in dx.chunks_exact_mut(pool.h * pool.w).enumerate() {
            let dy = &dy[plane * oh * ow..][..oh * ow];
            match acc {
                Accumulate::Store if tiles => tile(pool, dy, dx, inv, |dx, g| *dx = g),
                Accumulate::Add if tiles => tile(pool, dy, dx, inv, |dx, g| *dx += g),
                Accumulate::Store => {
                    dx.fill(0.0);
                    scatter(pool, dy, dx, inv);
                }
                Accumulate::Add => scatter(pool, dy, dx, inv),
            }
            if tiles && acc == Accumulate::Store {
                let (rows, cols) = (oh * pool.kernel[0], ow * pool.kernel[1]);
                dx[rows * pool.w..].fill(0.0);
                dx.chunks_exact_mut(pool.w).for_each(|row| row[cols..].fill(0.0));
            }
        }
    }
}

#[inline(always)]
fn tile(pool: Pool2d, dy: &[f32], dx: &mut [f32], inv: f32, put: impl Fn(&mut f32, f32)) {
    let ([kh, kw], ow) = (pool.kernel, pool.ow());
    for (i, dy) in dy.chunks_exact(ow.max(1)).enumerate() {
        for dx in dx[i * kh * pool.w..].chunks_exact_mut(pool.w).take(kh) {
            if kw == 2 {
                for (dx, dy) in dx.chunks_exact_mut(2).zip(dy) {
                    put(&mut dx[0], dy * inv);
                    put(&mut dx[1], dy * inv);
                }
            } else {
                for (dx, dy) in dx.chunks_exact_mut(kw).zip(dy) {
                    dx.iter_mut().for_each(|dx| put(dx, dy * inv));
                }
            }
        }
    }
}

#[inline(always)]
fn scatter(pool: Pool2d, dy: &[f32], dx: &mut [f32], inv: f32) {
    let Pool2d { w, kernel: [_, kw], stride: [sh, sw], padding: [ph, pw], .. } = pool;
    let (ow, inside) = (pool.ow(), pool.interior());
    for (i, dy) in dy.chunks_exact(ow.max(1)).enumerate() {
        for ky in pool.taps(0, i) {
            let dx = &mut dx[(i * sh + ky - ph) * w..][..w];
            for j in (0..inside.start).chain(inside.end..ow) {
                for kx in pool.taps(1, j) {
                    dx[j * sw + kx - pw] += dy[j] * inv;
                }
            }
            if inside.is_empty() {
                // A kernel may be any number of times as wide as the plane.
                continue;
            }
            for kx in 0..kw {
                let (dx, dy) = (&mut dx[inside.start * sw + kx - pw..], &dy[inside.clone()]);
                if sw == 1 {
                    dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * inv);
                } else {
                    dx.iter_mut().step_by(sw).zip(dy).for_each(|(dx, dy)| *dx += dy * inv);
                }
            }
        }
    }
}
