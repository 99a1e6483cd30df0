//! Lambda means the objective: every rule converges to the one minimum of a convex problem.
//!
//! ```text
//! F(w, b) = mean((x w^T + b - y)^2) + lambda1 |w|_1 + rho/2 sum_g |w_g|_1^2     a group is a column
//! ```
//!
//! With momentum a prox step of eta would minimise another function, that of (1 - beta) lambda.

use crate::setup::exec;
use proxtape::optim::{Groups, L11L12, Optimizer, Path, Regularized, Regularizer, Rule};
use proxtape::{Gradients, Kind, ParamId, Params, Random, Tape, ops};

const N: usize = 64;
const IN: usize = 12;
const OUT: usize = 5;
const LAMBDA1: f32 = 0.08;
const RHO: f32 = 0.05;

struct Problem {
    x: Vec<f32>,
    y: Vec<f32>,
    params: Params,
    ids: [ParamId; 2],
    regularized: Vec<Regularized>,
}

impl Problem {
    /// Noisy heights over random points: most of the true weights are zero.
    fn new() -> Problem {
        let mut random = Random::new(4);
        let x: Vec<f32> = (0..N * IN).map(|_| random.normal()).collect();
        let truth: Vec<f32> =
            (0..OUT * IN).map(|i| if i % 3 == 0 { random.normal() } else { 0.0 }).collect();
        let mut y = Vec::new();
        for x in x.chunks_exact(IN) {
            let height = |w: &[f32]| x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>();
            y.extend(truth.chunks_exact(IN).map(|w| 1.0 + height(w) + 0.1 * random.normal()));
        }
        let mut params = Params::new();
        let w = params.add("w", Kind::Weight, [OUT, IN]);
        let b = params.add("b", Kind::Bias, [OUT]);
        let groups = Groups { outer: OUT, groups: IN, inner: 1 };
        let regularizer = Regularizer::L11L12(L11L12 { lambda1: LAMBDA1, rho: RHO });
        let regularized = vec![Regularized::new(w, regularizer, groups)];
        Problem { x, y, params, ids: [w, b], regularized }
    }

    /// The parameters that `steps` steps lead to; eta falls to zero over the last half.
    fn solve(&self, (rule, eta): (Rule, f32), path: Path, steps: usize) -> Params {
        let mut params = self.params.clone();
        let mut tape = Tape::new(exec());
        let (x, y) = (tape.input([N, IN]), tape.input([N, OUT]));
        let [w, b] = self.ids.map(|id| tape.param(&params, id));
        let guess = ops::linear(&mut tape, x, w, Some(b));
        let loss = ops::mse_loss(&mut tape, guess, y);
        tape.set(x, &self.x);
        tape.set(y, &self.y);
        let mut gradients = Gradients::new(&params);
        let mut optimizer = Optimizer::new(exec(), &params, rule, &self.regularized);
        optimizer = optimizer.with_path(path);
        for step in 0..steps {
            tape.forward(&mut params);
            gradients.clear();
            tape.backward(&mut params, loss, &mut gradients);
            let left = 2.0 * (steps - step) as f32 / steps as f32;
            let outcome = optimizer.step(&mut params, &mut gradients, eta * left.min(1.0));
            assert!(!outcome.nan);
        }
        params
    }

    /// (F, dloss/dw, dloss/db), in f64.
    fn objective(&self, w: &[f64], b: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
        let (mut value, mut dw, mut db) = (0.0, vec![0.0; OUT * IN], vec![0.0; OUT]);
        let count = (N * OUT) as f64;
        for (x, y) in self.x.chunks_exact(IN).zip(self.y.chunks_exact(OUT)) {
            for o in 0..OUT {
                let w = &w[o * IN..][..IN];
                let guess = b[o] + w.iter().zip(x).map(|(w, &x)| w * f64::from(x)).sum::<f64>();
                let error = guess - f64::from(y[o]);
                value += error * error / count;
                db[o] += 2.0 * error / count;
                for i in 0..IN {
                    dw[o * IN + i] += 2.0 * error * f64::from(x[i]) / count;
                }
            }
        }
        for g in 0..IN {
            let l1 = column_l1(w, g);
            value += f64::from(LAMBDA1) * l1 + f64::from(RHO) / 2.0 * l1 * l1;
        }
        (value, dw, db)
    }
}

fn column_l1(w: &[f64], g: usize) -> f64 {
    (0..OUT).map(|o| w[o * IN + g].abs()).sum()
}

const RULES: [(Rule, f32); 4] = [
    (Rule::Sgd, 0.5),
    (Rule::Momentum { beta: 0.9 }, 0.1),
    (Rule::Nesterov { beta: 0.9 }, 0.1),
    (Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-4, decay: 0.0 }, 0.01),
];

#[test]
fn every_rule_converges_to_the_minimum_of_the_objective() {
    let problem = Problem::new();
    let mut solutions = Vec::new();
    for (rule, eta) in RULES {
        for path in [Path::Fused, Path::Unfused] {
            let params = problem.solve((rule, eta), path, 4000);
            let [w, b] = problem.ids.map(|id| params.value(id));
            let [w64, b64] = [w, b].map(|x| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>());
            let (_, dw, db) = problem.objective(&w64, &b64);
            // 0 must be in the subdifferential: tau = lambda1 + rho |w_g|_1 bounds |dw| everywhere,
            // and where w is not zero dw = -sign(w) tau.
            for (i, (&w, &dw)) in w64.iter().zip(&dw).enumerate() {
                let tau = f64::from(LAMBDA1) + f64::from(RHO) * column_l1(&w64, i % IN);
                let residual =
                    if w == 0.0 { dw.abs() - tau } else { (dw + w.signum() * tau).abs() };
                assert!(residual <= 2e-5, "{rule:?} {path:?}: w[{i}] = {w} has {residual}");
            }
            assert!(db.iter().all(|db| db.abs() <= 2e-5), "{rule:?} {path:?}: {db:?}");
            // The certificate of the library says the same.
            let dw: Vec<f32> = dw.iter().map(|&x| x as f32).collect();
            let residual = problem.regularized[0].stationarity(w, &dw);
            assert!(residual <= 1e-3, "{rule:?} {path:?}: {residual}");
            solutions.push((rule, w64, b64));
        }
    }
    let (_, w, b) = &solutions[0];
    let zeros = w.iter().filter(|&&w| w == 0.0).count();
    assert!((10..50).contains(&zeros), "{zeros} of {} weights are zero", w.len());
    for (rule, other_w, other_b) in &solutions {
        for (x, y) in w.iter().chain(b).zip(other_w.iter().chain(other_b)) {
            assert!((x - y).abs() <= 1e-4, "{rule:?}: {y}, and plain descent gives {x}");
        }
        let same = w.iter().zip(other_w).all(|(x, y)| (*x == 0.0) == (*y == 0.0));
        assert!(same, "{rule:?}: the same weights are zero");
    }

    // And no other point near is better.
    let (least, ..) = problem.objective(w, b);
    let mut random = Random::new(9);
    for _ in 0..200 {
        let moved: Vec<f64> = w.iter().map(|w| w + 1e-2 * f64::from(random.normal())).collect();
        assert!(problem.objective(&moved, b).0 > least);
    }
}
