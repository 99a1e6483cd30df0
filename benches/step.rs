//! Whole training steps, their parts, and inference.

use crate::exec;
use criterion::{Criterion, Throughput};
use proxtape_workloads::step::{Inference, NETWORKS, Regularization, Training};

pub(crate) fn steps(c: &mut Criterion) {
    for network in NETWORKS {
        let layers = network.layers();
        let mut group = c.benchmark_group(network.name);
        group.throughput(Throughput::Elements(network.batch as u64));
        let mut training = Training::new(exec(), &network, &layers, Regularization::L11L12);
        group.bench_function("step", |bench| bench.iter(|| training.step()));
        group.bench_function("forward and backward", |bench| {
            bench.iter(|| training.differentiate());
        });
        // Alone there would be no gradient yet, and nothing to update.
        training.differentiate();
        group.bench_function("update", |bench| bench.iter(|| training.update()));
        drop(training);
        let mut inference = Inference::new(exec(), &network, &layers);
        group.bench_function("inference", |bench| bench.iter(|| inference.run()));
    }
}
