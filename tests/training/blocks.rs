//! Groups of different widths on one weight, each with its own factor on lambda.

use crate::setup::{Small, exec, finish, mlp, network};
use proxtape::optim::{
    Blocks, Family, GroupScale, Grouping, Optimizer, Penalty, Regularized, Rule,
};
use proxtape::sparsity::Report;
use proxtape::train::{Config, Measure, Settle, Target};
use proxtape::{GradSink, Gradients, Params, Random};

/// One-hot blocks of 64 inputs, with runs of one width, and of one width but two factors.
const WIDTHS: [usize; 12] = [3, 1, 1, 1, 5, 16, 16, 2, 2, 1, 7, 9];
const FACTORS: [f32; 12] = [1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 0.25];
const LAMBDA: f32 = 0.03;

fn blocks() -> Grouping {
    Grouping::Blocks(Blocks::new(WIDTHS).with_factors(FACTORS))
}

fn penalty(family: Family) -> Penalty {
    let mut penalty = Penalty { lambda: LAMBDA, ..Penalty::new(family) };
    penalty.layers.push(proxtape::optim::LayerPenalty {
        layer: "fc1".to_owned(),
        grouping: Some(blocks()),
        ..Default::default()
    });
    penalty
}

/// The elements of each block of a weight [out, 64].
fn groups(out: usize) -> Vec<Vec<usize>> {
    let mut start = 0;
    let block = |&width: &usize| {
        let columns = start..start + width;
        start += width;
        (0..out).flat_map(|o| columns.clone().map(move |i| o * 64 + i)).collect()
    };
    WIDTHS.iter().map(block).collect()
}

/// lambda1, lambda2 and rho of a group of n, from the formulas of the families.
fn terms(family: Family, lambda: f64, n: f64) -> [f64; 3] {
    let half = 0.5 * lambda;
    match family {
        Family::L1 => [lambda, 0.0, 0.0],
        Family::GroupLasso => [0.0, lambda * n.sqrt(), 0.0],
        Family::SparseGroupLasso => [half, half * n.sqrt(), 0.0],
        Family::Exclusive => [0.0, 0.0, lambda / n],
        Family::L11L12 => [half, 0.0, half / n],
        _ => panic!("{family} has no oracle here"),
    }
}

/// The prox of a group in f64, with tau and the norm by bisection; e for each element.
fn prox(v: &[f64], e: &[f64], [lambda1, lambda2, rho]: [f64; 3]) -> Vec<f64> {
    let over = |tau: f64| v.iter().zip(e).map(move |(v, e)| (v.abs() - tau * e).max(0.0));
    let tau = root(|tau| lambda1 + rho * over(tau).sum::<f64>() - tau);
    let b: Vec<f64> = over(tau).collect();
    // x = b / (1 + lambda2 e / s) with s = ||x||, or 0.
    let norm = |s: f64| b.iter().zip(e).map(|(b, e)| (b / (s + lambda2 * e)).powi(2)).sum::<f64>();
    let shrink: Vec<f64> = match lambda2 {
        0.0 => vec![1.0; v.len()],
        _ if norm(0.0) <= 1.0 => vec![0.0; v.len()],
        _ => {
            let s = root(|s| norm(s) - 1.0);
            e.iter().map(|e| s / (s + lambda2 * e)).collect()
        }
    };
    b.iter().zip(v).zip(shrink).map(|((b, v), shrink)| b.copysign(*v) * shrink).collect()
}

/// Where a falling function is 0.
fn root(f: impl Fn(f64) -> f64) -> f64 {
    let (mut lo, mut hi) = (0.0, 1e3);
    for _ in 0..200 {
        let middle = 0.5 * (lo + hi);
        if f(middle) > 0.0 { lo = middle } else { hi = middle }
    }
    lo
}

/// v and e of one step from rest.
fn aim(rule: Rule, eta: f64, w: f64, g: f64) -> (f64, f64) {
    match rule {
        Rule::Sgd => (w - eta * g, eta),
        Rule::Momentum { beta } => (w - eta * g, eta / (1.0 - f64::from(beta))),
        Rule::Nesterov { beta } => {
            let beta = f64::from(beta);
            (w - eta * (1.0 + beta) * g, eta / (1.0 - beta))
        }
        Rule::Adam { eps, decay, .. } => {
            let e = eta / (g.abs() + f64::from(eps));
            (w * (1.0 - eta * f64::from(decay)) - e * g, e)
        }
    }
}

const RULES: [Rule; 4] = [
    Rule::Sgd,
    Rule::Momentum { beta: 0.5 },
    Rule::Nesterov { beta: 0.5 },
    Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 0.1, decay: 0.01 },
];

#[test]
fn each_block_takes_the_prox_of_its_own_size_and_factor() {
    let families = [
        Family::L1,
        Family::GroupLasso,
        Family::SparseGroupLasso,
        Family::Exclusive,
        Family::L11L12,
    ];
    let out = 20;
    for family in families {
        let network = network(&mlp(out));
        let start = network.params();
        let regularized = penalty(family).resolve(&network).unwrap();
        let id = network.model().weights()[0].id;
        for (rule, eta) in RULES.into_iter().zip([0.5f32, 0.25, 0.25, 0.02]) {
            let mut params = start.clone();
            let mut random = Random::new(7);
            let w: Vec<f32> = (0..out * 64).map(|_| random.uniform_in(-0.2, 0.2)).collect();
            let g: Vec<f32> = (0..out * 64).map(|_| random.uniform_in(-0.2, 0.2)).collect();
            params.value_mut(id).copy_from_slice(&w);
            let mut gradients = Gradients::new(&params);
            gradients.destination(id).unwrap().0.copy_from_slice(&g);
            let mut optimizer = Optimizer::new(exec(), &params, rule, &regularized);
            let outcome = optimizer.step(&mut params, &mut gradients, eta);
            let found = params.value(id);
            for ((group, factor), n) in groups(out).iter().zip(FACTORS).zip(WIDTHS) {
                let of = |&i: &usize| aim(rule, f64::from(eta), f64::from(w[i]), f64::from(g[i]));
                let (v, e): (Vec<f64>, Vec<f64>) = group.iter().map(of).unzip();
                let lambda = f64::from(LAMBDA) * f64::from(factor);
                let want = prox(&v, &e, terms(family, lambda, (n * out) as f64));
                for (&i, want) in group.iter().zip(want) {
                    let x = f64::from(found[i]);
                    assert!((x - want).abs() < 1e-6, "{family} {rule:?} {n}: {x} for {want}");
                }
            }
            let zeros = found.iter().filter(|&&w| w == 0.0).count() as u64;
            assert!(outcome.zeros == zeros && !outcome.nan);
            // The certificates see the same groups.
            let tau = optimizer.tau(id);
            assert!(regularized[0].residual(found, tau) < 1e-5, "{family} {rule:?}");
        }
    }
}

/// Blocks of one width are the groups that `Input` makes, bit by bit.
#[test]
fn blocks_of_one_input_are_groups_by_input() {
    let samples = Small::digits(128, 0);
    let trained = |grouping| {
        let penalty = Penalty { lambda: 3e-3, linear: grouping, ..Penalty::new(Family::L11L12) };
        let mut penalty = penalty;
        penalty.layers.push(proxtape::optim::LayerPenalty {
            layer: "fc2".to_owned(),
            grouping: Some(Grouping::Output),
            ..Default::default()
        });
        let config = Config { epochs: 3, batch: 32, penalty, ..Config::default() };
        let mut trainer = samples.trainer(&mlp(16), config).unwrap();
        finish(&mut trainer).unwrap();
        let params = trainer.params();
        let bits = |id| params.value(id).iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        params.ids().flat_map(bits).collect::<Vec<_>>()
    };
    let want = trained(Grouping::Input);
    assert_eq!(trained(Grouping::Blocks(Blocks::new([1; 64]))), want);
    let ones = Blocks::new([1; 64]).with_factors([1.0; 64]);
    assert_eq!(trained(Grouping::Blocks(ones)), want);
}

fn count(params: &Params, regularized: &[Regularized], id: proxtape::ParamId) -> usize {
    assert_eq!(regularized[0].id, id);
    let w = params.value(id);
    groups(w.len() / 64).iter().filter(|group| group.iter().any(|&i| w[i] != 0.0)).count()
}

/// Whole blocks go, the report counts them, and a target of groups is met.
#[test]
fn a_training_removes_blocks_and_counts_them() {
    let samples = Small::digits(256, 64);
    for (family, rule) in [
        (Family::GroupLasso, Rule::Momentum { beta: 0.9 }),
        (Family::SparseGroupLasso, Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.0 }),
    ] {
        let target = Some(Target { of: Measure::Groups, share: 0.5 });
        let penalty = Penalty { lambda: 2e-3, scale: GroupScale::GroupSize, ..penalty(family) };
        let settle = Some(Settle { epochs: 6, eta: 0.02 });
        let mut config = Config { epochs: 18, batch: 32, rule, penalty, ..Config::default() };
        (config.target, config.settle) = (target, settle);
        config.schedule.eta = if matches!(rule, Rule::Adam { .. }) { 0.005 } else { 0.05 };
        let mut trainer = samples.trainer(&mlp(16), config).unwrap();
        finish(&mut trainer).unwrap();
        let report = Report::new(trainer.model(), trainer.last(), trainer.regularized());
        let layer = &report.layers[0];
        let id = trainer.model().weights()[0].id;
        assert_eq!(layer.groups, WIDTHS.len());
        assert_eq!(layer.groups_kept, count(trainer.last(), trainer.regularized(), id));
        let share = report.groups_kept() as f64 / report.groups() as f64;
        assert!((share - 0.5).abs() < 0.08, "{family}: {share} of the groups");
        let zero = |group: &Vec<usize>| group.iter().all(|&i| trainer.last().value(id)[i] == 0.0);
        assert!(groups(16).iter().any(zero), "{family} empties a block");
    }
}

#[test]
fn blocks_that_do_not_fit_name_their_layer() {
    let network = network(&mlp(8));
    let linear = Grouping::Blocks(Blocks::new([32, 31]));
    let penalty = Penalty { linear, ..Penalty::new(Family::GroupLasso) };
    let message = penalty.resolve(&network).unwrap_err().to_string();
    assert!(message.contains("layer \"fc1\"") && message.contains("63 inputs"), "{message}");
}
