//! A regulariser from outside, in a training.

use crate::setup::{Small, finish, mlp};
use proxtape::Params;
use proxtape::kernels::prox::{Form, GroupProx, L11L12, Penalty as Function, Steps};
use proxtape::optim::{Family, GroupScale, Own, Penalty, Rule};
use proxtape::train::{Config, Measure, Settle, Target};

/// Every weight at most 1/8 in size, and none smaller than its step: in one step for all, or in many.
#[derive(Debug)]
struct Bounded {
    diagonal: bool,
}

impl Function for Bounded {
    fn form(&self) -> Form<'_> {
        Form::Whole(self)
    }

    fn supports_diagonal(&self) -> bool {
        self.diagonal
    }
}

impl GroupProx for Bounded {
    fn prox(&self, v: &mut [f32], e: Steps<'_>) {
        for (i, v) in v.iter_mut().enumerate() {
            *v = v.signum() * (v.abs() - e.at(i)).clamp(0.0, 0.125);
        }
    }

    fn value(&self, w: &[f32]) -> f64 {
        w.iter().map(|&w| f64::from(w).abs()).sum()
    }
}

static BOUNDED: Bounded = Bounded { diagonal: true };
static EUCLIDEAN: Bounded = Bounded { diagonal: false };
static L11_L12: L11L12 = L11L12 { lambda1: 0.5, rho: 0.5 };

fn trained(samples: &Small, config: Config) -> Params {
    let mut trainer = samples.trainer(&mlp(16), config).unwrap();
    finish(&mut trainer).unwrap();
    trainer.params().clone()
}

fn weights(params: &Params) -> Vec<f32> {
    ["fc1.weight", "fc2.weight"]
        .iter()
        .flat_map(|name| params.value(params.find(name).unwrap()).to_vec())
        .collect()
}

const ADAM: Rule = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.0 };

#[test]
fn any_prox_holds_under_every_rule() {
    let samples = Small::digits(128, 0);
    let rules = [(Rule::Sgd, 0.1), (Rule::Nesterov { beta: 0.9 }, 0.02), (ADAM, 0.01)];
    for (rule, eta) in rules {
        let penalty = Penalty { lambda: 3e-3, ..Penalty::new(Family::Own(Own::new(&BOUNDED))) };
        let mut config = Config { epochs: 4, batch: 32, rule, penalty, ..Config::default() };
        config.schedule.eta = eta;
        let w = weights(&trained(&samples, config));
        assert!(w.iter().all(|w| w.abs() <= 0.125), "{rule:?}");
        assert!(w.contains(&0.125) && w.contains(&-0.125) && w.contains(&0.0), "{rule:?}");
    }
}

#[test]
fn a_prox_of_one_step_is_refused_by_adam() {
    let samples = Small::digits(64, 0);
    let penalty = Penalty { lambda: 3e-3, ..Penalty::new(Family::Own(Own::new(&EUCLIDEAN))) };
    let config = Config { epochs: 1, rule: ADAM, penalty, ..Config::default() };
    let Err(error) = samples.trainer(&mlp(8), config) else { panic!("this should be refused") };
    assert!(error.to_string().contains("own has no prox in Adam's metric"), "{error}");
}

/// With a strength of its own beside the penalty's, a ramp and a target that move it.
#[test]
fn a_built_in_function_with_a_strength_trains_as_its_family_does() {
    let samples = Small::digits(160, 40);
    let of = |family, rule| {
        let scale = GroupScale::None;
        let mut penalty = Penalty { lambda: 4e-3, scale, ..Penalty::new(family) };
        (penalty.ramp.warmup, penalty.ramp.rise) = (0.25, 0.25);
        let target = Some(Target { of: Measure::Weights, share: 0.3 });
        let settle = Some(Settle { epochs: 3, eta: 0.05 });
        Config { epochs: 9, batch: 32, rule, penalty, target, settle, ..Config::default() }
    };
    for rule in [Rule::Momentum { beta: 0.9 }, Rule::Sgd] {
        let want = weights(&trained(&samples, of(Family::L11L12, rule)));
        let got = weights(&trained(&samples, of(Family::Own(Own::new(&L11_L12)), rule)));
        let bits = |w: &[f32]| w.iter().map(|w| w.to_bits()).collect::<Vec<u32>>();
        assert_eq!(bits(&got), bits(&want), "{rule:?}");
        assert!(want.iter().filter(|&&w| w == 0.0).count() > want.len() / 2);
    }
}
