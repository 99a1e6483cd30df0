//! The regularised step: an f64 reference, the unfused passes, special values, threads.

mod support;

use proxtape_kernels::prox::{
    self, Cges, CgesOneShot, Elastic, Exclusive, GroupLasso, Groups, L0, L1, L2, L11L12, LHalf,
    Mcp, Outcome, Regularizer, SparseGroupLasso, TransformedL1,
};
use proxtape_kernels::update::{
    Rule, Update, UpdateData, unfused_scratch_len, update, update_unfused,
};
use proxtape_kernels::{Exec, Isa, Pool};
use support::own::own;
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

/// Every regulariser, in the size of a training run. A new one is one row.
fn regularizers() -> Vec<Regularizer> {
    use Regularizer as R;
    let mut all = vec![
        R::None,
        R::L2(L2 { beta: 0.05 }),
        R::L1(L1 { lambda1: 0.02 }),
        R::Elastic(Elastic { lambda1: 0.02, beta: 0.05 }),
        R::GroupLasso(GroupLasso { lambda2: 0.1 }),
        R::SparseGroupLasso(SparseGroupLasso { lambda1: 0.01, lambda2: 0.05 }),
        R::Exclusive(Exclusive { rho: 0.01 }),
        R::L11L12(L11L12 { lambda1: 0.01, rho: 0.01 }),
        R::Cges(Cges { lambda2: 0.05, rho: 0.01 }),
        R::CgesOneShot(CgesOneShot { lambda2: 0.05, rho: 0.001 }),
        R::TransformedL1(TransformedL1 { lambda: 0.01, a: 1.0 }),
        R::Mcp(Mcp { lambda: 0.02, gamma: 2.0 }),
        R::L0(L0 { lambda: 0.002 }),
        R::LHalf(LHalf { lambda: 0.005 }),
    ];
    all.extend(own().map(|reg| match reg {
        R::Own(own) => R::Own(own.times(0.05)),
        reg => reg,
    }));
    all
}

/// Every rule. A new one is one row.
fn rules() -> Vec<Rule> {
    vec![
        Rule::Sgd,
        Rule::Momentum { beta: 0.9 },
        Rule::Nesterov { beta: 0.8 },
        Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.0 },
        Rule::Adam { beta1: 0.8, beta2: 0.9, eps: 1e-3, decay: 0.1 },
    ]
}

fn pairs() -> impl Iterator<Item = (Regularizer, Rule)> {
    let all = regularizers().into_iter().flat_map(|r| rules().into_iter().map(move |u| (r, u)));
    all.filter(|(reg, rule)| reg.supports_diagonal() || !matches!(rule, Rule::Adam { .. }))
}

#[derive(Clone, PartialEq)]
struct State {
    w: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
    tau: Vec<f32>,
}

impl State {
    fn new(op: &Update, w: &[f32]) -> State {
        let moment = |k| vec![0.0; if op.rule.moments() > k { w.len() } else { 0 }];
        let groups = if op.reg.is_elementwise() { 0 } else { op.groups.groups };
        State { w: w.to_vec(), m: moment(0), v: moment(1), tau: vec![0.0; groups] }
    }

    fn data<'a>(&'a mut self, g: &'a [f32]) -> UpdateData<'a> {
        let State { w, m, v, tau } = self;
        UpdateData { w, g, m, v, tau }
    }

    fn fused(&mut self, exec: Exec, op: &Update, g: &[f32]) -> Outcome {
        let mut scratch = vec![f32::NAN; prox::scratch_len(exec, &op.reg, op.groups)];
        update(exec, op, self.data(g), &mut scratch)
    }

    fn unfused(&mut self, exec: Exec, op: &Update, g: &[f32]) -> Outcome {
        let mut scratch = vec![f32::NAN; unfused_scratch_len(exec, op)];
        update_unfused(exec, op, self.data(g), &mut scratch)
    }

    fn bits(&self) -> Vec<u32> {
        [&self.w, &self.m, &self.v, &self.tau]
            .iter()
            .flat_map(|x| x.iter().map(|x| x.to_bits()))
            .collect()
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

fn views() -> Vec<Groups> {
    vec![
        Groups::rows(5, 67),
        Groups::columns(67, 21),
        Groups { outer: 4, groups: 3, inner: 9 },
        Groups::whole(131),
        Groups::columns(1, 40),
        Groups::rows(40, 1),
    ]
}

#[test]
fn fused_and_unfused_agree_for_every_rule_regularizer_and_layout() {
    let mut rng = Rng::new(1);
    for (reg, rule) in pairs() {
        for groups in views() {
            let w = rng.vec(groups.len(), -1.0, 1.0);
            let steps: Vec<Vec<f32>> = (0..6).map(|_| rng.vec(groups.len(), -1.0, 1.0)).collect();
            for exec in execs() {
                let mut op = Update { reg, groups, rule, eta: 0.05, step: 1 };
                let mut fused = State::new(&op, &w);
                let mut unfused = fused.clone();
                for g in &steps {
                    let a = fused.fused(exec, &op, g);
                    let b = unfused.unfused(exec, &op, g);
                    if matches!(rule, Rule::Adam { .. }) {
                        assert_close(&fused.w, &wide(&unfused.w), 2e-6);
                        assert_eq!((&fused.m, &fused.v), (&unfused.m, &unfused.v));
                        // Both go on from the same weights: hard thresholds would part them.
                        unfused = fused.clone();
                    } else {
                        assert!(fused.bits() == unfused.bits(), "{op:?} {exec:?}");
                        assert_eq!(a, b);
                    }
                    op.step += 1;
                }
                let zeros = fused.w.iter().filter(|w| **w == 0.0).count();
                let small = matches!(reg, Regularizer::None | Regularizer::L2(_));
                assert!(!small || zeros == 0, "{reg:?} makes no zeros");
            }
        }
    }
}

/// The rule in f64, one element at a time: (v, e) for each weight; e as in the prox.
struct Reference {
    w: Vec<f64>,
    m: Vec<f64>,
    s: Vec<f64>,
}

impl Reference {
    fn step(&mut self, op: &Update, g: &[f32]) {
        let eta = f64::from(op.eta);
        let mut e = vec![0.0; g.len()];
        for i in 0..g.len() {
            let (w, g) = (self.w[i], f64::from(g[i]));
            (self.w[i], e[i]) = match op.rule {
                Rule::Sgd => (w - eta * g, eta),
                Rule::Momentum { beta } => {
                    let beta = f64::from(beta);
                    self.m[i] = beta * self.m[i] + g;
                    (w - eta * self.m[i], eta / (1.0 - beta))
                }
                Rule::Nesterov { beta } => {
                    let beta = f64::from(beta);
                    self.m[i] = beta * self.m[i] + g;
                    (w - eta * (g + beta * self.m[i]), eta / (1.0 - beta))
                }
                Rule::Adam { beta1, beta2, eps, decay } => {
                    let (b1, b2) = (f64::from(beta1), f64::from(beta2));
                    self.m[i] = b1 * self.m[i] + (1.0 - b1) * g;
                    self.s[i] = b2 * self.s[i] + (1.0 - b2) * g * g;
                    let m_hat = self.m[i] / (1.0 - b1.powi(op.step as i32));
                    let s_hat = self.s[i] / (1.0 - b2.powi(op.step as i32));
                    let e = eta / (s_hat.sqrt() + f64::from(eps));
                    (w * (1.0 - eta * f64::from(decay)) - e * m_hat, e)
                }
            };
        }
        let Regularizer::L11L12(L11L12 { lambda1, rho }) = op.reg else { panic!("l1,1 + l1,2") };
        let (lambda1, rho) = (f64::from(lambda1), f64::from(rho));
        for group in 0..op.groups.groups {
            let at: Vec<usize> = op.groups.indices(group).collect();
            // tau by bisection on tau - lambda1 - rho sum (a - tau e)_+.
            let excess =
                |t: f64| at.iter().map(|&i| (self.w[i].abs() - t * e[i]).max(0.0)).sum::<f64>();
            let (mut lo, mut hi) = (lambda1, lambda1 + rho * excess(lambda1));
            for _ in 0..200 {
                let mid = 0.5 * (lo + hi);
                if mid - lambda1 - rho * excess(mid) < 0.0 { lo = mid } else { hi = mid }
            }
            for i in at {
                self.w[i] = (self.w[i].abs() - hi * e[i]).max(0.0).copysign(self.w[i]);
            }
        }
    }
}

#[test]
fn twenty_steps_match_a_reference_in_f64() {
    let mut rng = Rng::new(5);
    let reg = Regularizer::L11L12(L11L12 { lambda1: 0.05, rho: 0.02 });
    for rule in rules() {
        for groups in views() {
            let w = rng.vec(groups.len(), -1.0, 1.0);
            // A noisy pull towards a target, as in training.
            let target = rng.vec(groups.len(), -1.0, 1.0);
            let noise: Vec<Vec<f32>> = (0..20).map(|_| rng.vec(groups.len(), -0.3, 0.3)).collect();
            for exec in execs() {
                let mut op = Update { reg, groups, rule, eta: 0.02, step: 1 };
                let mut state = State::new(&op, &w);
                let zeros = vec![0.0; w.len()];
                let mut want = Reference { w: wide(&w), m: zeros.clone(), s: zeros };
                for noise in &noise {
                    let g: Vec<f32> =
                        (0..w.len()).map(|i| state.w[i] - target[i] + noise[i]).collect();
                    let outcome = state.fused(exec, &op, &g);
                    want.step(&op, &g);
                    assert!(!outcome.nan);
                    op.step += 1;
                }
                assert_close(&state.w, &want.w, 2e-5);
                if op.rule.moments() > 0 {
                    assert_close(&state.m, &want.m, 1e-5);
                }
                let residual = reg.residual(groups, &state.w, &state.tau);
                assert!(residual < 1e-5, "{residual}");
                let zeros = want.w.iter().filter(|w| **w == 0.0).count();
                assert_eq!(state.w.iter().filter(|w| **w == 0.0).count(), zeros);
            }
        }
    }
}

/// Groups too long for what is kept from sweep to sweep, groups of several runs, and a weight that is
/// streamed from memory.
#[test]
fn fused_and_unfused_agree_on_long_groups_and_a_large_weight() {
    let mut rng = Rng::new(45);
    let reg = Regularizer::L11L12(L11L12 { lambda1: 0.5, rho: 1e-4 });
    let long = [Groups::whole(5001), Groups { outer: 3, groups: 2, inner: 300 }];
    for groups in long.into_iter().chain([Groups::rows(1025, 4100)]) {
        let n = groups.len();
        let (w, g) = (rng.vec(n, -1.0, 1.0), rng.vec(n, -1.0, 1.0));
        let execs = if n > 10_000 { vec![Exec::new(Isa::detect())] } else { execs() };
        let cases =
            execs.iter().flat_map(|&exec| rules().into_iter().map(move |rule| (exec, rule)));
        for (exec, rule) in cases {
            let mut op = Update { reg, groups, rule, eta: 0.05, step: 1 };
            let (mut fused, mut unfused) = (State::new(&op, &w), State::new(&op, &w));
            for _ in 0..2 {
                let outcome = fused.fused(exec, &op, &g);
                unfused.unfused(exec, &op, &g);
                if matches!(rule, Rule::Adam { .. }) {
                    assert_close(&fused.w, &wide(&unfused.w), 2e-6);
                } else {
                    assert!(fused.bits() == unfused.bits(), "{op:?} {exec:?}");
                }
                let zeros = fused.w.iter().filter(|w| **w == 0.0).count();
                assert_eq!(outcome.zeros, zeros as u64);
                assert!(zeros > n / 200, "{op:?}: {zeros}");
                op.step += 1;
            }
        }
    }
}

/// With an exact gradient every rule ends where -grad is in the subdifferential of R: lambda means
/// the objective.
#[test]
fn every_rule_ends_at_a_stationary_point_of_the_same_objective() {
    let mut rng = Rng::new(9);
    let groups = Groups::rows(3, 20);
    let (w, target) = (rng.vec(60, -1.0, 1.0), rng.vec(60, -1.0, 1.0));
    let reg = Regularizer::L11L12(L11L12 { lambda1: 0.2, rho: 0.05 });
    let mut ends: Vec<Vec<f32>> = Vec::new();
    for rule in rules() {
        if matches!(rule, Rule::Adam { decay, .. } if decay > 0.0) {
            continue;
        }
        let mut op = Update { reg, groups, rule, eta: 0.02, step: 1 };
        let mut state = State::new(&op, &w);
        for step in 0..3000 {
            // Adam needs a falling step to settle.
            op.eta = if matches!(rule, Rule::Adam { .. }) {
                0.02 / (1.0 + step as f32 * 0.02)
            } else {
                0.02
            };
            let g: Vec<f32> = state.w.iter().zip(&target).map(|(w, t)| w - t).collect();
            state.fused(Exec::new(Isa::detect()), &op, &g);
            op.step += 1;
        }
        let grad: Vec<f32> = state.w.iter().zip(&target).map(|(w, t)| w - t).collect();
        let off = reg.stationarity(groups, &state.w, &grad);
        assert!(off < 2e-3, "{rule:?}: {off}");
        ends.push(state.w);
    }
    for end in &ends {
        assert_close(end, &wide(&ends[0]), 5e-3);
    }
    assert!(ends[0].iter().filter(|w| **w == 0.0).count() > 5);
}

#[test]
fn moments_and_weights_never_hold_denormals() {
    let mut rng = Rng::new(15);
    for (reg, rule) in pairs() {
        for groups in [Groups::rows(3, 21), Groups::columns(21, 3)] {
            let tiny = |rng: &mut Rng| -> Vec<f32> {
                (0..63)
                    .map(|_| rng.uniform(-1.0, 1.0) * rng.uniform(-140.0, -60.0).exp2())
                    .collect()
            };
            let (w, g) = (tiny(&mut rng), tiny(&mut rng));
            for isa in isas() {
                let mut op = Update { reg, groups, rule, eta: 0.5, step: 1 };
                let mut state = State::new(&op, &w);
                for _ in 0..4 {
                    let outcome = state.fused(Exec::new(isa), &op, &g);
                    assert!(!outcome.nan, "{op:?}");
                    for x in [&state.w, &state.m, &state.v].into_iter().flatten() {
                        assert!(x.is_normal() || x.to_bits() == 0, "{op:?}: {x:e}");
                    }
                    op.step += 1;
                }
            }
        }
    }
}

#[test]
fn a_nan_gradient_raises_the_flag_and_stays_in_its_weight() {
    let mut rng = Rng::new(21);
    for (reg, rule) in pairs() {
        for groups in views() {
            let n = groups.len();
            let (w, mut g) = (rng.vec(n, -1.0, 1.0), rng.vec(n, -1.0, 1.0));
            let hit = rng.below(n);
            g[hit] = f32::NAN;
            for isa in isas() {
                let op = Update { reg, groups, rule, eta: 0.05, step: 1 };
                let mut state = State::new(&op, &w);
                let outcome = state.fused(Exec::new(isa), &op, &g);
                assert!(outcome.nan && state.w[hit].is_nan(), "{op:?}");
                assert_eq!(state.w.iter().filter(|w| w.is_nan()).count(), 1);
                assert!(state.m.is_empty() || state.m[hit].is_nan());
                assert!(state.tau.iter().all(|t| t.is_finite()));
            }
        }
    }
}

#[test]
fn a_learning_rate_of_zero_keeps_the_weights() {
    let mut rng = Rng::new(25);
    for (reg, rule) in pairs() {
        for groups in views() {
            let n = groups.len();
            let (w, g) = (rng.vec(n, -1.0, 1.0), rng.vec(n, -1.0, 1.0));
            let op = Update { reg, groups, rule, eta: 0.0, step: 1 };
            let mut state = State::new(&op, &w);
            state.fused(Exec::new(Isa::detect()), &op, &g);
            assert_close(&state.w, &wide(&w), 1e-7);
        }
    }
}

#[test]
fn nothing_outside_the_operands_is_touched() {
    let mut rng = Rng::new(33);
    for (k, (reg, rule)) in pairs().enumerate() {
        for groups in [Groups::rows(3, 1 + k % 37), Groups::columns(1 + k % 7, 1 + k % 37)] {
            let n = groups.len();
            let g = Guarded::new(&rng.vec(n, -1.0, 1.0));
            for isa in isas() {
                let exec = Exec::new(isa);
                let op = Update { reg, groups, rule, eta: 0.05, step: 1 };
                let like = State::new(&op, &rng.vec(n, -1.0, 1.0));
                let buffer = |x: &[f32], offset| {
                    let mut c = Canary::new(x.len(), offset);
                    c.slice_mut().copy_from_slice(x);
                    c
                };
                let (mut w, mut m) = (buffer(&like.w, 1), buffer(&like.m, 2));
                let (mut v, mut tau) = (buffer(&like.v, 3), buffer(&like.tau, 1));
                let mut scratch = Canary::new(prox::scratch_len(exec, &reg, groups), 1);
                let (mut w_end, mut m_end) = (Guarded::new(&like.w), Guarded::new(&like.m));
                let (mut v_end, mut tau_end) = (Guarded::new(&like.v), Guarded::new(&like.tau));
                let data = UpdateData {
                    w: w.slice_mut(),
                    g: g.slice(),
                    m: m.slice_mut(),
                    v: v.slice_mut(),
                    tau: tau.slice_mut(),
                };
                update(exec, &op, data, scratch.slice_mut());
                [&w, &m, &v, &tau, &scratch].iter().for_each(|c| c.check());
                let data = UpdateData {
                    w: w_end.slice_mut(),
                    g: g.slice(),
                    m: m_end.slice_mut(),
                    v: v_end.slice_mut(),
                    tau: tau_end.slice_mut(),
                };
                update(exec, &op, data, scratch.slice_mut());
                assert_eq!(w.slice(), w_end.slice());
                assert_eq!(m.slice(), m_end.slice());
            }
        }
    }
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let mut rng = Rng::new(39);
    let views = [Groups::rows(150, 784), Groups::columns(150, 784), Groups::rows(2000, 49)];
    for (reg, rule) in pairs() {
        for groups in views {
            let (w, g) = (rng.vec(groups.len(), -1.0, 1.0), rng.vec(groups.len(), -1.0, 1.0));
            let op = Update { reg, groups, rule, eta: 0.05, step: 1 };
            let run = |exec: Exec| {
                let mut state = State::new(&op, &w);
                let outcome = state.fused(exec, &op, &g);
                (state.bits(), outcome)
            };
            let want = run(Exec::new(Isa::detect()));
            for threads in [1, 2, 4] {
                let pool = Pool::new(threads).unwrap();
                let got = pool.install(|| run(Exec::new(Isa::detect()).parallel()));
                assert!(got == want, "{op:?} on {threads} threads");
            }
        }
    }
}

#[test]
fn wrong_operands_are_named() {
    let message = |op: Update, [w, g, m, v]: [usize; 4]| {
        let run = std::panic::AssertUnwindSafe(|| {
            let [mut w, g, mut m, mut v] = [w, g, m, v].map(|n| vec![0.0; n]);
            let data = UpdateData { w: &mut w, g: &g, m: &mut m, v: &mut v, tau: &mut [] };
            update(Exec::new(Isa::detect()), &op, data, &mut []);
        });
        *std::panic::catch_unwind(run).unwrap_err().downcast::<String>().unwrap()
    };
    let op = Update {
        reg: Regularizer::None,
        groups: Groups::whole(4),
        rule: Rule::Momentum { beta: 0.9 },
        eta: 0.1,
        step: 1,
    };
    assert!(message(op, [3, 4, 4, 0]).contains("w has 3 elements"));
    assert!(message(op, [4, 5, 4, 0]).contains("g has 5 elements"));
    assert!(message(op, [4, 4, 0, 0]).contains("m has 0 elements"));
    assert!(message(op, [4, 4, 4, 4]).contains("v has 4 elements"));
    assert!(message(Update { eta: f32::NAN, ..op }, [4, 4, 4, 0]).contains("eta is NaN"));
    let rule = Rule::Nesterov { beta: 1.0 };
    assert!(message(Update { rule, ..op }, [4, 4, 4, 0]).contains("out of range"));
    let reg = Regularizer::Exclusive(Exclusive { rho: 0.1 });
    assert!(message(Update { reg, ..op }, [4, 4, 4, 0]).contains("tau has 0 elements"));
}

/// eta / (1 - beta), and eta / eps where the second moment is 0, beyond f32.
#[test]
fn a_step_beyond_f32_keeps_weights_that_nothing_moves() {
    let w = [1.0, -2.0, 0.5];
    let rules = [
        Rule::Momentum { beta: 0.9 },
        Rule::Nesterov { beta: 0.9 },
        Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.0 },
    ];
    for rule in rules {
        for reg in [Regularizer::None, Regularizer::L1(L1 { lambda1: 0.0 })] {
            let op = Update { reg, groups: Groups::whole(3), rule, eta: 1e38, step: 1 };
            for isa in isas() {
                for fused in [true, false] {
                    let mut state = State::new(&op, &w);
                    let run = if fused { State::fused } else { State::unfused };
                    let outcome = run(&mut state, Exec::new(isa), &op, &[0.0; 3]);
                    assert!(state.w == w && !outcome.nan, "{op:?}: {:?}", state.w);
                }
            }
        }
    }
}
