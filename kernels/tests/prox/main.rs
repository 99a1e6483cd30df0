//! The proximal operators: golden cases, the sort formula, brute force, and the facts of the method.

#[path = "../support/mod.rs"]
mod support;

mod bands;
mod cges;
mod columns;
mod elements;
mod oracles;
mod own;
mod properties;
mod special;
mod starts;

use proxtape_kernels::prox::{
    self, Band, Cges, CgesOneShot, Elastic, Exclusive, GroupLasso, Groups, L0, L1, L2, L11L12,
    LHalf, Mcp, Metric, Outcome, Regularizer, SparseGroupLasso, TransformedL1, Work,
};
use proxtape_kernels::{Exec, Isa};

/// Every regulariser, with weights that zero some entries of values near 1 and keep others. A new
/// one is one row.
fn all() -> Vec<Regularizer> {
    use Regularizer as R;
    let mut all = vec![
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
    ];
    all.extend(support::own::own());
    all
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
