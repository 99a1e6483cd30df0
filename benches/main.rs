//! Kernels and training steps on one thread. `cargo bench`, `cargo bench -- conv`, and
//! `cargo bench -- --test` to run each once. `PROXTAPE_ISA` forces a lower instruction set.

mod conv;
mod gemm;
mod layer;
mod sparse;
mod step;
mod update;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proxtape::{Exec, Isa};
use proxtape_workloads::Workload;
use proxtape_workloads::limits::Limit;
use std::time::Duration;

fn exec() -> Exec {
    Exec::new(Isa::from_env().expect("PROXTAPE_ISA names what this CPU has"))
}

/// A group with one benchmark for each workload; one at a time is in memory.
fn measure(c: &mut Criterion, group: &str, workloads: impl Iterator<Item = Workload>) {
    let mut group = c.benchmark_group(group);
    for mut workload in workloads {
        // As criterion has it: elements are flops, bytes are bytes.
        if let Limit::Roofline(cost) = &workload.limit {
            group.throughput(match cost.flops {
                0.0 => Throughput::Bytes(4 * cost.moved as u64),
                flops => Throughput::Elements(flops as u64),
            });
        }
        group.bench_function(workload.name.clone(), |bench| bench.iter(|| workload.run()));
    }
}

fn quick() -> Criterion {
    let criterion = Criterion::default().sample_size(20);
    criterion.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = quick();
    targets = gemm::products, conv::phases, update::steps, layer::layers, sparse::layers, step::steps
}
criterion_main!(benches);
