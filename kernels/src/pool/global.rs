//! Global average pooling: each plane to its mean.

use super::{TASK, check};
use crate::norm::sums::{Plain, RunSums};
use crate::simd::{Kernel, Simd};
use crate::{Accumulate, Exec, size};

/// `y[p] = sum(x[p]) / area`, `x: [planes, area]`, `y: [planes]`.
///
/// Sums are folded in f64, so that the error does not grow with the area. An area of 0 gives NaN.
///
/// # Panics
/// If x does not hold `y.len() * area` elements, or memory cannot hold so many.
pub fn global_average(exec: Exec, x: &[f32], area: usize, y: &mut [f32]) {
    check("global_average", "x", x.len(), size::elements("global_average", &[y.len(), area]));
    let planes = TASK.div_ceil(area.max(1));
    exec.chunks(y, planes, |i, y| {
        let x = &x[i * planes * area..][..y.len() * area];
        exec.isa().run(Means { x, area, y });
    });
}

/// `dx[p, ..] = dy[p] / area`, or adds it; `dx: [planes, area]`, `dy: [planes]`.
///
/// # Panics
/// If dx does not hold `dy.len() * area` elements, or memory cannot hold so many.
pub fn global_average_vjp(exec: Exec, dy: &[f32], area: usize, dx: &mut [f32], acc: Accumulate) {
    let len = size::elements("global_average_vjp", &[dy.len(), area]);
    check("global_average_vjp", "dx", dx.len(), len);
    if dx.is_empty() {
        return;
    }
    let planes = TASK.div_ceil(area);
    exec.chunks(dx, planes * area, |i, dx| {
        let dy = &dy[i * planes..][..dx.len() / area];
        exec.isa().run(Spread { dy, area, dx, acc });
    });
}

struct Means<'a> {
    x: &'a [f32],
    area: usize,
    y: &'a mut [f32],
}

impl Kernel for Means<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (p, y) in self.y.iter_mut().enumerate() {
            let mut sums = RunSums::new(s);
            sums.add(Plain, [&self.x[p * self.area..][..self.area]], [0.0; 4]);
            let [sum] = sums.finish();
            *y = (sum / self.area as f64) as f32;
        }
    }
}

struct Spread<'a> {
    dy: &'a [f32],
    area: usize,
    dx: &'a mut [f32],
    acc: Accumulate,
}

impl Kernel for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (dx, dy) in self.dx.chunks_exact_mut(self.area).zip(self.dy) {
            let share = dy / self.area as f32;
            match self.acc {
                Accumulate::Store => dx.fill(share),
                Accumulate::Add => dx.iter_mut().for_each(|dx| *dx += share),
            }
        }
    }
}
