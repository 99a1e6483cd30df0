//! Groups in some columns of a matrix: groups of different widths on one weight.

use super::starts::tau_of;
use super::*;
use crate::support::{Rng, assert_close, execs};

/// Widths that share a matrix: runs of equal ones, single columns, one wider than a block, and one
/// that is contiguous in its rows.
const WIDTHS: [&[(usize, usize)]; 4] = [
    &[(1, 3), (1, 1), (1, 5)],
    &[(7, 1), (2, 4), (1, 9), (3, 2)],
    &[(1, 20), (300, 1), (1, 300), (5, 3)],
    &[(1, 6)],
];

/// The bands of runs (groups, columns of each), and the buffer's length.
fn bands(outer: usize, runs: &[(usize, usize)]) -> (Vec<Band>, usize) {
    let stride = runs.iter().map(|(groups, inner)| groups * inner).sum();
    let mut start = 0;
    let bands = runs.iter().map(|&(groups, inner)| {
        let band = Band { groups: Groups { outer, groups, inner }, start, stride };
        start += groups * inner;
        band
    });
    (bands.collect(), outer * stride)
}

/// The prox of one group in f64: `(tau, c)` of l1,1 + l1,2, or of l1,1 + l2,1 by bisection on the norm.
fn oracle(reg: &Regularizer, v: &[f32], e: &[f64]) -> Vec<f64> {
    let (lambda1, rho, lambda2) = match *reg {
        Regularizer::L11L12(L11L12 { lambda1, rho }) => (lambda1, rho, 0.0),
        Regularizer::Exclusive(Exclusive { rho }) => (0.0, rho, 0.0),
        Regularizer::GroupLasso(GroupLasso { lambda2 }) => (0.0, 0.0, lambda2),
        Regularizer::SparseGroupLasso(SparseGroupLasso { lambda1, lambda2 }) => {
            (lambda1, 0.0, lambda2)
        }
        Regularizer::L1(L1 { lambda1 }) => (lambda1, 0.0, 0.0),
        _ => panic!("{reg:?} has no oracle here"),
    };
    let tau = tau_of(v, e, (lambda1, rho));
    let lambda2 = f64::from(lambda2);
    let b: Vec<f64> =
        v.iter().zip(e).map(|(&v, e)| (f64::from(v).abs() - tau * e).max(0.0)).collect();
    // s = ||x||: the sum of (b / (s + lambda2 e))^2 is 1, where it is above 1 at 0.
    let excess =
        |s: f64| b.iter().zip(e).map(|(b, e)| (b / (s + lambda2 * e)).powi(2)).sum::<f64>();
    let (mut lo, mut hi) = (0.0, b.iter().map(|b| b * b).sum::<f64>().sqrt());
    for _ in 0..200 {
        let s = 0.5 * (lo + hi);
        if excess(s) > 1.0 { lo = s } else { hi = s }
    }
    let shrink = |e: f64| match lambda2 {
        0.0 => 1.0,
        _ if lo == 0.0 => 0.0,
        _ => lo / (lo + lambda2 * e),
    };
    let x = b.iter().zip(e).zip(v).map(|((b, e), v)| b * shrink(*e) * f64::from(v.signum()));
    x.collect()
}

#[test]
fn each_group_of_a_band_is_solved_as_if_it_were_alone() {
    let mut rng = Rng::new(91);
    let regs = [
        l11_l12(0.1, 0.05),
        Regularizer::Exclusive(Exclusive { rho: 0.1 }),
        Regularizer::GroupLasso(GroupLasso { lambda2: 0.9 }),
        Regularizer::SparseGroupLasso(SparseGroupLasso { lambda1: 0.2, lambda2: 0.5 }),
        Regularizer::L1(L1 { lambda1: 0.3 }),
    ];
    for (runs, outer) in WIDTHS.into_iter().zip([7, 33, 40, 1]) {
        let (bands, n) = bands(outer, runs);
        let (v, d) = (rng.vec(n, -1.0, 1.0), rng.vec(n, 0.5, 2.0));
        for (reg, exec) in regs.iter().flat_map(|reg| execs().into_iter().map(move |e| (reg, e))) {
            for at in [Metric::Euclidean { step: 0.8 }, Metric::Diagonal { d: &d }] {
                let mut x = v.clone();
                let mut zeros = 0;
                for &band in &bands {
                    let before = x.clone();
                    let mut tau = vec![0.0; band.groups.groups];
                    let mut scratch = vec![f32::NAN; prox::scratch_len(exec, reg, band)];
                    let work = Work { tau: &mut tau, scratch: &mut scratch };
                    zeros += prox::prox(exec, reg, band, &mut x, at, work).zeros;
                    let mut inside = vec![false; n];
                    band.elements().for_each(|i| inside[i] = true);
                    let touched = |&i: &usize| x[i].to_bits() != before[i].to_bits();
                    assert!((0..n).filter(touched).all(|i| inside[i]), "{band:?}");
                    let off = reg.residual(band, &x, &tau);
                    assert!(off < 2e-5, "{reg:?} {band:?}: residual {off}");
                    for g in 0..band.groups.groups {
                        let pick = |x: &[f32]| band.indices(g).map(|i| x[i]).collect::<Vec<f32>>();
                        let e: Vec<f64> = match at {
                            Metric::Euclidean { step } => vec![f64::from(step); pick(&v).len()],
                            Metric::Diagonal { .. } => {
                                pick(&d).iter().map(|&d| 1.0 / f64::from(d)).collect()
                            }
                        };
                        assert_close(&pick(&x), &oracle(reg, &pick(&v), &e), 3e-6);
                    }
                }
                assert_eq!(zeros, x.iter().filter(|&&x| x == 0.0).count() as u64);
            }
        }
    }
}

/// A band of all columns is the groups themselves, bit by bit, and so is one in a wider matrix.
#[test]
fn a_band_has_the_bits_of_its_groups_alone() {
    let mut rng = Rng::new(92);
    for reg in all() {
        for groups in [Groups { outer: 9, groups: 4, inner: 3 }, Groups::rows(1, 70)] {
            for exec in execs() {
                let v = rng.vec(groups.len(), -1.0, 1.0);
                let columns = groups.groups * groups.inner;
                let band = Band { groups, start: 2, stride: columns + 5 };
                let mut wide = rng.vec(band.buffer_len(), -1.0, 1.0);
                band.elements().zip(&v).for_each(|(i, &v)| wide[i] = v);
                let (mut x, mut tau) = (v, vec![0.0; groups.groups]);
                let (want, _) = apply(exec, &reg, groups, &mut x, UNIT);
                let mut scratch = vec![f32::NAN; prox::scratch_len(exec, &reg, band)];
                let work = Work { tau: &mut tau, scratch: &mut scratch };
                prox::prox(exec, &reg, band, &mut wide, UNIT, work);
                let found: Vec<u32> = band.elements().map(|i| wide[i].to_bits()).collect();
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
                assert_eq!(found, bits(&x), "{reg:?} {groups:?}");
                assert!(reg.is_elementwise() || bits(&tau) == bits(&want));
                let value = (reg.value(band, &wide), reg.value(groups, &x));
                assert!(value.0 == value.1, "{reg:?}: {value:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "Band: columns 4 to 7 of 6")]
fn a_band_outside_its_matrix_is_refused() {
    Band { groups: Groups { outer: 2, groups: 3, inner: 1 }, start: 4, stride: 6 }.buffer_len();
}
