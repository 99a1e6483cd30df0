//! Penalties from outside the package, in the forms that they may have.

use super::*;
use crate::support::own::{Largest, Nonnegative, own};
use crate::support::{Rng, assert_close, isas};
use proxtape_kernels::prox::{Own, Penalty, Zeros};

/// The built-in regularisers as penalties that live as long as the program, each with a strength, and
/// the one that they are then.
fn scaled() -> Vec<(Own, Regularizer)> {
    use Regularizer as R;
    fn of<P: Penalty + 'static>(penalty: P, strength: f32) -> Own {
        Own::new(Box::leak(Box::new(penalty))).times(strength)
    }
    vec![
        (of(L2 { beta: 0.7 }, 2.0), R::L2(L2 { beta: 1.4 })),
        (of(L1 { lambda1: 0.4 }, 0.5), R::L1(L1 { lambda1: 0.2 })),
        (of(GroupLasso { lambda2: 0.2 }, 4.0), R::GroupLasso(GroupLasso { lambda2: 0.8 })),
        (
            of(SparseGroupLasso { lambda1: 0.4, lambda2: 1.0 }, 0.5),
            R::SparseGroupLasso(SparseGroupLasso { lambda1: 0.2, lambda2: 0.5 }),
        ),
        (of(L11L12 { lambda1: 0.1, rho: 0.15 }, 2.0), l11_l12(0.2, 0.3)),
        (of(Cges { lambda2: 0.25, rho: 0.15 }, 2.0), R::Cges(Cges { lambda2: 0.5, rho: 0.3 })),
        (of(L0 { lambda: 0.6 }, 0.5), R::L0(L0 { lambda: 0.3 })),
        (of(LHalf { lambda: 0.15 }, 2.0), R::LHalf(LHalf { lambda: 0.3 })),
    ]
}

#[test]
fn a_strength_is_a_factor_on_the_penalty() {
    let mut rng = Rng::new(81);
    for (own, want) in scaled() {
        let own = Regularizer::Own(own);
        for groups in layouts(5, 24) {
            let v = rng.vec(groups.len(), -1.5, 1.5);
            let d = rng.vec(groups.len(), 0.5, 2.0);
            for isa in isas() {
                for at in [Metric::Euclidean { step: 0.7 }, Metric::Diagonal { d: &d }] {
                    let (mut x, mut y) = (v.clone(), v.clone());
                    let (tau, a) = apply(Exec::new(isa), &own, groups, &mut x, at);
                    let (want_tau, b) = apply(Exec::new(isa), &want, groups, &mut y, at);
                    let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
                    assert_close(&x, &wide(&y), 2e-6);
                    assert_close(&tau, &wide(&want_tau), 2e-6);
                    assert_eq!((a.nan, a.zeros), (b.nan, b.zeros), "{want:?}");
                }
            }
            let value = own.value(groups, &v) / want.value(groups, &v);
            let off = own.stationarity(groups, &v, &d) / want.stationarity(groups, &v, &d);
            assert!((value - 1.0).abs() < 1e-6 && (off - 1.0).abs() < 1e-6, "{value} {off}");
        }
        assert_eq!(own.zeros(), want.zeros());
        assert_eq!(own.is_convex(), want.is_convex());
    }
}

/// `x = max(v - k e, 0)`, in any metric; NaN stays, and the rest of its group is solved without it.
#[test]
fn any_function_of_a_group_is_called_with_its_v_and_e() {
    let mut rng = Rng::new(82);
    let reg = Regularizer::Own(Own::new(&Nonnegative).times(0.3));
    for groups in layouts(4, 30) {
        let mut v = rng.vec(groups.len(), -1.0, 1.0);
        v[7] = f32::NAN;
        v[11] = f32::NEG_INFINITY;
        let d = rng.vec(groups.len(), 0.5, 2.0);
        for exec in crate::support::execs() {
            for at in [Metric::Euclidean { step: 0.7 }, Metric::Diagonal { d: &d }] {
                let e = |i: usize| match at {
                    Metric::Euclidean { step } => step,
                    Metric::Diagonal { d } => 1.0 / d[i],
                };
                let mut x = v.clone();
                let (_, outcome) = apply(exec, &reg, groups, &mut x, at);
                let mut zeros = 0;
                for (i, (&x, &v)) in x.iter().zip(&v).enumerate() {
                    if v.is_finite() {
                        assert!((x - (v - 0.3 * e(i)).max(0.0)).abs() < 1e-6, "{groups:?}");
                        zeros += u64::from(x == 0.0);
                        assert!(x != 0.0 || x.is_sign_positive());
                    } else {
                        assert!(x.is_nan());
                    }
                }
                assert_eq!((outcome.nan, outcome.zeros), (true, zeros));
            }
        }
    }
}

/// The prox of the largest absolute value is v without its projection onto the l1 ball (Moreau).
#[test]
fn a_function_of_a_group_sees_one_group_at_a_time() {
    let mut rng = Rng::new(83);
    let (step, k) = (0.5, 1.6);
    let reg = Regularizer::Own(Own::new(&Largest).times(k));
    for groups in layouts(4, 30) {
        let v = rng.vec(groups.len(), -1.0, 1.0);
        let mut x = v.clone();
        apply(best(), &reg, groups, &mut x, Metric::Euclidean { step });
        for g in 0..groups.groups {
            let (v, x) = (gather(groups, &v, g), gather(groups, &x, g));
            let ball = f64::from(step * k);
            let a = |t: f64| v.iter().map(|&v| (f64::from(v).abs() - t).max(0.0)).sum::<f64>();
            let (mut lo, mut hi) = (0.0, 1.0);
            for _ in 0..80 {
                let t = 0.5 * (lo + hi);
                if a(t) > ball { lo = t } else { hi = t }
            }
            let want: Vec<f64> =
                v.iter().map(|&v| f64::from(v).abs().min(hi) * f64::from(v.signum())).collect();
            assert_close(&x, &want, 2e-6);
        }
        let moved: Vec<f32> = v.iter().zip(&x).map(|(v, x)| (x - v) / step).collect();
        assert!(reg.stationarity(groups, &x, &moved) < 1e-5);
    }
}

#[test]
fn a_penalty_without_strength_is_none_and_one_out_of_range_is_refused() {
    let all = scaled().into_iter().map(|(own, _)| own).chain([Own::new(&Nonnegative)]);
    for own in all {
        // Its form stays, so that a strength may rise from 0.
        let none = Regularizer::Own(own.times(0.0));
        assert_eq!(none.zeros(), Zeros::Nothing);
        assert_eq!(none.is_elementwise(), Regularizer::Own(own).is_elementwise());
        let d = [1.0, 2.0, 0.5, 3.0, 1.0, 1.0];
        for groups in [Groups::whole(6), Groups::rows(2, 3), Groups::columns(2, 3)] {
            for at in [UNIT, Metric::Diagonal { d: &d }] {
                let mut x = [1.0, -2.0, 0.25, 3.0, -0.5, 0.0];
                apply(best(), &none, groups, &mut x, at);
                assert_eq!(x, [1.0, -2.0, 0.25, 3.0, -0.5, 0.0], "{none:?} {groups:?}");
            }
        }
    }
    for strength in [-1.0, f32::NAN, f32::INFINITY] {
        assert!(!Regularizer::Own(Own::new(&Nonnegative).times(strength)).is_valid());
    }
    let [a, b, ..] = own();
    assert!(a == own()[0] && a != b && !Regularizer::Own(Own::new(&Largest)).eq(&a));
}
