//! The kernels that a training step spends its time in. `cargo bench`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proxtape::kernels::conv::{Conv2d, ConvForward};
use proxtape::kernels::gemm::{self, Activation, Gemm, MatMut, MatRef};
use proxtape::kernels::prox::{self, Groups, L11L12, Regularizer};
use proxtape::kernels::update::{Rule, Update, UpdateData, update};
use proxtape::kernels::{Accumulate, Buffer, softmax};
use proxtape::{Exec, Isa};
use std::hint::black_box;

fn filled(len: usize) -> Buffer {
    let mut x = Buffer::zeroed(len);
    x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7919) % 1009) as f32 * 1e-3 - 0.5);
    x
}

fn exec() -> Exec {
    Exec::new(Isa::from_env().expect("PROXTAPE_ISA names what this CPU has"))
}

/// m, n, k: a square, a layer, a classifier's last layer.
fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("gemm");
    for (m, n, k) in [(512, 512, 512), (128, 300, 784), (128, 10, 100)] {
        let (a, b, mut y) = (filled(m * k), filled(k * n), filled(m * n));
        let mut scratch = Buffer::zeroed(gemm::scratch_len(exec().isa(), m, n, k));
        group.throughput(Throughput::Elements((2 * m * n * k) as u64));
        group.bench_function(format!("{m}x{n}x{k}"), |bench| {
            let op = Gemm::new(MatRef::row_major(&a, m, k), MatRef::row_major(&b, k, n));
            bench.iter(|| {
                gemm::gemm(exec(), &op, MatMut::row_major(&mut y, m, n), &mut scratch);
                black_box(&mut y);
            });
        });
    }
}

/// The fourth layer of vgg-small, 8 images.
fn convolution(c: &mut Criterion) {
    let shape = Conv2d {
        n: 8,
        c: 64,
        h: 16,
        w: 16,
        oc: 64,
        kh: 3,
        kw: 3,
        stride: [1; 2],
        padding: [1; 2],
        dilation: [1; 2],
        groups: 1,
    };
    let (x, mut w, y) = (filled(shape.x_len()), filled(shape.w_len()), filled(shape.y_len()));
    let (mut dx, mut dy) = (filled(shape.x_len()), filled(shape.y_len()));
    let mut scratch = Buffer::zeroed(shape.scratch_len(exec().isa()));
    let mut group = c.benchmark_group("conv 64x16x16, 64 of 3x3");
    group.throughput(Throughput::Elements(2 * shape.macs()));
    group.bench_function("forward", |bench| {
        let op = ConvForward { x: &x, w: &w, bias: None, activation: Activation::None };
        bench.iter(|| shape.forward(exec(), &op, &mut dy, &mut scratch));
    });
    let store = Accumulate::Store;
    group.bench_function("input gradient", |bench| {
        bench.iter(|| shape.input_gradient(exec(), (&w, &y), &mut dx, store, &mut scratch));
    });
    group.bench_function("weight gradient", |bench| {
        bench.iter(|| shape.weight_gradient(exec(), (&x, &y), &mut w, store, &mut scratch));
    });
}

/// The first layer of LeNet-300-100: a momentum step alone, and with the exact prox.
fn updates(c: &mut Criterion) {
    let (rows, cols) = (300, 784);
    let l11_l12 = Regularizer::L11L12(L11L12 { lambda1: 1e-4, rho: 1e-4 });
    let mut group = c.benchmark_group("update 300x784");
    group.throughput(Throughput::Elements((rows * cols) as u64));
    for (name, reg, groups) in [
        ("momentum", Regularizer::None, Groups::whole(rows * cols)),
        ("l1,1 + l1,2 by row", l11_l12, Groups::rows(rows, cols)),
        ("l1,1 + l1,2 by column", l11_l12, Groups::columns(rows, cols)),
    ] {
        let (mut w, g, mut m) = (filled(rows * cols), filled(rows * cols), filled(rows * cols));
        let mut tau = Buffer::zeroed(if reg.is_elementwise() { 0 } else { groups.groups });
        let mut scratch = Buffer::zeroed(prox::scratch_len(exec(), &reg, groups));
        let op = Update { reg, groups, rule: Rule::Momentum { beta: 0.9 }, eta: 1e-4, step: 1 };
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let data = UpdateData { w: &mut w, g: &g, m: &mut m, v: &mut [], tau: &mut tau };
                black_box(update(exec(), &op, data, &mut scratch));
            });
        });
    }
}

fn losses(c: &mut Criterion) {
    let (logits, mut probabilities) = (filled(128 * 10), Buffer::zeroed(128 * 10));
    let targets: Vec<u32> = (0..128).map(|i| i % 10).collect();
    c.bench_function("cross entropy 128x10", |bench| {
        bench.iter(|| softmax::cross_entropy(exec(), &logits, &targets, 10, &mut probabilities));
    });
}

criterion_group!(benches, products, convolution, updates, losses);
criterion_main!(benches);
