//! Pooling, normalisation, softmax and the loss.

use crate::{exec, measure};
use criterion::Criterion;

pub(crate) fn layers(c: &mut Criterion) {
    measure(c, "layer", proxtape_workloads::layer::all(exec()));
}
