//! A compact network for handwritten digits: an MLP under the l1,1 + l1,2 penalty.
//!
//! ```text
//! minimise  cross entropy + sum over groups g of (1 - mu) lambda |w_g|_1 + mu lambda/(2 n) |w_g|_1^2
//! ```
//!
//! A group is what leaves one input of a layer, n weights. The first term makes weights zero, the
//! second makes those of a group compete; both have one exact prox, so zeros are exact.

use proxtape::data::{Fractions, Normalization, Source, digits};
use proxtape::nn::{Activation, Layer, Network};
use proxtape::optim::{Family, Penalty, Rule, Schedule, ScheduleShape};
use proxtape::sparsity::Report;
use proxtape::train::{Config, Data, Event, Trainer};
use proxtape::{Isa, Pool, Random};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 1,797 images of [1, 8, 8] that are part of the library, scaled by the training part; black
    // stays 0, so that pixels which are always black need no weight.
    let source = Source::from(digits::load()?);
    let split = source.split(Fractions { validation: 0.1, test: 0.2 }, 1)?;
    let normalization = Normalization::fit_uncentered(&source.train, &split.train);
    let data = Data { source: &source, split: &split, normalization: &normalization };

    // Sizes of inputs follow: [1, 8, 8] - [64] - [128] - [64] - [10].
    let layers = [
        Layer::Flatten.named("flatten"),
        Layer::linear(128).named("fc1"),
        Activation::Relu.named("relu1"),
        Layer::linear(64).named("fc2"),
        Activation::Relu.named("relu2"),
        Layer::linear(10).named("fc3"),
    ];
    let network = Network::new([1, 8, 8], &layers, &mut Random::new(1))?;

    let config = Config {
        epochs: 60,
        batch: 64,
        rule: Rule::Momentum { beta: 0.9 },
        schedule: Schedule { eta: 0.1, warmup: 1.0, shape: ScheduleShape::Cosine { floor: 0.01 } },
        penalty: Penalty { lambda: 2e-3, ..Penalty::new(Family::L11L12) },
        ..Config::default()
    };

    // All of it runs inside the pool; 0 threads means one for each core.
    let pool = Pool::new(0)?;
    let exec = pool.exec(Isa::detect());
    let (test, report) = pool.install(|| {
        let mut trainer = Trainer::new(exec, data, network, config)?;
        loop {
            match trainer.advance()? {
                Event::Epoch(e) if e.epoch % 20 == 19 => {
                    println!("epoch {:2}: training loss {:.4}", e.epoch + 1, e.loss);
                }
                Event::Step(_) | Event::Epoch(_) => {}
                Event::Done => break,
            }
        }
        let report = Report::new(trainer.model(), trainer.params(), trainer.regularized());
        Ok::<_, proxtape::train::TrainError>((trainer.test(), report))
    })?;

    for layer in &report.layers {
        println!("{}: {} of {} weights kept", layer.name, layer.kept, layer.weights);
    }
    let share = report.kept() as f64 / report.weights() as f64;
    println!("test accuracy {:.1} %, weights kept {:.1} %", 100.0 * test.accuracy, 100.0 * share);
    assert!(test.accuracy >= 0.96 && share <= 0.15);
    Ok(())
}
