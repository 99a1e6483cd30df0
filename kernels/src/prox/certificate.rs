//! Values and residuals of a regulariser, in f64 and in the units of the objective.

use super::penalty::{Form, Steps, Terms};
use super::{Band, Regularizer};

impl Regularizer {
    /// `R(w)`.
    ///
    /// # Panics
    /// If `w` does not fit `groups`.
    pub fn value<G: Into<Band>>(&self, groups: G, w: &[f32]) -> f64 {
        let band = groups.into();
        check("value", "w", w, band.buffer_len());
        if band.groups.len() == 0 {
            // There may be any number of groups of nothing.
            return 0.0;
        }
        match self.form() {
            Form::Element(element) => {
                band.elements().map(|i| element.value(f64::from(w[i]).abs())).sum::<f64>()
            }
            Form::Soft(terms) | Form::Group(terms, _) => {
                (0..band.groups.groups).map(|g| terms.value(Norms::of(band, w, g))).sum()
            }
            Form::Whole(function) => {
                let group = |g| band.indices(g).map(|i| w[i]).collect::<Vec<f32>>();
                (0..band.groups.groups).map(|g| function.value(&group(g))).sum()
            }
        }
    }

    /// How far the weights are from stationary: the largest distance, over the coordinates, of
    /// `-grad` to the subdifferential of R at `w`. `grad` is that of the loss alone. Where a convex
    /// R makes a group zero, the distance is that of the group's vector, in the 2-norm. Of an R that is
    /// [any function of the group](Form::Whole) it is how far `prox(w - grad)`, with a step of 1, is from
    /// `w`, which is 0 at the same weights.
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
    pub fn stationarity<G: Into<Band>>(&self, groups: G, w: &[f32], grad: &[f32]) -> f64 {
        let band = groups.into();
        check("stationarity", "w", w, band.buffer_len());
        check("stationarity", "grad", grad, band.buffer_len());
        if band.groups.len() == 0 {
            return 0.0;
        }
        match self.form() {
            Form::Element(element) => band.elements().fold(0.0, |worst: f64, i| {
                let (w, g) = (f64::from(w[i]), f64::from(grad[i]));
                let slope = element.slope(w.abs());
                larger(worst, distance(w, g, slope))
            }),
            Form::Soft(terms) | Form::Group(terms, _) => (0..band.groups.groups)
                .fold(0.0, |worst: f64, g| larger(worst, terms.distance(band, (w, grad), g))),
            Form::Whole(function) => (0..band.groups.groups).fold(0.0, |worst: f64, g| {
                let mut x: Vec<f32> = band.indices(g).map(|i| w[i] - grad[i]).collect();
                function.prox(&mut x, Steps::Same(function.strength()));
                let moved = band.indices(g).zip(&x).map(|(i, &x)| f64::from(w[i]) - f64::from(x));
                moved.fold(worst, |worst, moved| larger(worst, moved.abs()))
            }),
        }
    }

    /// The largest `|tau - lambda1 - rho ||w_g||_1| / max(tau, smallest normal f32)` over the
    /// groups: how well the taus that a prox left solve their equation at the weights that it left.
    /// 0 where there is no tau.
    ///
    /// # Panics
    /// If `w` or `tau` does not fit `groups`.
    pub fn residual<G: Into<Band>>(&self, groups: G, w: &[f32], tau: &[f32]) -> f64 {
        let band = groups.into();
        check("residual", "w", w, band.buffer_len());
        let Form::Group(terms, _) = self.form() else { return 0.0 };
        check("residual", "tau", tau, band.groups.groups);
        (0..band.groups.groups).fold(0.0, |worst: f64, g| {
            let tau = f64::from(tau[g]);
            let right = terms.lambda1() + terms.rho() * Norms::of(band, w, g).l1;
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
    fn of(band: Band, w: &[f32], g: usize) -> Norms {
        band.indices(g).fold(Norms { l1: 0.0, squares: 0.0 }, |n, i| {
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

    fn distance(&self, band: Band, (w, grad): (&[f32], &[f32]), g: usize) -> f64 {
        let (norms, lambda2) = (Norms::of(band, w, g), f64::from(self.lambda2));
        let norm = norms.squares.sqrt();
        if norm == 0.0 && lambda2 > 0.0 {
            // The subdifferential at 0 is a box plus a ball, since l1,2 has gradient 0 there.
            let outside = band.indices(g).map(|i| {
                let over = f64::from(grad[i]).abs() - self.lambda1();
                larger(0.0, over).powi(2)
            });
            return larger(0.0, outside.sum::<f64>().sqrt() - lambda2);
        }
        let slope = self.lambda1() + self.rho() * norms.l1;
        let c = f64::from(self.beta) + if lambda2 > 0.0 { lambda2 / norm } else { 0.0 };
        band.indices(g).fold(0.0, |worst: f64, i| {
            let (w, grad) = (f64::from(w[i]), f64::from(grad[i]));
            larger(worst, distance(w, grad + c * w, slope))
        })
    }
}
