//! Layers that memory limits: pooling, normalisation, softmax and the loss.

use crate::limits::{Cost, Limit};
use crate::{Workload, filled};
use proxtape::Exec;
use proxtape::kernels::norm::{self, Affine, BatchNorm, BatchNormVjp, Planes};
use proxtape::kernels::pool::{self, Pool2d};
use proxtape::kernels::{Accumulate, Activation, Buffer, softmax};

/// All of them, forwards and backwards.
pub fn all(exec: Exec) -> impl Iterator<Item = Workload> {
    let pools = [max_pool(exec), max_pool_vjp(exec), global_pool(exec)];
    let norms = [batch_norm(exec), batch_norm_vjp(exec)];
    let losses = [softmax_rows(exec), cross_entropy(exec)];
    pools.into_iter().chain(norms).chain(losses)
}

/// The first pool of LeNet-5 at batch 128: [128 * 20, 24, 24], 2 x 2.
const POOL: Pool2d =
    Pool2d { planes: 128 * 20, h: 24, w: 24, kernel: [2; 2], stride: [2; 2], padding: [0; 2] };

fn max_pool(exec: Exec) -> Workload {
    let (x, mut y) = (filled(POOL.x_len()), filled(POOL.y_len()));
    let mut index = vec![0; POOL.y_len()];
    let limit = Cost::once(0.0, x.len() + 2 * y.len());
    Workload::new("max pool 2x2, 128x20x24x24", limit, move || {
        POOL.max(exec, &x, &mut y, &mut index);
    })
}

fn max_pool_vjp(exec: Exec) -> Workload {
    let (mut x, mut y) = (filled(POOL.x_len()), filled(POOL.y_len()));
    let mut index = vec![0; POOL.y_len()];
    POOL.max(exec, &x, &mut y, &mut index);
    let limit = Cost::once(0.0, x.len() + 2 * y.len());
    Workload::new("its gradient", limit, move || {
        POOL.max_vjp(exec, &y, &index, &mut x, Accumulate::Store);
    })
}

/// The end of ResNet-20 at batch 64: [64 * 64, 8 * 8].
fn global_pool(exec: Exec) -> Workload {
    let (planes, area) = (64 * 64, 8 * 8);
    let (x, mut y) = (filled(planes * area), filled(planes));
    let limit = Cost::once(0.0, x.len() + y.len());
    Workload::new("global pool, 64x64x8x8", limit, move || {
        pool::global_average(exec, &x, area, &mut y);
    })
}

/// After the third convolution of vgg-small at batch 64.
const PLANES: Planes = Planes { n: 64, c: 64, spatial: 16 * 16 };

/// Reads x for its statistics, reads it again and writes y.
fn batch_norm(exec: Exec) -> Workload {
    let (x, mut y) = (filled(PLANES.len()), filled(PLANES.len()));
    let (gamma, beta) = (filled(PLANES.c), filled(PLANES.c));
    let (mut mean, mut inv_std) = (filled(PLANES.c), filled(PLANES.c));
    let limit = Limit::Roofline(Cost { flops: 0.0, moved: 3 * x.len(), held: 2 * x.len() });
    Workload::new("batch norm, 64x64x16x16", limit, move || {
        norm::batch_statistics(exec, PLANES, &x, &mut mean, &mut inv_std);
        inv_std.iter_mut().for_each(|v| *v = 1.0 / (*v + 1e-5).sqrt());
        let affine = Affine { mean: &mean, inv_std: &inv_std, gamma: &gamma, beta: &beta };
        let op = BatchNorm { view: PLANES, x: &x, affine, activation: Activation::None };
        norm::batch_norm(exec, &op, &mut y);
    })
}

/// Reads x and dy for two sums, reads them again and writes dx.
fn batch_norm_vjp(exec: Exec) -> Workload {
    let (x, dy, mut dx) = (filled(PLANES.len()), filled(PLANES.len()), filled(PLANES.len()));
    let (gamma, mean, mut inv_std) = (filled(PLANES.c), filled(PLANES.c), filled(PLANES.c));
    inv_std.fill(1.0);
    let (mut dgamma, mut dbeta) = (filled(PLANES.c), filled(PLANES.c));
    let limit = Limit::Roofline(Cost { flops: 0.0, moved: 5 * x.len(), held: 3 * x.len() });
    Workload::new("its gradients", limit, move || {
        let affine = Affine { mean: &mean, inv_std: &inv_std, gamma: &gamma, beta: &[] };
        let activation = Activation::None;
        let op = BatchNormVjp { view: PLANES, x: &x, dy: &dy, affine, activation };
        norm::batch_norm_sums(exec, &op, &mut dgamma, &mut dbeta);
        norm::batch_norm_vjp(exec, &op, &dgamma, &dbeta, &mut dx, Accumulate::Store);
    })
}

fn softmax_rows(exec: Exec) -> Workload {
    let (rows, cols) = (128, 1000);
    let (x, mut y) = (filled(rows * cols), filled(rows * cols));
    Workload::new("softmax, 128x1000", Cost::once(0.0, 2 * x.len()), move || {
        softmax::softmax(exec, &x, cols, &mut y);
    })
}

fn cross_entropy(exec: Exec) -> Workload {
    let (rows, cols) = (128, 10);
    let (x, mut p) = (filled(rows * cols), Buffer::zeroed(rows * cols));
    let targets: Vec<u32> = (0..rows as u32).map(|i| i % cols as u32).collect();
    Workload::new("cross entropy, 128x10", Cost::once(0.0, 2 * x.len()), move || {
        softmax::cross_entropy(exec, &x, &targets, cols, &mut p);
    })
}
