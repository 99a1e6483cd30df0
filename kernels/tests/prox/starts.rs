//! Any start gives the same result, and so does any size of the numbers.

use super::special::IsUnit;
use super::*;
use crate::support::{Rng, isas};

/// tau of one group, by sorting, in f64: entries with `a > tau e` are those of the largest `a / e`.
pub(super) fn tau_of(v: &[f32], e: &[f64], (lambda1, rho): (f32, f32)) -> f64 {
    let mut pairs: Vec<(f64, f64)> =
        v.iter().zip(e).map(|(&v, &e)| (f64::from(v).abs(), e)).collect();
    pairs.sort_by(|x, y| (y.0 / y.1).total_cmp(&(x.0 / x.1)));
    let (mut best, mut sum, mut weight) = (f64::from(lambda1), 0.0, 0.0);
    for (a, e) in pairs {
        (sum, weight) = (sum + a, weight + e);
        let tau = (f64::from(lambda1) + f64::from(rho) * sum) / (1.0 + f64::from(rho) * weight);
        best = f64::max(best, tau);
    }
    best
}

/// Starts that a group can be left with, and that no group can be left with.
fn starts(root: f32) -> Vec<f32> {
    let near = [root.next_down(), root, root.next_up(), 0.7 * root, 1.5 * root, 3.9 * root];
    let far = [0.0, -0.0, -1.0, 1e-45, 1e-38, 0.5, 17.0, 8388609.0, 1e7, 1.678804e7, 1e9];
    let huge = [9.9e17, 1e18, 1e20, -3e38, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let rest = [33.0 * root, 1e5 * root, 9007199254740994.0];
    [&near[..], &far, &huge, &rest].concat()
}

/// The metrics: a step, or a d for each weight.
fn metrics(rng: &mut Rng, n: usize) -> [(Option<f32>, Vec<f32>); 4] {
    let d: Vec<f32> = (0..n).map(|_| 10f32.powf(rng.uniform(-2.0, 3.0))).collect();
    let step = |step| (Some(step), Vec::new());
    [step(1.0), step(1e-3), step(30.0), (None, d)]
}

#[test]
fn a_start_far_above_the_root_does_not_round_it_away() {
    for isa in isas() {
        for groups in [Groups::whole(1), Groups::columns(1, 5), Groups::rows(5, 1)] {
            let mut x = vec![1.5; groups.len()];
            let start = vec![1.678804e7; groups.groups];
            let reg = l11_l12(1.1, 0.0);
            let (tau, _) = apply_from(Exec::new(isa), &reg, groups, &mut x, (UNIT, start));
            assert!(tau.iter().all(|&tau| tau == 1.1), "{tau:?}");
            assert!(x.iter().all(|&x| x == 1.5 - 1.1), "{x:?}");
        }
    }
}

#[test]
fn any_start_gives_the_root_of_the_sort() {
    let mut rng = Rng::new(53);
    for round in 0..60 {
        let n = [1, 2, 5, 16, 33, 40][round % 6];
        let size = 10f32.powf(rng.uniform(-3.0, 3.0));
        let lambda1 = [0.0, 0.01, 0.3, 1.1][rng.below(4)] * size;
        let rho = [0.0, 1e-6, 0.01, 0.3, 3.0][rng.below(5)];
        for groups in layouts(3, n) {
            let v: Vec<f32> = rng.vec(groups.len(), -1.0, 1.0).iter().map(|x| x * size).collect();
            for (step, d) in metrics(&mut rng, groups.len()) {
                let at = match step {
                    Some(step) => Metric::Euclidean { step },
                    None => Metric::Diagonal { d: &d },
                };
                let e = |i: usize| step.map_or_else(|| f64::from(1.0 / d[i]), f64::from);
                let roots: Vec<f64> = (0..groups.groups)
                    .map(|g| {
                        let e: Vec<f64> = groups.indices(g).map(e).collect();
                        tau_of(&gather(groups, &v, g), &e, (lambda1, rho))
                    })
                    .collect();
                for start in starts(roots[0] as f32) {
                    for isa in isas() {
                        let (mut x, reg) = (v.clone(), l11_l12(lambda1, rho));
                        let start = vec![start; groups.groups];
                        let case = format!("{} {reg:?} {groups:?} {step:?} {start:?}", isa.name());
                        let (tau, _) =
                            apply_from(Exec::new(isa), &reg, groups, &mut x, (at, start));
                        for (g, root) in roots.iter().enumerate() {
                            let error = (f64::from(tau[g]) - root).abs();
                            assert!(error <= 2e-6 * root, "{case}: tau {} for {root}", tau[g]);
                            for i in groups.indices(g) {
                                let a = f64::from(v[i]).abs();
                                let want = (a - root * e(i)).max(0.0);
                                let error = (f64::from(x[i]).abs() - want).abs();
                                assert!(error <= 2e-6 * a, "{case}: {} for {want}", x[i]);
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn other_searches_take_any_start_too() {
    let mut rng = Rng::new(59);
    for reg in all().iter().filter(|reg| !reg.is_elementwise()) {
        for groups in [1, 7, 40].into_iter().flat_map(|n| layouts(3, n)) {
            let v = rng.vec(groups.len(), -1.0, 1.0);
            let d = rng.vec(groups.len(), 0.1, 10.0);
            for at in [UNIT, Metric::Diagonal { d: &d }] {
                if !at.is_unit() && !reg.supports_diagonal() {
                    continue;
                }
                let mut want = v.clone();
                let (tau, _) = apply(best(), reg, groups, &mut want, at);
                for start in starts(tau[0]) {
                    let mut x = v.clone();
                    let starts = vec![start; groups.groups];
                    let (again, _) = apply_from(best(), reg, groups, &mut x, (at, starts));
                    for (x, want) in x.iter().zip(&want) {
                        assert!((x - want).abs() <= 3e-6, "{reg:?} from {start}: {x} for {want}");
                    }
                    for (a, t) in again.iter().zip(&tau) {
                        assert!((a - t).abs() <= 3e-6 * t, "{reg:?} from {start}: {a} for {t}");
                    }
                }
            }
        }
    }
}

/// tau beyond f32, above and below: what is applied is still the exact threshold.
#[test]
fn a_tau_that_no_f32_holds_is_applied_in_f64() {
    let mut rng = Rng::new(61);
    let cases = [
        // d |v| is 1e40 and more; lambda1 alone would cut to 1e36 / 1e30.
        (1e30, 1e10, l11_l12(1e36, 1e30)),
        (1e30, 1e10, Regularizer::Exclusive(Exclusive { rho: 1e32 })),
        (3e38, 10.0, l11_l12(3e38, 3e38)),
        (1.0, 1e30, l11_l12(0.0, 3e38)),
        (1e-30, 1e-9, l11_l12(0.0, 1.0)),
        // lambda1 + rho S beyond f32 with a step of 0: the identity.
        (f32::INFINITY, 1e30, l11_l12(1.0, 1e30)),
    ];
    for (size_of_d, size, reg) in cases {
        for groups in [1, 3, 20].into_iter().flat_map(|n| layouts(2, n)) {
            let (lambda1, rho) = match reg {
                Regularizer::L11L12(L11L12 { lambda1, rho }) => (lambda1, rho),
                Regularizer::Exclusive(Exclusive { rho }) => (0.0, rho),
                _ => unreachable!(),
            };
            let v: Vec<f32> = rng.vec(groups.len(), 0.1, 1.0).iter().map(|x| x * size).collect();
            let d: Vec<f32> =
                rng.vec(groups.len(), 0.5, 1.0).iter().map(|x| x * size_of_d).collect();
            let at = match size_of_d.is_finite() {
                true => Metric::Diagonal { d: &d },
                false => Metric::Euclidean { step: 0.0 },
            };
            for isa in isas() {
                let mut x = v.clone();
                let (tau, outcome) = apply(Exec::new(isa), &reg, groups, &mut x, at);
                assert!(!outcome.nan && tau.iter().all(|tau| tau.is_finite()), "{tau:?}");
                let kept = x.iter().filter(|x| **x != 0.0).count() as u64;
                assert_eq!(outcome.zeros, groups.len() as u64 - kept);
                for g in 0..groups.groups {
                    let e: Vec<f64> = groups.indices(g).map(|i| f64::from(1.0 / d[i])).collect();
                    let root = tau_of(&gather(groups, &v, g), &e, (lambda1, rho));
                    for (i, e) in groups.indices(g).zip(e) {
                        let want = (f64::from(v[i]) - root * e).max(0.0);
                        let error = (f64::from(x[i]) - want).abs();
                        assert!(error <= 2e-6 * f64::from(v[i]), "{reg:?}: {} for {want}", x[i]);
                    }
                }
            }
        }
    }
}

/// The group shrink in a diagonal metric with norms, and weights of the norm, near the ends of f32.
#[test]
fn norms_near_the_ends_of_f32_are_not_zeroed() {
    for (size, lambda2) in [(1e38, 1.0), (3e38, 1e10), (1e30, 1e5), (1e-30, 1e-36)] {
        for groups in [Groups::rows(2, 20), Groups::columns(20, 2)] {
            let reg = Regularizer::GroupLasso(GroupLasso { lambda2 });
            let d = vec![2.0; groups.len()];
            for isa in isas() {
                let mut x = vec![size; groups.len()];
                apply(Exec::new(isa), &reg, groups, &mut x, Metric::Diagonal { d: &d });
                let norm = f64::from(size) * 20f64.sqrt();
                let want = f64::from(size) * (1.0 - f64::from(lambda2) / 2.0 / norm);
                for x in x {
                    let error = (f64::from(x) - want).abs();
                    assert!(error <= 3e-6 * want, "{} {size} {lambda2}: {x}", isa.name());
                }
            }
        }
    }
}
