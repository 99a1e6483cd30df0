//! CGES against nested bisection in f64, where it is hard: norms just above lambda2, steep
//! equations, and starts next to the root.

use super::*;
use crate::support::{Rng, isas};

/// `x` and tau of one group. `e` is one number where the metric is Euclidean, else one for each weight.
fn reference(v: &[f32], e: &[f64], (lambda2, rho): (f32, f32)) -> (f64, Vec<f64>) {
    let (lambda2, rho) = (f64::from(lambda2), f64::from(rho));
    let e = |i: usize| e[i % e.len()];
    let is_euclidean = (0..v.len()).all(|i| e(i) == e(0));
    let x_at = |tau: f64| -> Vec<f64> {
        let b: Vec<f64> =
            v.iter().enumerate().map(|(i, v)| (f64::from(v.abs()) - tau * e(i)).max(0.0)).collect();
        let norm = b.iter().map(|b| b * b).sum::<f64>().sqrt();
        // s = ||x||_2 from sum (b / (s + lambda2 e))^2 = 1.
        let (mut lo, mut hi) = (0.0, norm);
        if is_euclidean {
            (lo, hi) = (norm - lambda2 * e(0), norm - lambda2 * e(0));
        }
        for _ in 0..if is_euclidean { 0 } else { 120 } {
            let s = 0.5 * (lo + hi);
            let f = b.iter().enumerate().map(|(i, b)| (b / (s + lambda2 * e(i))).powi(2));
            if f.sum::<f64>() > 1.0 { lo = s } else { hi = s }
        }
        let s = if norm > 0.0 { hi.max(0.0) } else { 0.0 };
        let keep = |i| if s == 0.0 { 0.0 } else { s / (s + lambda2 * e(i)) };
        b.iter().enumerate().map(|(i, b)| b * keep(i)).collect()
    };
    let right = |tau| rho * x_at(tau).iter().sum::<f64>();
    let (mut lo, mut hi) = (0.0, right(0.0));
    for _ in 0..200 {
        let tau = 0.5 * (lo + hi);
        if tau < right(tau) { lo = tau } else { hi = tau }
    }
    (hi, x_at(hi))
}

/// Solves copies of a group in each layout and on each ISA from some starts, and compares.
#[track_caller]
fn check(v: &[f32], metric: Metric<'_>, (lambda2, rho): (f32, f32), starts: &[f32]) {
    let reg = Regularizer::Cges(Cges { lambda2, rho });
    let e: Vec<f64> = match metric {
        Metric::Euclidean { step } => vec![f64::from(step)],
        Metric::Diagonal { d } => d.iter().map(|&d| f64::from(1.0 / d)).collect(),
    };
    let (root, want) = reference(v, &e, (lambda2, rho));
    let largest = v.iter().fold(0f32, |m, v| m.max(v.abs()));
    let near = [root as f32, 0.7 * root as f32, 1.0001 * root as f32, 1.5 * root as f32];
    for &start in near.iter().chain(starts) {
        for groups in [Groups::whole(v.len()), Groups::columns(v.len(), 3)] {
            let copies = |x: &[f32]| scatter(groups, &vec![x.to_vec(); groups.groups]);
            let d = if let Metric::Diagonal { d } = metric { copies(d) } else { Vec::new() };
            let at = if d.is_empty() { metric } else { Metric::Diagonal { d: &d } };
            for isa in isas() {
                let (mut x, start) = (copies(v), vec![start; groups.groups]);
                let case = format!("{} {reg:?} {groups:?} {metric:?} {v:?} {start:?}", isa.name());
                let (tau, outcome) = apply_from(Exec::new(isa), &reg, groups, &mut x, (at, start));
                for (g, &tau) in tau.iter().enumerate() {
                    for (x, want) in gather(groups, &x, g).iter().zip(&want) {
                        let error = (f64::from(x.abs()) - want).abs();
                        let most = 1e-6 * f64::from(largest);
                        assert!(error <= most, "{case}: {x:e} for {want:e}, {outcome:?}");
                    }
                    let error = (f64::from(tau) - root).abs();
                    assert!(error <= 1e-5 * root, "{case}: tau {tau:e} for {root:e}");
                }
                let passes = outcome.passes / groups.groups as u64;
                assert!(passes < 200, "{case}: {passes} passes");
            }
        }
    }
}

const FAR: [f32; 5] = [0.0, 0.1, 1e3, 1e30, f32::NAN];

#[test]
fn groups_just_above_the_threshold_are_kept() {
    check(&[1.0], UNIT, (0.999, 11.75), &FAR);
    check(&[0.6, 0.8], UNIT, (0.999, 1e5), &FAR);
    let v = [-0.13925192, 0.73092973, -0.19069692, 0.1259708, -0.63866407];
    check(&v, UNIT, (1.0039825, 2.300771), &FAR);
    // All but 4e-9 of the norm goes: sums in f32 find another side of the threshold at each probe.
    let at = Metric::Euclidean { step: 0.32424074 };
    check(&[-4.964463; 5], at, (34.23651, 79.10247), &[7.112_709e-6]);
}

#[test]
fn any_margin_above_the_threshold_is_solved() {
    let mut rng = Rng::new(71);
    for round in 0..150 {
        let n = [1, 2, 5, 16, 33, 784][round % 6];
        let v = rng.vec(n, -1.0, 1.0);
        let norm = v.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let step = [0.1, 1.0][rng.below(2)];
        let margin = 10f32.powf(rng.uniform(-6.0, 0.0));
        let lambda2 = (norm / f64::from(step)) as f32 * (1.0 - margin);
        let rho = 10f32.powf(rng.uniform(-2.0, 2.0)) / n as f32;
        check(&v, Metric::Euclidean { step }, (lambda2, rho), &FAR);
    }
}

#[test]
fn any_margin_is_solved_in_a_diagonal_metric() {
    let mut rng = Rng::new(73);
    for round in 0..100 {
        let n = [1, 2, 5, 16, 33][round % 5];
        let (v, d) = (rng.vec(n, -1.0, 1.0), rng.vec(n, 0.1, 10.0));
        // The group is zero from the norm of d v on.
        let norm = v.iter().zip(&d).map(|(&v, &d)| f64::from(v * d).powi(2)).sum::<f64>().sqrt();
        let lambda2 = norm as f32 * (1.0 - 10f32.powf(rng.uniform(-6.0, 0.0)));
        let rho = 10f32.powf(rng.uniform(-2.0, 2.0)) / n as f32;
        check(&v, Metric::Diagonal { d: &d }, (lambda2, rho), &FAR);
    }
}

#[test]
fn steep_equations_are_solved_from_any_start() {
    let at = Metric::Euclidean { step: 319.9 };
    check(&[1.06e-14], at, (1.9e-17, 1.46e15), &[0.0, 2.1e-17, 1e-20, 1e3]);
    let mut rng = Rng::new(79);
    for round in 0..60 {
        let v = rng.vec([1, 3, 20][round % 3], -1.0, 1.0);
        let rho = 10f32.powf(rng.uniform(2.0, 8.0));
        check(&v, UNIT, (rng.uniform(0.0, 0.5), rho), &FAR);
    }
}

/// The secant from 0 to a start next to the root is far steeper than the equation there.
#[test]
fn a_start_next_to_the_root_is_no_root_in_a_diagonal_metric() {
    let v = [-811.1462, 2.8157182, -1681.9242];
    let d = [0.00016421612, 126.47881, 0.009458072];
    check(&v, Metric::Diagonal { d: &d }, (0.17343198, 38.68152), &[0.0, 83.37515, 83.3669]);
}

/// To a relative error: what is left of the norm is not the rounding of the norm.
#[test]
fn the_group_lasso_near_its_threshold_is_exact() {
    let mut rng = Rng::new(97);
    for round in 0..100 {
        let v = rng.vec([1, 2, 5, 33, 784][round % 5], -1.0, 1.0);
        let d = rng.vec(v.len(), 0.5, 2.0);
        let e: Vec<f64> = d.iter().map(|&d| f64::from(1.0 / d)).collect();
        let metrics = [(UNIT, vec![1.0]), (Metric::Diagonal { d: &d }, e)];
        for (at, e) in metrics {
            let e_of = |i: usize| e[i % e.len()];
            let squares = v.iter().enumerate().map(|(i, &v)| (f64::from(v) / e_of(i)).powi(2));
            let margin = 10f32.powf(rng.uniform(-6.0, -2.0)) * [1.0, -1.0][rng.below(2)];
            let lambda2 = squares.sum::<f64>().sqrt() as f32 * (1.0 - margin);
            let want = reference(&v, &e, (lambda2, 0.0)).1;
            let reg = Regularizer::GroupLasso(GroupLasso { lambda2 });
            for isa in isas() {
                let mut x = v.clone();
                apply(Exec::new(isa), &reg, Groups::whole(v.len()), &mut x, at);
                for (x, want) in x.iter().zip(&want) {
                    let error = (f64::from(x.abs()) - want).abs();
                    assert!(
                        error <= 2e-5 * want + 1e-30,
                        "{reg:?} {at:?} {v:?}: {x:e} for {want:e}"
                    );
                }
            }
        }
    }
}
