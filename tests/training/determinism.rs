//! The number of threads and the way of computing an update change no bit that they may not.

use crate::setup::{Small, bits, conv_net, difference, finish, mlp};
use proxtape::data::Augment;
use proxtape::nn::Named;
use proxtape::optim::{Family, Path, Penalty, Rule};
use proxtape::train::Config;
use proxtape::{Isa, Params, Pool};

/// The gradient of a bias before a batch norm is all rounding; this eps keeps Adam from dividing it
/// by itself.
const ADAM: Rule = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-4, decay: 0.0 };

fn config() -> Config {
    Config {
        epochs: 2,
        penalty: Penalty { lambda: 1e-3, ..Penalty::new(Family::L11L12) },
        augment: Some(Augment { flip: 0.0, shift: 1 }),
        clip: Some(1.0),
        ..Config::default()
    }
}

fn train(samples: &Small, (isa, threads): (Isa, usize), layers: &[Named], c: &Config) -> Params {
    let pool = Pool::new(threads).unwrap();
    pool.install(|| {
        let exec = pool.exec(isa);
        let mut trainer = samples.trainer_on(exec, layers, c.clone()).unwrap();
        finish(&mut trainer).unwrap();
        trainer.params().clone()
    })
}

/// The layers are wide enough for several tasks: 1,024 x 64 weights are two tasks of an update, and
/// 64 images of 16 channels are several of a map.
#[test]
fn threads_do_not_change_a_bit() {
    let samples = Small::digits(256, 64);
    for isa in Isa::available() {
        for (name, layers) in [("mlp", mlp(1024)), ("conv", conv_net(16))] {
            let start = bits(crate::setup::network(&layers).params());
            let one = bits(&train(&samples, (isa, 1), &layers, &config()));
            assert_ne!(one, start, "{name}: the training moves the parameters");
            for threads in [2, 4] {
                let many = bits(&train(&samples, (isa, threads), &layers, &config()));
                assert!(one == many, "{name}, {}, {threads} threads", isa.name());
            }
        }
    }
}

#[test]
fn seed_changes_the_order_the_masks_and_nothing_else() {
    let samples = Small::digits(256, 64);
    let isa = Isa::detect();
    let with = |seed| bits(&train(&samples, (isa, 1), &conv_net(4), &Config { seed, ..config() }));
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn fused_and_unfused_updates_agree() {
    let samples = Small::digits(256, 64);
    let nesterov = Rule::Nesterov { beta: 0.9 };
    for isa in Isa::available() {
        for rule in [Rule::Sgd, Rule::Momentum { beta: 0.9 }, nesterov, ADAM] {
            for (name, layers) in [("mlp", mlp(40)), ("conv", conv_net(6))] {
                let mut config = Config { rule, ..config() };
                if rule == ADAM {
                    config.schedule.eta = 2e-3;
                }
                let fused = train(&samples, (isa, 1), &layers, &config);
                config.path = Path::Unfused;
                let unfused = train(&samples, (isa, 1), &layers, &config);
                let worst = difference(&fused, &unfused);
                assert!(worst <= 1e-4, "{name}, {}, {rule:?}: {worst}", isa.name());
            }
        }
    }
}
