//! Groups that are columns, from the taus of the last step.

use super::*;
use crate::support::{Rng, assert_close, isas};
use proxtape_kernels::Pool;

/// Moves every element by a little; the taus then move by a fraction of a percent.
fn moved(rng: &mut Rng, v: &[f32]) -> Vec<f32> {
    v.iter().map(|v| v * (1.0 + rng.uniform(-0.01, 0.01))).collect()
}

/// The taus that the sort formula gives, one for each group.
fn taus(groups: Groups, v: &[f32], (lambda1, rho): (f32, f32)) -> Vec<f64> {
    let formula = |g| sort_formula(&gather(groups, v, g), lambda1.into(), rho.into());
    (0..groups.groups).map(formula).collect()
}

fn check(groups: Groups, v: &[f32], x: &[f32], (tau, want): (&[f32], &[f64])) {
    assert_close(tau, want, 2e-6);
    for (g, tau) in want.iter().enumerate() {
        for (v, x) in gather(groups, v, g).into_iter().zip(gather(groups, x, g)) {
            let want = (f64::from(v.abs()) - tau).max(0.0) * f64::from(v.signum());
            // In the units of v and tau: x is a difference of the two.
            assert!((f64::from(x) - want).abs() <= 2e-6, "{v} less {tau} gave {x}");
        }
    }
}

/// Narrow blocks and wide ones, several of them, odd ends, and runs.
#[test]
fn warm_columns_are_solved_with_the_same_bits_on_any_threads() {
    let mut rng = Rng::new(5);
    let shapes = [
        Groups::columns(300, 529),
        Groups::columns(700, 37),
        Groups::columns(700, 2100),
        Groups { outer: 700, groups: 300, inner: 9 },
    ];
    for groups in shapes {
        let v = rng.vec(groups.len(), -1.0, 1.0);
        let numbers = (0.1, 2.0 / groups.group_size() as f32);
        let reg = l11_l12(numbers.0, numbers.1);
        let next = moved(&mut rng, &v);
        let want = taus(groups, &next, numbers);
        for isa in isas() {
            let (start, cold) = apply(Exec::new(isa), &reg, groups, &mut v.clone(), UNIT);
            let mut first = None;
            for threads in [1, 2, 4] {
                let pool = Pool::new(threads).unwrap();
                pool.install(|| {
                    let mut x = next.clone();
                    let from = (UNIT, start.clone());
                    let (tau, warm) = apply_from(pool.exec(isa), &reg, groups, &mut x, from);
                    check(groups, &next, &x, (&tau, &want));
                    assert!(warm.passes <= cold.passes, "{groups:?}: {warm:?} {cold:?}");
                    let bits: Vec<u32> = x.iter().chain(&tau).map(|x| x.to_bits()).collect();
                    assert!(*first.get_or_insert_with(|| bits.clone()) == bits, "{threads}");
                });
            }
        }
    }
}

/// All elements are near the tau.
#[test]
fn crowds_near_a_tau_are_solved() {
    let mut rng = Rng::new(6);
    for groups in [Groups::columns(300, 64), Groups::columns(1500, 40)] {
        let v = rng.vec(groups.len(), 0.4999, 0.5001);
        let numbers = (0.499, 1e-4);
        let want = taus(groups, &v, numbers);
        let reg = l11_l12(numbers.0, numbers.1);
        for isa in isas() {
            let mut x = v.clone();
            let start = want.iter().map(|&tau| tau as f32 * 1.0001).collect();
            let (tau, _) = apply_from(Exec::new(isa), &reg, groups, &mut x, (UNIT, start));
            check(groups, &v, &x, (&tau, &want));
        }
    }
}

/// Each element has its own e.
#[test]
fn warm_columns_in_a_diagonal_metric() {
    let mut rng = Rng::new(7);
    let groups = Groups::columns(700, 50);
    let v = rng.vec(groups.len(), -1.0, 1.0);
    let d = rng.vec(groups.len(), 0.5, 2.0);
    let reg = l11_l12(0.1, 2.0 / 700.0);
    let next = moved(&mut rng, &v);
    let at = Metric::Diagonal { d: &d };
    for isa in isas() {
        let exec = Exec::new(isa);
        let (start, _) = apply(exec, &reg, groups, &mut v.clone(), at);
        let (mut cold, mut warm) = (next.clone(), next.clone());
        let (want, _) = apply(exec, &reg, groups, &mut cold, at);
        let (tau, _) = apply_from(exec, &reg, groups, &mut warm, (at, start));
        let wide = |x: &[f32]| x.iter().map(|&x| x.into()).collect::<Vec<f64>>();
        assert_close(&tau, &wide(&want), 2e-6);
        assert_close(&warm, &wide(&cold), 2e-6);
    }
}
