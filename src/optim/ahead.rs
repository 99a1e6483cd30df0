//! Where the weights would be some steps ahead, for any strength of the penalty.
//!
//! n steps from w along one gradient g, and then the prox of all of them at once:
//!
//! ```text
//! SGD        v = w - eta n g                              prox step  n eta
//! momentum   v = w - eta (A m + B g)                                 n eta / (1 - beta)
//! Nesterov   v = w - eta (n g + beta (A m + B g))                    n eta / (1 - beta)
//! Adam(W)    v = (1 - n eta decay) w - e (A m + (n - A) g) / (1 - beta1^t)     metric 1/(n e)
//! ```
//!
//! with A = beta (1 - beta^n) / (1 - beta) and B = (n - A) / (1 - beta), so that A m + B g is the sum
//! of the next n moments. n = 1 is the next step itself; a longer way is a guess that holds as far as
//! the gradient does. Without a gradient the penalty acts alone for n steps: v = w.

use super::{Optimizer, Regularized};
use crate::gradients::Gradients;
use crate::params::Params;
use proxtape_kernels::prox::{self, Metric, Work};
use proxtape_kernels::update::Rule;
use proxtape_kernels::{Buffer, Exec};

/// A point v of all penalised weights, and room for its prox.
#[derive(Debug)]
pub(crate) struct Ahead {
    exec: Exec,
    /// Laid out as the parameters, as x and Adam's metric d.
    v: Buffer,
    x: Buffer,
    d: Buffer,
    /// The step of the prox, where the metric is Euclidean.
    step: f32,
    tau: Buffer,
    scratch: Buffer,
}

impl Ahead {
    pub(crate) fn new(optimizer: &Optimizer, params: &Params) -> Ahead {
        let exec = optimizer.exec;
        let is_diagonal = optimizer.rule.is_diagonal();
        let parts = optimizer.slots.iter().flat_map(|slot| &slot.parts);
        let wanted = parts.map(|part| prox::scratch_len(exec, &part.reg, part.band));
        Ahead {
            exec,
            v: Buffer::zeroed(params.len()),
            x: Buffer::zeroed(params.len()),
            d: Buffer::zeroed(if is_diagonal { params.len() } else { 0 }),
            step: 0.0,
            tau: Buffer::zeroed(optimizer.tau.len()),
            scratch: Buffer::zeroed(wanted.max().unwrap_or(0)),
        }
    }

    /// Moves v to where n = `steps` steps of size `eta` lead.
    pub(crate) fn aim(
        &mut self,
        optimizer: &Optimizer,
        (params, gradients): (&Params, Option<&Gradients>),
        (eta, steps): (f32, f32),
    ) {
        let rule = optimizer.rule;
        let (mut a, mut b) = (0.0, 0.0);
        if gradients.is_some() {
            (a, b) = way(rule, steps);
        }
        let step = match rule {
            Rule::Momentum { beta } | Rule::Nesterov { beta } => steps * eta / (1.0 - beta),
            Rule::Sgd | Rule::Adam { .. } => steps * eta,
        };
        // As in a step, one beyond f32 is the largest f32.
        self.step = step.min(f32::MAX);
        for slot in optimizer.slots.iter().filter(|slot| slot.is_weight) {
            let span = params.span(slot.id);
            let (w, v) = (params.value(slot.id), &mut self.v[span.clone()]);
            v.copy_from_slice(w);
            // Without a gradient in this step there is no step.
            let g = gradients.map(|gradients| gradients.get(slot.id).unwrap_or(&[]));
            let [m, s] = &optimizer.moments;
            let Rule::Adam { beta1, beta2, eps, decay } = rule else {
                for (v, g) in v.iter_mut().zip(g.unwrap_or(&[])) {
                    *v -= eta * b * g;
                }
                if a != 0.0 {
                    for (v, m) in v.iter_mut().zip(&m[span]) {
                        *v -= eta * a * m;
                    }
                }
                continue;
            };
            let (m, s, d) = (&m[span.clone()], &s[span.clone()], &mut self.d[span]);
            let t = optimizer.steps.saturating_add(1).min(i32::MAX as u64) as i32;
            let [first, second] = [beta1, beta2].map(|beta| 1.0 - beta.powi(t));
            for i in 0..v.len() {
                let g = g.map_or(0.0, |g| g.get(i).copied().unwrap_or(0.0));
                let square = beta2 * s[i] + (1.0 - beta2) * g * g;
                let e = eta / ((square / second).sqrt() + eps);
                d[i] = 1.0 / (steps * e);
                if gradients.is_some() {
                    v[i] = (1.0 - steps * eta * decay) * w[i] - e * (a * m[i] + b * g) / first;
                }
            }
        }
    }

    /// The prox of v under `regularized`, and the sum of `weigh` over its weights.
    pub(crate) fn sum(
        &mut self,
        optimizer: &Optimizer,
        params: &Params,
        regularized: &[Regularized],
        weigh: impl Fn(usize, &Regularized, &[f32]) -> u64,
    ) -> u64 {
        // From the same start each time, or a resumed training would not round as an unbroken one.
        self.tau.copy_from_slice(&optimizer.tau);
        let mut total = 0;
        for (i, r) in regularized.iter().enumerate() {
            let Some(slot) = optimizer.slot(r.id) else { continue };
            let span = params.span(r.id);
            let x = &mut self.x[span.clone()];
            x.copy_from_slice(&self.v[span.clone()]);
            for (part, own) in r.parts.iter().zip(&slot.parts) {
                let at = match self.d.is_empty() {
                    true => Metric::Euclidean { step: self.step },
                    false => Metric::Diagonal { d: &self.d[span.clone()] },
                };
                let work = Work { tau: &mut self.tau[own.tau.clone()], scratch: &mut self.scratch };
                prox::prox(self.exec, &part.regularizer, part.band, x, at, work);
            }
            total += weigh(i, r, x);
        }
        total
    }
}

/// The factors of m and g in the sum of the next n moments, or of what the rule makes of them.
fn way(rule: Rule, n: f32) -> (f32, f32) {
    let sums = |beta: f32| match beta {
        0.0 => (0.0, n),
        _ => {
            let a = beta * (1.0 - beta.powf(n)) / (1.0 - beta);
            (a, (n - a) / (1.0 - beta))
        }
    };
    match rule {
        Rule::Sgd => (0.0, n),
        Rule::Momentum { beta } => sums(beta),
        Rule::Nesterov { beta } => {
            let (a, b) = sums(beta);
            (beta * a, n + beta * b)
        }
        Rule::Adam { beta1, .. } => {
            let (a, _) = sums(beta1);
            (a, n - a)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradients::GradSink;
    use crate::optim::{Groups, L1, Regularizer};
    use crate::params::Kind;
    use proxtape_kernels::Isa;

    const RULES: [Rule; 4] = [
        Rule::Sgd,
        Rule::Momentum { beta: 0.8 },
        Rule::Nesterov { beta: 0.8 },
        Rule::Adam { beta1: 0.8, beta2: 0.9, eps: 1e-3, decay: 0.1 },
    ];

    /// Sixty steps along a gradient, then `steps` more: how far they lead from where `aim` points.
    fn off(rule: Rule, lambda1: f32, steps: u32) -> f32 {
        let exec = Exec::new(Isa::detect());
        let mut params = Params::new();
        let id = params.add("w", Kind::Weight, [4]);
        params.value_mut(id).copy_from_slice(&[0.5, -0.2, 0.01, 0.0]);
        let regularizer = Regularizer::L1(L1 { lambda1 });
        let regularized = [Regularized::new(id, regularizer, Groups::whole(4))];
        let mut gradients = Gradients::new(&params);
        let mut optimizer = Optimizer::new(exec, &params, rule, &regularized);
        let mut take = |optimizer: &mut Optimizer, params: &mut Params| {
            gradients.clear();
            let (g, _) = gradients.destination(id).unwrap();
            g.copy_from_slice(&[0.1, -0.1, 0.02, 0.05]);
            optimizer.step(params, &mut gradients, 0.01);
        };
        (0..60).for_each(|_| take(&mut optimizer, &mut params));
        let mut along = Gradients::new(&params);
        along.destination(id).unwrap().0.copy_from_slice(&[0.1, -0.1, 0.02, 0.05]);
        let mut ahead = Ahead::new(&optimizer, &params);
        ahead.aim(&optimizer, (&params, Some(&along)), (0.01, steps as f32));
        ahead.sum(&optimizer, &params, &regularized, |_, _, _| 0);
        (0..steps).for_each(|_| take(&mut optimizer, &mut params));
        let both = params.value(id).iter().zip(&ahead.x[params.span(id)]);
        both.fold(0.0, |worst, (a, b)| worst.max((a - b).abs()))
    }

    #[test]
    fn one_step_ahead_is_the_next_step() {
        for rule in RULES {
            assert!(off(rule, 0.05, 1) < 1e-7, "{rule:?}: {}", off(rule, 0.05, 1));
        }
    }

    #[test]
    fn several_steps_ahead_are_those_of_a_gradient_that_stays() {
        for rule in &RULES[..3] {
            assert!(off(*rule, 0.0, 7) < 1e-6, "{rule:?}: {}", off(*rule, 0.0, 7));
        }
        // Its moments have come to rest, all but what is left of the start.
        assert!(off(RULES[3], 0.0, 7) < 1e-3, "{}", off(RULES[3], 0.0, 7));
    }
}
