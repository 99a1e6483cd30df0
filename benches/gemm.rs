//! Matrix products: squares, those of the networks, and the four forms of one.

use crate::{exec, measure};
use criterion::Criterion;
use proxtape_workloads::gemm::{SHAPES, forms, product};

pub(crate) fn products(c: &mut Criterion) {
    measure(c, "gemm", SHAPES.into_iter().map(|shape| product(exec(), shape)).chain(forms(exec())));
}
