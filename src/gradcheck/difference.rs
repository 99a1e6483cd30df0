//! Central differences with the step that the precision allows, and how to know a kink.
//!
//! With s(t) = <c, f(x + t d)> - <c, f(x)> at t = -2h, -h, h, 2h:
//!
//! ```text
//! odd(h)  = (s(h) - s(-h)) / 2h        = s' + h^2 s'''/6 + ...
//! even(h) = (s(h) + s(-h)) / h         = h s'' + h^3 s''''/12 + ...
//! want    = (4 odd(h) - odd(2h)) / 3   = s' + O(h^4)
//! bend    = |odd(2h) - odd(h)| + |even(2h) - 2 even(h)| / 2   = O(h^2) where s is smooth
//! ```
//!
//! A kink of height a at 0 <= t < 2h makes `bend` at least as large as the error of `want`, up to
//! a/2; a kink right at t = 0 shows only in the even part. The points are rounded to the precision
//! of the function, and the gradient is multiplied with the displacement that was really taken, so
//! the rounding of the points is no error.

use super::{Point, unit};
use crate::random::Random;

/// What the arithmetic of the function allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Precision {
    /// The distance from 1 to the next number.
    epsilon: f64,
    /// The relative step: cbrt(epsilon) balances rounding (epsilon / h) and truncation (h^2).
    h: f64,
    /// The error to allow, as a share of the largest component.
    pub(super) tolerance: f64,
}

impl Precision {
    pub(super) fn single(tolerance: f64) -> Precision {
        let epsilon = f64::from(f32::EPSILON);
        Precision { epsilon, h: epsilon.cbrt(), tolerance }
    }

    pub(super) fn double(tolerance: f64) -> Precision {
        Precision { epsilon: f64::EPSILON, h: f64::EPSILON.cbrt(), tolerance }
    }

    fn round(&self, x: f64) -> f64 {
        if self.epsilon == f64::EPSILON { x } else { f64::from(x as f32) }
    }

    /// A point a few steps away, in f32 since the tape computes a gradient there.
    pub(super) fn wander(&self, base: &[Vec<f64>], random: &mut Random) -> Point {
        let mut point = base.to_vec();
        for x in &mut point {
            let steps = steps(x);
            for (x, step) in x.iter_mut().zip(steps) {
                let shift = 16.0 * self.h * step * (2.0 * unit(random) - 1.0);
                *x = f64::from((*x + shift) as f32);
            }
        }
        point
    }
}

/// How far 1 reaches along each coordinate: |x|, but at least a quarter of the root mean square,
/// and 1 where all is zero.
pub(super) fn steps(x: &[f64]) -> Vec<f64> {
    let rms = (x.iter().map(|x| x * x).sum::<f64>() / x.len().max(1) as f64).sqrt();
    let least = if rms > 0.0 { rms / 4.0 } else { 1.0 };
    x.iter().map(|x| x.abs().max(least)).collect()
}

/// Which coordinates move, and how far for h = 1.
pub(super) type Displacement = Vec<(usize, f64)>;

/// The function at five points of a line through one input.
pub(super) struct Stencil {
    precision: Precision,
    along: Displacement,
    /// For each coordinate of `along`, x(h) - x(-h) and x(2h) - x(-2h) as they are after rounding.
    moved: Vec<[f64; 2]>,
    centre: Vec<f64>,
    /// At -2h, -h, h, 2h.
    around: [Vec<f64>; 4],
}

impl Stencil {
    pub(super) fn new(
        precision: &Precision,
        point: &[Vec<f64>],
        (input, along): (usize, Displacement),
        mut eval: impl FnMut(&[Vec<f64>]) -> Vec<f64>,
    ) -> Stencil {
        let (precision, mut x) = (*precision, point.to_vec());
        let centre = eval(&x);
        let mut moved = vec![[0.0; 2]; along.len()];
        let around = [-2.0f64, -1.0, 1.0, 2.0].map(|t| {
            for (&(k, d), moved) in along.iter().zip(&mut moved) {
                x[input][k] = precision.round(point[input][k] + t * precision.h * d);
                moved[t.abs() as usize - 1] += t.signum() * x[input][k];
            }
            eval(&x)
        });
        Stencil { precision, along, moved, centre, around }
    }

    /// Compares the derivative along the line with the gradient, for one cotangent.
    pub(super) fn sample(&self, cotangent: &[f32], gradient: &[f32]) -> Sample {
        let h = self.precision.h;
        let project = |y: &[f64]| -> f64 {
            let change = y.iter().zip(&self.centre).map(|(y, centre)| y - centre);
            cotangent.iter().zip(change).map(|(&c, change)| f64::from(c) * change).sum()
        };
        let [m2, m1, p1, p2] = self.around.each_ref().map(|y| project(y));
        let odd = [(p1 - m1) / (2.0 * h), (p2 - m2) / (4.0 * h)];
        let even = [(p1 + m1) / h, (p2 + m2) / (2.0 * h)];
        let got = [0, 1].map(|i| {
            let products = self.along.iter().zip(&self.moved);
            let products = products.map(|(&(k, _), moved)| f64::from(gradient[k]) * moved[i]);
            products.sum::<f64>() / ((i + 1) as f64 * 2.0 * h)
        });
        let extrapolate = |[near, far]: [f64; 2]| (4.0 * near - far) / 3.0;
        let size = cotangent.iter().zip(&self.centre).map(|(&c, y)| (f64::from(c) * y).powi(2));
        Sample {
            got: extrapolate(got),
            want: extrapolate(odd),
            // NaN stays NaN, which f64::max would lose.
            bend: (odd[1] - odd[0]).abs() + (even[1] - 2.0 * even[0]).abs() / 2.0,
            // Eight standard deviations, if each output is rounded once.
            noise: 4.0 * self.precision.epsilon * size.sum::<f64>().sqrt() / h,
            length: self.along.iter().map(|(_, d)| d * d).sum::<f64>().sqrt(),
        }
    }
}

/// A derivative along a line: by the tape, and by differences.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) got: f64,
    pub(super) want: f64,
    /// How far the function is from smooth, in units of the derivative.
    bend: f64,
    /// What rounding may do to `want`.
    pub(super) noise: f64,
    /// The length of the direction.
    pub(super) length: f64,
}

impl Sample {
    pub(super) fn agrees(&self, allowed: f64) -> bool {
        (self.got - self.want).abs() <= allowed
    }

    /// Whether the differences can be trusted: if they do not agree with the gradient, it is the
    /// gradient that is wrong.
    pub(super) fn is_smooth(&self, allowed: f64) -> bool {
        self.bend <= allowed / 2.0
    }
}

/// The largest derivative for each unit of length.
///
/// The smaller one of the two sides: a jump makes differences huge, and must not buy tolerance for
/// the others; where the sides agree it does not matter.
pub(super) fn scale(samples: &[Sample]) -> f64 {
    // f64::max ignores NaN.
    let largest = |of: fn(&Sample) -> f64| {
        samples.iter().map(|s| (of(s) / s.length).abs()).fold(0.0, f64::max)
    };
    largest(|s| s.got).min(largest(|s| s.want))
}
