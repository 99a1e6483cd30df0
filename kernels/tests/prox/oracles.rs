//! Comparisons with something independent: golden cases, the sort formula, brute force, and the
//! optimality condition.

use super::*;
use crate::support::{Rng, assert_close, execs, isas};

/// A golden case: `x = argmin 1/2 sum d_i (x_i - v_i)^2 + ...` by bisection in f64.
#[test]
fn golden_cases_on_every_isa_and_in_every_layout() {
    let text = include_str!("../oracles/prox.json");
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = json["cases"].as_array().unwrap();
    assert!(cases.len() >= 360);
    let mut rng = Rng::new(3);
    for case in cases {
        let list = |key: &str| -> Option<Vec<f64>> {
            Some(case[key].as_array()?.iter().map(|x| x.as_f64().unwrap()).collect())
        };
        let number = |key: &str| case[key].as_f64().unwrap_or(0.0) as f32;
        let (lambda1, lambda2, rho) = (number("lambda1"), number("lambda2"), number("rho"));
        let reg = match case["reg"].as_str().unwrap() {
            "l11_l12" => Regularizer::L11L12(L11L12 { lambda1, rho }),
            "group_lasso" => Regularizer::GroupLasso(GroupLasso { lambda2 }),
            "sparse_group_lasso" => {
                Regularizer::SparseGroupLasso(SparseGroupLasso { lambda1, lambda2 })
            }
            "cges" => Regularizer::Cges(Cges { lambda2, rho }),
            other => panic!("no regulariser is named {other}"),
        };
        let v: Vec<f32> = list("v").unwrap().iter().map(|&x| x as f32).collect();
        let d: Option<Vec<f32>> = list("d").map(|d| d.iter().map(|&x| x as f32).collect());
        let (n, want) = (v.len(), list("x").unwrap());
        let scale = v.iter().fold(0f32, |m, x| m.max(x.abs()));
        // The group of the case is the second of five; the others are noise.
        let mut all: Vec<Vec<f32>> = (0..5).map(|_| rng.vec(n, -2.0, 2.0)).collect();
        all[1].copy_from_slice(&v);
        let mut metrics: Vec<Vec<f32>> = (0..5).map(|_| rng.vec(n, 0.5, 2.0)).collect();
        if let Some(d) = &d {
            metrics[1].copy_from_slice(d);
        }
        for exec in execs() {
            for groups in layouts(5, n) {
                let (mut x, flat_d) = (scatter(groups, &all), scatter(groups, &metrics));
                let at = if d.is_some() { Metric::Diagonal { d: &flat_d } } else { UNIT };
                let (tau, outcome) = apply(exec, &reg, groups, &mut x, at);
                assert!(!outcome.nan);
                for (i, (x, want)) in gather(groups, &x, 1).iter().zip(&want).enumerate() {
                    let error = (f64::from(*x) - want).abs();
                    assert!(
                        error <= 1e-5 * f64::from(scale),
                        "{exec:?} {groups:?} {reg:?} at {i}: got {x}, want {want}"
                    );
                }
                if let Some(want) = case["tau"].as_f64()
                    && want.is_finite()
                    && !gather(groups, &x, 1).iter().all(|&x| x == 0.0)
                {
                    let error = (f64::from(tau[1]) - want).abs();
                    assert!(error <= 1e-5 * f64::from(scale), "{reg:?}: tau {} {want}", tau[1]);
                }
            }
        }
    }
}

fn soft(v: f32, t: f64) -> f64 {
    (f64::from(v).abs() - t).max(0.0).copysign(f64::from(v))
}

/// Uniform, tied, heavy-tailed, nearly equal, and spread over many magnitudes.
fn hard_data(rng: &mut Rng, n: usize, kind: usize) -> Vec<f32> {
    match kind {
        0 => rng.vec(n, -1.0, 1.0),
        1 => rng.ints(n, -3, 3),
        2 => (0..n).map(|_| 1.0 / rng.uniform(-1.0, 1.0)).collect(),
        3 => (0..n).map(|_| f32::from_bits(1f32.to_bits() + rng.below(3) as u32)).collect(),
        _ => (0..n).map(|_| rng.uniform(-60.0, 60.0).exp2()).collect(),
    }
}

#[test]
fn l11_l12_matches_the_sort_formula() {
    let mut rng = Rng::new(7);
    let sizes: Vec<usize> = (1..=70).chain([784, 1000, 4097, 9001]).collect();
    for &n in &sizes {
        for kind in 0..5 {
            let count = if n > 70 { 3 } else { 18 };
            let data: Vec<Vec<f32>> = (0..count).map(|_| hard_data(&mut rng, n, kind)).collect();
            let rho = [1e-3, 0.1, 1.0, 30.0][rng.below(4)];
            let lambda1 = [0.0, 0.05, 0.5][rng.below(3)];
            for groups in layouts(count, n) {
                for isa in isas() {
                    let mut x = scatter(groups, &data);
                    let (tau, _) =
                        apply(Exec::new(isa), &l11_l12(lambda1, rho), groups, &mut x, UNIT);
                    for (g, v) in data.iter().enumerate() {
                        let want = sort_formula(v, f64::from(lambda1), f64::from(rho));
                        let scale = v.iter().fold(0f32, |m, x| m.max(x.abs()));
                        let error = (f64::from(tau[g]) - want).abs();
                        assert!(error <= 3e-6 * want, "{groups:?} {kind}: {} {want}", tau[g]);
                        let want: Vec<f64> = v.iter().map(|&v| soft(v, want)).collect();
                        for (x, want) in gather(groups, &x, g).iter().zip(want) {
                            let error = (f64::from(*x) - want).abs();
                            assert!(error <= 3e-6 * f64::from(scale), "{groups:?} {x} {want}");
                            assert!(*x != 0.0 || x.is_sign_positive());
                        }
                    }
                }
            }
        }
    }
}

/// The objective `1/2 sum d (x - v)^2 + R(x)` of one group, in f64 save for the rounding of x.
fn objective(reg: &Regularizer, v: &[f32], d: &[f32], x: &[f32]) -> f64 {
    let quadratic = v
        .iter()
        .zip(d)
        .zip(x)
        .map(|((&v, &d), &x)| 0.5 * f64::from(d) * (f64::from(x) - f64::from(v)).powi(2));
    quadratic.sum::<f64>() + reg.value(Groups::whole(v.len()), x)
}

/// No point of a fine search does better: whole-group scalings, single coordinates, pairs and
/// random points, at all scales.
#[track_caller]
fn assert_minimal(reg: &Regularizer, v: &[f32], d: &[f32], x: &[f32], rng: &mut Rng) {
    let best = objective(reg, v, d, x);
    let try_point = |y: &[f32], how: &str| {
        let other = objective(reg, v, d, y);
        assert!(other >= best - 1e-6 * best, "{reg:?}: {how} gives {other} < {best}: {x:?}, {y:?}");
    };
    let mut y = x.to_vec();
    for i in 0..x.len() {
        for k in 0..=400 {
            y[i] = v[i] * k as f32 / 400.0;
            try_point(&y, "a coordinate");
        }
        for k in -20..=20 {
            y[i] = x[i] + 1e-4 * k as f32;
            try_point(&y, "a small move");
        }
        y[i] = x[i];
    }
    for k in 0..=200 {
        let y: Vec<f32> = v.iter().map(|v| v * k as f32 / 200.0).collect();
        try_point(&y, "a multiple of v");
        let y: Vec<f32> = x.iter().map(|x| x * k as f32 / 100.0).collect();
        try_point(&y, "a multiple of x");
    }
    for k in 0..600 {
        let size = [1.0, 0.1, 0.01, 1e-3][k % 4];
        let y: Vec<f32> = x.iter().map(|x| x + rng.uniform(-size, size)).collect();
        try_point(&y, "a random point");
        // A point with the same zeros.
        let y: Vec<f32> = x.iter().zip(&y).map(|(x, y)| if *x == 0.0 { 0.0 } else { *y }).collect();
        try_point(&y, "a point with the same support");
    }
}

#[test]
fn every_regularizer_minimises_its_objective_in_both_metrics() {
    let mut rng = Rng::new(13);
    for reg in all() {
        if matches!(reg, Regularizer::CgesOneShot(_)) {
            continue;
        }
        for round in 0..24 {
            let n = 1 + rng.below(4);
            let size = [0.3, 1.0, 2.0, 5.0][round % 4];
            let v = rng.vec(n, -size, size);
            let step = [1.0, 0.5, 2.0][round % 3];
            let mut d = vec![1.0 / step; n];
            let diagonal = round % 2 == 1 && reg.supports_diagonal();
            if diagonal {
                d = rng.vec(n, 0.3, 3.0);
            }
            let at = if diagonal { Metric::Diagonal { d: &d } } else { Metric::Euclidean { step } };
            let mut x = v.clone();
            let (tau, _) = apply(best(), &reg, Groups::whole(n), &mut x, at);
            assert_minimal(&reg, &v, &d, &x, &mut rng);
            assert!(x.iter().all(|x| *x != 0.0 || x.to_bits() == 0));
            assert!(reg.residual(Groups::whole(n), &x, &tau) < 1e-5, "{reg:?}");
        }
    }
}

/// `d (v - x)` is in the subdifferential of R at x.
#[test]
fn the_prox_satisfies_its_optimality_condition_at_any_size() {
    let mut rng = Rng::new(17);
    for reg in all() {
        if matches!(reg, Regularizer::CgesOneShot(_)) {
            continue;
        }
        for n in [1, 2, 3, 7, 8, 9, 31, 64, 65, 300, 1000] {
            for count in [1, 3, 17] {
                for (k, groups) in layouts(count, n).into_iter().enumerate() {
                    let v = rng.vec(groups.len(), -2.0, 2.0);
                    let d = match k % 2 {
                        0 => rng.vec(groups.len(), 0.5, 2.0),
                        _ => vec![0.8; groups.len()],
                    };
                    for isa in isas() {
                        for at in [Metric::Diagonal { d: &d }, Metric::Euclidean { step: 1.25 }] {
                            if matches!(at, Metric::Diagonal { .. }) && !reg.supports_diagonal() {
                                continue;
                            }
                            let mut x = v.clone();
                            let (tau, _) = apply(Exec::new(isa), &reg, groups, &mut x, at);
                            let grad: Vec<f32> = (0..v.len())
                                .map(|i| {
                                    let d =
                                        if let Metric::Diagonal { d } = at { d[i] } else { 0.8 };
                                    -d * (v[i] - x[i])
                                })
                                .collect();
                            let off = reg.stationarity(groups, &x, &grad);
                            assert!(off < 2e-5, "{reg:?} {groups:?} {at:?}: {off}");
                            let off = reg.residual(groups, &x, &tau);
                            // tau is at most n * 0.3 * 2; f32 x carries 6e-8 of |v| for each entry.
                            assert!(off < 2e-5, "{reg:?} {groups:?}: residual {off}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn one_shot_cges_is_the_published_composition() {
    let (lambda2, rho, step) = (0.8f64, 0.05f64, 0.5f64);
    let v = Rng::new(29).vec(50, -1.0, 1.0);
    let norm = v.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let keep = (1.0 - step * lambda2 / norm).max(0.0);
    let cut = step * rho * v.iter().map(|&v| keep * f64::from(v).abs()).sum::<f64>();
    let want: Vec<f64> = v
        .iter()
        .map(|&v| (keep * f64::from(v).abs() - cut).max(0.0).copysign(f64::from(v)))
        .collect();
    let reg = Regularizer::CgesOneShot(CgesOneShot { lambda2: 0.8, rho: 0.05 });
    let mut x = v;
    apply(best(), &reg, Groups::whole(50), &mut x, Metric::Euclidean { step: 0.5 });
    assert_close(&x, &want, 1e-6);
    let zeros = want.iter().filter(|x| **x == 0.0).count();
    assert!(zeros > 0 && zeros < 50);
}
