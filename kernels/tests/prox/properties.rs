//! What must hold whatever the result: facts of the method, warm starts, threads, passes.

use super::*;
use crate::support::{Rng, assert_close, execs};
use proxtape_kernels::Pool;

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

#[test]
fn convex_proxes_are_nonexpansive() {
    let mut rng = Rng::new(19);
    for reg in all().iter().filter(|r| r.is_convex()) {
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
