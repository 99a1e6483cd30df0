//! A layer with few weights left, and the dense kernel beside it.

use crate::{exec, measure};
use criterion::Criterion;

pub(crate) fn layers(c: &mut Criterion) {
    measure(c, "sparse", proxtape_workloads::sparse::layers(exec()));
}
