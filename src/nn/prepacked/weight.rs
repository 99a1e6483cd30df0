//! Layers whose weight is prepacked when they are recorded.

use crate::tape::{Forward, Primitive, Vjp, Workspace};
use proxtape_kernels::gemm::{Bias, MatMut, MatRef, PackedB, PackedGemm};
use proxtape_kernels::sparse::{SparseConv2d, SparseForward, SparseLinear};
use proxtape_kernels::{Activation, Exec};

/// y = act(layer(x) + b).
pub(super) struct Prepacked<W> {
    pub(super) weight: W,
    pub(super) samples: usize,
    pub(super) activation: Activation,
}

/// A weight in the layout that its kernel reads.
pub(super) trait Weight: Send + Sync + 'static {
    const NAME: &'static str;
    fn scratch_len(&self, samples: usize) -> usize;
    fn forward(&self, exec: Exec, op: &SparseForward<'_>, y: &mut [f32], scratch: &mut [f32]);
}

impl Weight for SparseLinear {
    const NAME: &'static str = "sparse linear";

    fn scratch_len(&self, samples: usize) -> usize {
        self.scratch_len(samples)
    }

    fn forward(&self, exec: Exec, op: &SparseForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        self.forward(exec, op, y, scratch);
    }
}

impl Weight for SparseConv2d {
    const NAME: &'static str = "sparse conv2d";

    fn scratch_len(&self, _: usize) -> usize {
        self.scratch_len()
    }

    fn forward(&self, exec: Exec, op: &SparseForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        self.forward(exec, op, y, scratch);
    }
}

/// w: `[out, in]`, packed as the right-hand side of x w^T.
pub(super) struct PackedLinear {
    w: PackedB,
    output: usize,
    input: usize,
}

impl PackedLinear {
    pub(super) fn new(exec: Exec, w: &[f32], [output, input]: [usize; 2]) -> PackedLinear {
        let w = PackedB::new(exec, MatRef::row_major(w, output, input).t());
        PackedLinear { w, output, input }
    }
}

impl Weight for PackedLinear {
    const NAME: &'static str = "packed linear";

    fn scratch_len(&self, samples: usize) -> usize {
        self.w.scratch_len(samples)
    }

    fn forward(&self, exec: Exec, op: &SparseForward<'_>, y: &mut [f32], scratch: &mut [f32]) {
        let samples = y.len() / self.output;
        let a = MatRef::row_major(op.x, samples, self.input);
        let bias = op.bias.map_or(Bias::None, Bias::Cols);
        let op = PackedGemm { a, bias, activation: op.activation };
        self.w.product(exec, &op, MatMut::row_major(y, samples, self.output), scratch);
    }
}

impl<W: Weight> Primitive for Prepacked<W> {
    fn name(&self) -> &'static str {
        W::NAME
    }

    fn workspace(&self, _: Exec) -> Workspace {
        Workspace { scratch: self.weight.scratch_len(self.samples), ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        let bias = (cx.x.len() == 2).then(|| cx.x.get(1));
        let op = SparseForward { x: cx.x.get(0), bias, activation: self.activation };
        self.weight.forward(cx.exec, &op, cx.y, cx.scratch);
    }

    fn vjp(&self, _: Vjp<'_>) {
        panic!("{}: recorded for inference only; there is no gradient", W::NAME);
    }
}
