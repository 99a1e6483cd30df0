//! Convolutions of the networks, each of their three products.

use crate::{exec, measure};
use criterion::Criterion;
use proxtape_workloads::conv::{LAYERS, Phase, phase};

pub(crate) fn phases(c: &mut Criterion) {
    let phases = LAYERS.iter().flat_map(|layer| Phase::ALL.map(|p| phase(exec(), layer, p)));
    measure(c, "conv", phases);
}
