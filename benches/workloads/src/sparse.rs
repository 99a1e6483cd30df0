//! The first layer of LeNet-300-100 with one weight in twenty, beside the dense kernel.

use crate::limits::Cost;
use crate::{Workload, filled};
use proxtape::Exec;
use proxtape::kernels::gemm::{self, Bias, Gemm, MatMut, MatRef, PackedB, PackedGemm};
use proxtape::kernels::sparse::{SparseForward, SparseLinear};
use proxtape::kernels::{Activation, Buffer};

/// [out, in].
const SHAPE: [usize; 2] = [300, 784];

/// One sample, a tile of them, and the batch that the network is trained with.
const BATCHES: [usize; 3] = [1, 32, 128];

/// For each batch the layer with its zeros, from weights that were packed beforehand where that pays,
/// and without.
pub fn layers(exec: Exec) -> impl Iterator<Item = Workload> {
    BATCHES.into_iter().flat_map(move |batch| [dense(exec, batch), sparse(exec, batch)])
}

fn name(batch: usize, what: &str) -> String {
    let [out, input] = SHAPE;
    format!("{out}x{input}, batch of {batch}, {what}")
}

/// One weight in twenty, in no order.
fn weights() -> Buffer {
    let [out, input] = SHAPE;
    let mut w = filled(out * input);
    let mut state = 1u32;
    for w in w.iter_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if !(state >> 16).is_multiple_of(20) {
            *w = 0.0;
        }
    }
    w
}

fn dense(exec: Exec, batch: usize) -> Workload {
    let [out, input] = SHAPE;
    let (w, x, bias, mut y) = (weights(), filled(batch * input), filled(out), filled(batch * out));
    let turned = MatRef::row_major(&w, out, input).t();
    let pays = PackedB::pays(exec.isa(), [batch, out, input]);
    let packed = pays.then(|| PackedB::new(exec, turned));
    let mut scratch = Buffer::zeroed(gemm::scratch_len(exec.isa(), [batch, out, input]));
    let flops = (2 * batch * out * input) as f64;
    let limit = Cost::once(flops, w.len() + x.len() + y.len());
    Workload::new(name(batch, "dense"), limit, move || {
        let (x, y) = (MatRef::row_major(&x, batch, input), MatMut::row_major(&mut y, batch, out));
        let (bias, activation) = (Bias::Cols(&bias), Activation::Relu);
        match &packed {
            Some(packed) => {
                packed.product(exec, &PackedGemm { a: x, bias, activation }, y, &mut scratch);
            }
            None => {
                // One sample is a dot product with each row, read where it lies.
                let w = MatRef::row_major(&w, out, input).t();
                gemm::gemm(exec, &Gemm { bias, activation, ..Gemm::new(x, w) }, y, &mut scratch);
            }
        }
    })
}

fn sparse(exec: Exec, batch: usize) -> Workload {
    let [out, input] = SHAPE;
    let (w, x, bias, mut y) = (weights(), filled(batch * input), filled(out), filled(batch * out));
    let w = SparseLinear::new(exec.isa(), &w, SHAPE, batch);
    let mut scratch = Buffer::zeroed(w.scratch_len(batch));
    // A weight and where it belongs.
    let limit = Cost::once((2 * batch * w.kept()) as f64, 2 * w.kept() + x.len() + y.len());
    Workload::new(name(batch, "5 % kept"), limit, move || {
        let op = SparseForward { x: &x, bias: Some(&bias), activation: Activation::Relu };
        w.forward(exec, &op, &mut y, &mut scratch);
    })
}
