//! Special values, and what lies outside the operands.

use super::*;
use crate::support::{Canary, Guarded, Rng, assert_close, isas};

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

/// Whether a metric is the unit step.
pub(super) trait IsUnit {
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
