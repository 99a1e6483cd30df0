//! The regularised update, and a momentum step beside it.

use crate::{exec, measure};
use criterion::Criterion;

pub(crate) fn steps(c: &mut Criterion) {
    measure(c, "update", proxtape_workloads::update::steps(exec()));
}
