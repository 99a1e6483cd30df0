//! Penalties of each weight alone, against bisection in f64, at any size of their numbers.

use super::*;
use crate::support::{Rng, isas};

/// The minimiser of `1/2 (x - s)^2 + k (a + 1) x / (a + x)`: 0 or the larger stationary point, or
/// both where they are as good.
fn transformed_l1(s: f64, k: f64, a: f64) -> [f64; 2] {
    let slope = |x: f64| x - s + k * a * (a + 1.0) / (a + x) / (a + x);
    // Convex; it falls up to here and rises from here on.
    let least = ((2.0 * k * a * (a + 1.0)).cbrt() - a).max(0.0);
    if least >= s || slope(least) > 0.0 {
        return [0.0; 2];
    }
    let (mut lo, mut hi) = (least, s);
    for _ in 0..200 {
        let x = 0.5 * (lo + hi);
        if slope(x) < 0.0 { lo = x } else { hi = x }
    }
    // The objective at x less that at 0.
    let gain = hi * (0.5 * hi - s) + k * (a + 1.0) * hi / (a + hi);
    let open = 1e-6 * hi * s;
    [if gain > -open { 0.0 } else { hi }, if gain < open { hi } else { 0.0 }]
}

#[test]
fn transformed_l1_of_any_shape_is_exact() {
    let check = |lambda: f32, a: f32, step: f32, v: &[f32]| {
        let reg = Regularizer::TransformedL1(TransformedL1 { lambda, a });
        for isa in isas() {
            let mut x = v.to_vec();
            let at = Metric::Euclidean { step };
            apply(Exec::new(isa), &reg, Groups::whole(v.len()), &mut x, at);
            for (x, v) in x.iter().zip(v) {
                let k = f64::from(lambda) * f64::from(step);
                let want = transformed_l1(f64::from(v.abs()), k, a.into());
                let error = want.map(|want| (f64::from(x.abs()) - want).abs());
                let most = 2e-7 * f64::from(v.abs());
                assert!(error[0].min(error[1]) <= most, "{reg:?} {step}: {v} to {x}, {want:?}");
                assert!(*x == 0.0 || x.signum() == v.signum());
            }
        }
    };
    let v = [1.0, -3.0, 0.2, 1e-3];
    for a in [1e-6, 1e-3, 1.0, 1e3, 1e9, 1e12, 1e17, 1e25, f32::MAX] {
        check(0.0, a, 1.0, &v);
        check(0.1, a, 1.0, &v);
    }
    let mut rng = Rng::new(83);
    for _ in 0..2000 {
        let a = 10f32.powf(rng.uniform(-6.0, 25.0));
        let size = 10f32.powf(rng.uniform(-4.0, 4.0));
        let lambda = size * 10f32.powf(rng.uniform(-4.0, 1.0));
        let v: Vec<f32> = rng.vec(8, -1.0, 1.0).iter().map(|v| v * size).collect();
        check(lambda, a, [1.0, 0.1][rng.below(2)], &v);
    }
}

/// 1/d beyond f32 counts as the largest f32.
#[test]
fn a_tiny_metric_without_a_penalty_keeps_the_weights() {
    use Regularizer as R;
    let none = [
        R::None,
        R::L2(L2 { beta: 0.0 }),
        R::L1(L1 { lambda1: 0.0 }),
        R::Elastic(Elastic { lambda1: 0.0, beta: 0.0 }),
        R::GroupLasso(GroupLasso { lambda2: 0.0 }),
        R::SparseGroupLasso(SparseGroupLasso { lambda1: 0.0, lambda2: 0.0 }),
        R::Exclusive(Exclusive { rho: 0.0 }),
        l11_l12(0.0, 0.0),
        R::Cges(Cges { lambda2: 0.0, rho: 0.0 }),
        R::TransformedL1(TransformedL1 { lambda: 0.0, a: 1.0 }),
        R::Mcp(Mcp { lambda: 0.0, gamma: 3.0 }),
        R::L0(L0 { lambda: 0.0 }),
        R::LHalf(LHalf { lambda: 0.0 }),
    ];
    for reg in none {
        for d in [1e-37, 1e-39, 1e-45] {
            for groups in [1, 3, 20, 5000].into_iter().flat_map(|n| layouts(2, n)) {
                let v = Rng::new(89).vec(groups.len(), 0.5, 2.0);
                let d = vec![d; groups.len()];
                for isa in isas() {
                    let mut x = v.clone();
                    let at = Metric::Diagonal { d: &d };
                    let (_, outcome) = apply(Exec::new(isa), &reg, groups, &mut x, at);
                    assert!(x == v && !outcome.nan, "{reg:?} {groups:?} {}: {x:?}", d[0]);
                }
            }
        }
    }
}
