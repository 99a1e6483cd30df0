//! The proximal operators: golden cases, the sort formula, brute force, and the facts of the method.

mod support;

use proxtape_kernels::prox::{
    self, Cges, CgesOneShot, Elastic, Exclusive, GroupLasso, Groups, L0, L1, L2, L11L12, LHalf,
    Mcp, Metric, Outcome, Regularizer, SparseGroupLasso, TransformedL1, Work,
};
use proxtape_kernels::{Exec, Isa, Pool};
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

/// Every regulariser, with weights that zero some entries of values near 1 and keep others. A new
/// one is one row.
fn all() -> Vec<Regularizer> {
    use Regularizer as R;
    vec![
        R::None,
        R::L2(L2 { beta: 0.7 }),
        R::L1(L1 { lambda1: 0.4 }),
        R::Elastic(Elastic { lambda1: 0.3, beta: 0.5 }),
        R::GroupLasso(GroupLasso { lambda2: 0.8 }),
        R::SparseGroupLasso(SparseGroupLasso { lambda1: 0.2, lambda2: 0.5 }),
        R::Exclusive(Exclusive { rho: 0.3 }),
        R::L11L12(L11L12 { lambda1: 0.2, rho: 0.3 }),
        R::Cges(Cges { lambda2: 0.5, rho: 0.3 }),
        R::CgesOneShot(CgesOneShot { lambda2: 0.5, rho: 0.05 }),
        R::TransformedL1(TransformedL1 { lambda: 0.3, a: 1.0 }),
        R::TransformedL1(TransformedL1 { lambda: 0.02, a: 1.5 }),
        R::Mcp(Mcp { lambda: 0.4, gamma: 3.0 }),
        R::Mcp(Mcp { lambda: 0.4, gamma: 0.5 }),
        R::L0(L0 { lambda: 0.3 }),
        R::LHalf(LHalf { lambda: 0.3 }),
    ]
}

/// Whether the prox is the exact one of a convex penalty.
fn is_convex(reg: &Regularizer) -> bool {
    use Regularizer as R;
    let not = [R::CgesOneShot(CgesOneShot { lambda2: 0.5, rho: 0.05 })];
    let element = matches!(reg, R::TransformedL1(_) | R::Mcp(_) | R::L0(_) | R::LHalf(_));
    !element && !not.contains(reg)
}

fn apply(
    exec: Exec,
    reg: &Regularizer,
    groups: Groups,
    v: &mut [f32],
    at: Metric<'_>,
) -> (Vec<f32>, Outcome) {
    let tau = vec![0.0; groups.groups];
    apply_from(exec, reg, groups, v, (at, tau))
}

/// From given taus. Scratch is exactly as long as asked, and full of NaN.
fn apply_from(
    exec: Exec,
    reg: &Regularizer,
    groups: Groups,
    v: &mut [f32],
    (at, mut tau): (Metric<'_>, Vec<f32>),
) -> (Vec<f32>, Outcome) {
    let mut scratch = vec![f32::NAN; prox::scratch_len(exec, reg, groups)];
    let work = Work { tau: &mut tau, scratch: &mut scratch };
    let outcome = prox::prox(exec, reg, groups, v, at, work);
    (tau, outcome)
}

const UNIT: Metric<'static> = Metric::Euclidean { step: 1.0 };

fn best() -> Exec {
    Exec::new(Isa::detect())
}

fn l11_l12(lambda1: f32, rho: f32) -> Regularizer {
    Regularizer::L11L12(L11L12 { lambda1, rho })
}

/// The layouts of several groups of one size: a view, and where element i of group g lies.
fn layouts(groups: usize, n: usize) -> Vec<Groups> {
    let mut all = vec![Groups::rows(groups, n), Groups::columns(n, groups)];
    for inner in [2, 3, 5, 8] {
        if n.is_multiple_of(inner) {
            all.push(Groups { outer: n / inner, groups, inner });
        }
    }
    all
}

fn scatter(groups: Groups, x: &[Vec<f32>]) -> Vec<f32> {
    let mut flat = vec![f32::NAN; groups.len()];
    for (g, x) in x.iter().enumerate() {
        groups.indices(g).zip(x).for_each(|(at, &x)| flat[at] = x);
    }
    flat
}

fn gather(groups: Groups, flat: &[f32], g: usize) -> Vec<f32> {
    groups.indices(g).map(|at| flat[at]).collect()
}

/// A golden case: `x = argmin 1/2 sum d_i (x_i - v_i)^2 + ...` by bisection in f64.
#[test]
fn golden_cases_on_every_isa_and_in_every_layout() {
    let text = include_str!("oracles/prox.json");
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

/// `tau = max_k (lambda1 + rho C_k) / (1 + rho k)`, with C_k the sum of the k largest.
fn sort_formula(v: &[f32], lambda1: f64, rho: f64) -> f64 {
    let mut a: Vec<f64> = v.iter().map(|&x| f64::from(x).abs()).collect();
    a.sort_by(|x, y| y.total_cmp(x));
    let (mut best, mut c) = (lambda1, 0.0);
    for (k, a) in a.iter().enumerate() {
        c += a;
        best = f64::max(best, (lambda1 + rho * c) / (1.0 + rho * (k + 1) as f64));
    }
    best
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

#[test]
fn warm_starts_do_not_change_the_result_and_save_passes() {
    let mut rng = Rng::new(11);
    let (n, count) = (300, 40);
    let data: Vec<Vec<f32>> = (0..count).map(|_| rng.vec(n, -1.0, 1.0)).collect();
    let regs = [l11_l12(0.05, 0.1), Regularizer::Cges(Cges { lambda2: 0.5, rho: 0.01 })];
    for reg in regs {
        for groups in [Groups::rows(count, n), Groups::columns(n, count)] {
            for exec in execs() {
                let v = scatter(groups, &data);
                let mut want = v.clone();
                let (tau, cold) = apply(exec, &reg, groups, &mut want, UNIT);
                let starts = [0.0, f32::NAN, f32::INFINITY, -1.0, 1e30, 0.3, 1e-30];
                for start in starts.map(|x| vec![x; count]).into_iter().chain([tau.clone()]) {
                    let mut x = v.clone();
                    let (again, warm) =
                        apply_from(exec, &reg, groups, &mut x, (UNIT, start.clone()));
                    assert_close(&x, &want.iter().map(|&x| x.into()).collect::<Vec<_>>(), 2e-6);
                    for (a, t) in again.iter().zip(&tau) {
                        assert!((a - t).abs() <= 2e-6 * t, "from {}: {a} {t}", start[0]);
                    }
                    if start == tau {
                        assert!(warm.passes < cold.passes, "{warm:?} {cold:?}");
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
            let diagonal = round % 2 == 1;
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
fn convex_proxes_are_nonexpansive() {
    let mut rng = Rng::new(19);
    for reg in all().iter().filter(|r| is_convex(r)) {
        for _ in 0..50 {
            let n = 1 + rng.below(40);
            let v = rng.vec(n, -2.0, 2.0);
            let w: Vec<f32> = v.iter().map(|v| v + rng.uniform(-0.5, 0.5)).collect();
            let norm = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
            };
            let before = norm(&v, &w);
            let (mut x, mut y) = (v, w);
            apply(best(), reg, Groups::whole(n), &mut x, UNIT);
            apply(best(), reg, Groups::whole(n), &mut y, UNIT);
            assert!(norm(&x, &y) <= before * (1.0 + 1e-5), "{reg:?}");
        }
    }
}

#[test]
fn facts_of_l11_l12() {
    let mut rng = Rng::new(23);
    for n in [1, 2, 9, 40, 300] {
        let whole = Groups::whole(n);
        let v = rng.vec(n, -1.0, 1.0);
        let largest = v.iter().fold(0f32, |m, x| m.max(x.abs()));
        let below = f32::from_bits(largest.to_bits() - 1);
        for rho in [0.0, 0.1, 10.0] {
            // A group is zero iff its largest entry is at most lambda1.
            let mut x = v.clone();
            let (tau, outcome) = apply(best(), &l11_l12(largest, rho), whole, &mut x, UNIT);
            assert!(x.iter().all(|x| x.to_bits() == 0) && tau == [largest]);
            assert_eq!(outcome.zeros, n as u64);
            let mut x = v.clone();
            apply(best(), &l11_l12(below, rho), whole, &mut x, UNIT);
            assert!(x.iter().any(|x| *x != 0.0), "lambda1 just below the largest, rho {rho}");
            // rho alone never empties a group.
            let mut x = v.clone();
            apply(best(), &l11_l12(0.0, rho * 1e3), whole, &mut x, UNIT);
            assert!(x.iter().any(|x| *x != 0.0));
        }
        // No penalty, or no step, is the identity.
        for (reg, step) in [(l11_l12(0.0, 0.0), 1.0), (l11_l12(0.3, 0.4), 0.0)] {
            let mut x = v.clone();
            apply(best(), &reg, whole, &mut x, Metric::Euclidean { step });
            assert_eq!(x, v);
        }
        // soft(lambda1), then the exclusive prox, in that order only.
        let (lambda1, rho) = (0.2, 0.5);
        let (l1, exclusive) =
            (Regularizer::L1(L1 { lambda1 }), Regularizer::Exclusive(Exclusive { rho }));
        let run = |regs: &[&Regularizer]| {
            let mut x = v.clone();
            regs.iter().for_each(|r| drop(apply(best(), r, whole, &mut x, UNIT)));
            x
        };
        let want: Vec<f64> = run(&[&l11_l12(lambda1, rho)]).iter().map(|&x| f64::from(x)).collect();
        assert_close(&run(&[&l1, &exclusive]), &want, 1e-5);
        if n >= 40 {
            let other = run(&[&exclusive, &l1]);
            let off = other.iter().zip(&want).map(|(&x, w)| (f64::from(x) - w).abs());
            assert!(off.fold(0.0, f64::max) > 1e-2, "the other order should differ");
        }
    }
    for reg in all() {
        for groups in [Groups::rows(3, 5), Groups::columns(5, 3)] {
            let mut x = [-0.0f32, 0.0].repeat(8)[..15].to_vec();
            let (_, outcome) = apply(best(), &reg, groups, &mut x, UNIT);
            assert!(x.iter().all(|x| x.to_bits() == 0), "{reg:?}: zeros stay +0.0");
            assert_eq!((outcome.nan, outcome.zeros), (false, 15));
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

#[test]
fn huge_and_tiny_entries_never_give_nan() {
    let extremes = [1e38, -3e38, 1e30, 1e-30, 1e-38, 1e-45, -1e-40, 0.0, -0.0, 2.0, f32::MAX];
    let mut rng = Rng::new(31);
    for reg in all() {
        for round in 0..60 {
            let n = 1 + rng.below(30);
            // Half of the rounds hold tiny entries only.
            let pick = |rng: &mut Rng| match round % 2 {
                0 => extremes[rng.below(extremes.len())],
                _ => extremes[3 + rng.below(6)],
            };
            for groups in layouts(3, n) {
                let v: Vec<f32> = (0..groups.len()).map(|_| pick(&mut rng)).collect();
                let d = rng.vec(groups.len(), 0.5, 2.0);
                for isa in isas() {
                    for at in [UNIT, Metric::Diagonal { d: &d }] {
                        if matches!(at, Metric::Diagonal { .. }) && !reg.supports_diagonal() {
                            continue;
                        }
                        let mut x = v.clone();
                        let (tau, outcome) = apply(Exec::new(isa), &reg, groups, &mut x, at);
                        assert!(!outcome.nan, "{reg:?} {v:?}");
                        assert!(tau.iter().all(|t| t.is_finite() && *t >= 0.0), "{tau:?}");
                        for (x, v) in x.iter().zip(&v) {
                            assert!(x.abs() <= v.abs(), "{reg:?}: {v} became {x}");
                            let normal = *x == 0.0 || x.is_normal();
                            assert!(normal && (*x != 0.0 || x.is_sign_positive()), "{x}");
                        }
                        let largest = v.iter().fold(0f32, |m, v| m.max(v.abs()));
                        if largest > 1e30 && matches!(reg, Regularizer::L11L12(_)) && at.is_unit() {
                            for (g, tau) in tau.iter().enumerate() {
                                let v = gather(groups, &v, g);
                                let want = sort_formula(&v, f64::from(0.2f32), f64::from(0.3f32));
                                let error = (f64::from(*tau) - want).abs();
                                assert!(error <= 1e-6 * want, "{tau} {want}");
                            }
                        }
                    }
                }
            }
        }
    }
}

/// For the test above.
trait IsUnit {
    fn is_unit(&self) -> bool;
}
impl IsUnit for Metric<'_> {
    fn is_unit(&self) -> bool {
        matches!(self, Metric::Euclidean { .. })
    }
}

#[test]
fn group_penalties_without_weight_keep_tiny_groups() {
    let v = [1e-25, -3e-25, 2e-30];
    for groups in [Groups::rows(1, 3), Groups { outer: 3, groups: 2, inner: 1 }] {
        let v = scatter(groups, &vec![v.to_vec(); groups.groups]);
        for reg in [
            Regularizer::GroupLasso(GroupLasso { lambda2: 0.0 }),
            Regularizer::SparseGroupLasso(SparseGroupLasso { lambda1: 0.0, lambda2: 0.0 }),
            Regularizer::Cges(Cges { lambda2: 0.0, rho: 0.0 }),
        ] {
            let d = vec![1.5; v.len()];
            for at in [UNIT, Metric::Diagonal { d: &d }] {
                let mut x = v.clone();
                apply(best(), &reg, groups, &mut x, at);
                assert_eq!(x, v, "{reg:?} {at:?}");
            }
        }
    }
}

#[test]
fn entries_that_are_not_finite_come_out_as_nan_and_raise_the_flag() {
    let mut rng = Rng::new(37);
    for reg in all() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for n in [1, 5, 16, 40] {
                for groups in layouts(4, n) {
                    let v = rng.vec(groups.len(), -1.0, 1.0);
                    let hit = rng.below(groups.len());
                    let d = rng.vec(groups.len(), 0.5, 2.0);
                    for isa in isas() {
                        for at in [UNIT, Metric::Diagonal { d: &d }] {
                            if matches!(at, Metric::Diagonal { .. }) && !reg.supports_diagonal() {
                                continue;
                            }
                            let (mut x, mut want) = (v.clone(), v.clone());
                            (x[hit], want[hit]) = (bad, 0.0);
                            let (_, outcome) = apply(Exec::new(isa), &reg, groups, &mut x, at);
                            assert!(outcome.nan && x[hit].is_nan(), "{reg:?} {bad}");
                            // The others are as if the entry had been 0.
                            apply(Exec::new(isa), &reg, groups, &mut want, at);
                            x[hit] = 0.0;
                            for (x, want) in x.iter().zip(&want) {
                                assert!((x - want).abs() < 1e-6, "{reg:?} {x} {want}");
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_outside_the_operands_is_touched() {
    let mut rng = Rng::new(41);
    for reg in all() {
        for n in (1..=35).step_by(2) {
            for (k, groups) in layouts(1 + n % 19, n).into_iter().enumerate() {
                let v = rng.vec(groups.len(), -1.0, 1.0);
                let d = Guarded::new(&rng.vec(groups.len(), 0.5, 2.0));
                for isa in isas() {
                    let exec = Exec::new(isa);
                    let mut x = Canary::new(groups.len(), k % 5);
                    let mut tau = Canary::new(groups.groups, (k + 1) % 5);
                    let mut scratch = Canary::new(prox::scratch_len(exec, &reg, groups), 3);
                    let mut guarded = Guarded::new(&v);
                    x.slice_mut().copy_from_slice(&v);
                    let at = match reg.supports_diagonal() {
                        true => Metric::Diagonal { d: d.slice() },
                        false => UNIT,
                    };
                    let work = Work { tau: tau.slice_mut(), scratch: scratch.slice_mut() };
                    prox::prox(exec, &reg, groups, x.slice_mut(), at, work);
                    let work = Work { tau: tau.slice_mut(), scratch: scratch.slice_mut() };
                    prox::prox(exec, &reg, groups, guarded.slice_mut(), at, work);
                    [&x, &tau, &scratch].iter().for_each(|c| c.check());
                    let want: Vec<f64> = x.slice().iter().map(|&x| f64::from(x)).collect();
                    assert_close(guarded.slice(), &want, 3e-6);
                }
            }
        }
    }
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let mut rng = Rng::new(43);
    let views = [
        Groups::rows(300, 784),
        Groups::columns(300, 784),
        Groups { outer: 50, groups: 120, inner: 25 },
        Groups::whole(100_003),
        Groups::columns(3000, 70),
        Groups::columns(520, 1100),
    ];
    for reg in all() {
        for groups in views {
            let v = rng.vec(groups.len(), -1.0, 1.0);
            let run = |exec: Exec| {
                let mut x = v.clone();
                let (tau, outcome) = apply(exec, &reg, groups, &mut x, UNIT);
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                (bits(&x), bits(&tau), outcome)
            };
            let want = run(best());
            for threads in [1, 2, 4] {
                let pool = Pool::new(threads).unwrap();
                let got = pool.install(|| run(best().parallel()));
                assert!(got == want, "{reg:?} {groups:?} on {threads} threads");
            }
            let x: Vec<f32> = want.0.iter().map(|&bits| f32::from_bits(bits)).collect();
            let grad: Vec<f32> = x.iter().zip(&v).map(|(x, v)| x - v).collect();
            let off = reg.stationarity(groups, &x, &grad);
            let exact = !matches!(reg, Regularizer::CgesOneShot(_));
            assert!(!exact || off < 2e-5, "{reg:?} {groups:?}: {off}");
        }
    }
}

#[test]
fn empty_views_are_no_work() {
    for reg in all() {
        for groups in [Groups::rows(0, 5), Groups::rows(5, 0), Groups::columns(0, 5)] {
            let outcome = apply(best(), &reg, groups, &mut [], UNIT).1;
            assert_eq!(outcome, Outcome::default());
        }
    }
}

#[test]
fn wrong_lengths_and_parameters_are_named() {
    let message = |reg: Regularizer, v: usize, tau: usize, at: Metric<'_>| {
        let run = std::panic::AssertUnwindSafe(|| {
            let (mut v, mut tau) = (vec![1.0; v], vec![0.0; tau]);
            let work = Work { tau: &mut tau, scratch: &mut [] };
            prox::prox(best(), &reg, Groups::columns(3, 2), &mut v, at, work);
        });
        *std::panic::catch_unwind(run).unwrap_err().downcast::<String>().unwrap()
    };
    let good = l11_l12(0.1, 0.1);
    assert!(message(good, 5, 2, UNIT).contains("v has 5 elements"));
    assert!(message(good, 6, 3, UNIT).contains("tau has 3 elements"));
    assert!(message(good, 6, 2, UNIT).contains("scratch has 0 elements"));
    assert!(message(good, 6, 2, Metric::Diagonal { d: &[1.0] }).contains("d has 1 elements"));
    assert!(message(good, 6, 2, Metric::Euclidean { step: -1.0 }).contains("step is -1"));
    assert!(message(l11_l12(-1.0, 0.0), 6, 2, UNIT).contains("out of range"));
    let one_shot = Regularizer::CgesOneShot(CgesOneShot { lambda2: 0.1, rho: 0.1 });
    let at = Metric::Diagonal { d: &[1.0; 6] };
    assert!(message(one_shot, 6, 2, at).contains("no prox in a diagonal metric"));
}

/// The numbers that the documentation quotes. Run with `--nocapture` to see them.
#[test]
fn mean_passes_are_few() {
    let mut rng = Rng::new(47);
    let mut normal = || (0..12).map(|_| rng.uniform(-0.5, 0.5)).sum::<f32>();
    let (count, n) = (200, 784);
    let groups = Groups::rows(count, n);
    let (mut w, mut tau) = (vec![0.0; groups.len()], vec![0.0; count]);
    w.iter_mut().for_each(|w| *w = 0.05 * normal());
    let reg = l11_l12(2e-3, 0.5 / n as f32);
    let at = Metric::Euclidean { step: 0.5 };
    let cold = {
        let mut x = w.clone();
        apply(best(), &reg, groups, &mut x, at).1
    };
    let (mut warm, steps) = (0, 50);
    for step in 0..steps + 5 {
        w.iter_mut().for_each(|w| *w += 5e-4 * normal());
        let (new, outcome) = apply_from(best(), &reg, groups, &mut w, (at, tau));
        tau = new;
        warm += if step < 5 { 0 } else { outcome.passes };
    }
    let cold = cold.passes as f64 / count as f64;
    let warm = warm as f64 / (steps * count) as f64;
    println!("passes over a group: {cold:.2} cold, {warm:.2} warm");
    assert!(cold < 6.0 && warm < 3.0, "{cold} {warm}");
}
