//! Values and residuals of a regulariser, in f64 and in the units of the objective.

use super::solver::{Form, Terms};
use super::{Groups, Regularizer};

impl Regularizer {
    /// `R(w)`.
    ///
    /// # Panics
    /// If `w` does not fit `groups`.
    pub fn value(&self, groups: Groups, w: &[f32]) -> f64 {
        check("value", "w", w, groups.len());
        if w.is_empty() {
            // There may be any number of groups of nothing.
            return 0.0;
        }
        match self.form() {
            Form::Element(element) => {
                w.iter().map(|&x| element.value(f64::from(x).abs())).sum::<f64>()
            }
            Form::Soft(terms) | Form::Group(terms, _) => {
                (0..groups.groups).map(|g| terms.value(Norms::of(groups, w, g))).sum()
            }
        }
    }

    /// How far the weights are from stationary: the largest distance, over the coordinates, of
    /// `-grad` to the subdifferential of R at `w`. `grad` is that of the loss alone. Where a convex
    /// R makes a group zero, the distance is that of the group's vector, in the 2-norm.
    ///
    /// ```
    /// use proxtape_kernels::prox::{Groups, L1, Regularizer};
    /// let reg = Regularizer::L1(L1 { lambda1: 1.0 });
    /// let (w, grad) = ([2.0, 0.0, 0.0], [-1.25, 0.5, -3.0]);
    /// // -grad should be 1, in [-1, 1] and in [-1, 1]: it is off by 0.25, 0 and 2.
    /// assert_eq!(reg.stationarity(Groups::whole(3), &w, &grad), 2.0);
    /// ```
    ///
    /// # Panics
    /// If `w` or `grad` does not fit `groups`.
    pub fn stationarity(&self, groups: Groups, w: &[f32], grad: &[f32]) -> f64 {
        check("stationarity", "w", w, groups.len());
        check("stationarity", "grad", grad, groups.len());
        if w.is_empty() {
            return 0.0;
        }
        match self.form() {
            Form::Element(element) => w.iter().zip(grad).fold(0.0, |worst: f64, (&w, &g)| {
                let (w, g) = (f64::from(w), f64::from(g));
                let slope = element.slope(w.abs());
                larger(worst, distance(w, g, slope))
            }),
            Form::Soft(terms) | Form::Group(terms, _) => (0..groups.groups)
                .fold(0.0, |worst: f64, g| larger(worst, terms.distance(groups, (w, grad), g))),
        }
    }

    /// The largest `|tau - lambda1 - rho ||w_g||_1| / max(tau, smallest normal f32)` over the
    /// groups: how well the taus that a prox left solve their equation at the weights that it left.
    /// 0 where there is no tau.
    ///
    /// # Panics
    /// If `w` or `tau` does not fit `groups`.
    pub fn residual(&self, groups: Groups, w: &[f32], tau: &[f32]) -> f64 {
        check("residual", "w", w, groups.len());
        let Form::Group(terms, _) = self.form() else { return 0.0 };
        check("residual", "tau", tau, groups.groups);
        (0..groups.groups).fold(0.0, |worst: f64, g| {
            let tau = f64::from(tau[g]);
            let right = terms.lambda1() + terms.rho() * Norms::of(groups, w, g).l1;
            larger(worst, (tau - right).abs() / tau.max(f64::from(f32::MIN_POSITIVE)))
        })
    }
}

#[track_caller]
fn check(name: &str, what: &str, x: &[f32], n: usize) {
    assert!(x.len() == n, "{name}: {what} has {} elements, the groups need {n}", x.len());
}

/// The larger; NaN wins, so that it is not hidden.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// Of a group.
struct Norms {
    l1: f64,
    squares: f64,
}

impl Norms {
    fn of(groups: Groups, w: &[f32], g: usize) -> Norms {
        groups.indices(g).fold(Norms { l1: 0.0, squares: 0.0 }, |n, i| {
            let x = f64::from(w[i]);
            Norms { l1: n.l1 + x.abs(), squares: n.squares + x * x }
        })
    }
}

/// |-g - slope sign(w)|, or at w = 0 the distance of g to [-slope, slope].
fn distance(w: f64, g: f64, slope: f64) -> f64 {
    if w == 0.0 { larger(0.0, g.abs() - slope) } else { (g + slope * w.signum()).abs() }
}

impl Terms {
    fn lambda1(&self) -> f64 {
        f64::from(self.lambda1)
    }

    fn rho(&self) -> f64 {
        f64::from(self.rho)
    }

    fn value(&self, n: Norms) -> f64 {
        let (beta, lambda2) = (f64::from(self.beta), f64::from(self.lambda2));
        self.lambda1() * n.l1
            + 0.5 * beta * n.squares
            + lambda2 * n.squares.sqrt()
            + 0.5 * self.rho() * n.l1 * n.l1
    }

    fn distance(&self, groups: Groups, (w, grad): (&[f32], &[f32]), g: usize) -> f64 {
        let (norms, lambda2) = (Norms::of(groups, w, g), f64::from(self.lambda2));
        let norm = norms.squares.sqrt();
        if norm == 0.0 && lambda2 > 0.0 {
            // The subdifferential at 0 is a box plus a ball, since l1,2 has gradient 0 there.
            let outside = groups.indices(g).map(|i| {
                let over = f64::from(grad[i]).abs() - self.lambda1();
                larger(0.0, over).powi(2)
            });
            return larger(0.0, outside.sum::<f64>().sqrt() - lambda2);
        }
        let slope = self.lambda1() + self.rho() * norms.l1;
        let c = f64::from(self.beta) + if lambda2 > 0.0 { lambda2 / norm } else { 0.0 };
        groups.indices(g).fold(0.0, |worst: f64, i| {
            let (w, grad) = (f64::from(w[i]), f64::from(grad[i]));
            larger(worst, distance(w, grad + c * w, slope))
        })
    }
}
