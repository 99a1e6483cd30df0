//! Matrix products: squares, and those of the networks.

use crate::limits::Cost;
use crate::{Workload, filled};
use proxtape::Exec;
use proxtape::kernels::Buffer;
use proxtape::kernels::gemm::{self, Gemm, MatMut, MatRef};

/// [m, n, k] of C: [m, n] = A: [m, k] times B: [k, n].
pub const SHAPES: [[usize; 3]; 15] = [
    [64, 64, 64],
    [128, 128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [1024, 1024, 1024],
    // LeNet-300-100 at batch 128: forward, weight gradient and input gradient of its first layer; the
    // second layer; the classifier.
    [128, 300, 784],
    [300, 784, 128],
    [128, 784, 300],
    [128, 100, 300],
    [128, 10, 100],
    // Large layers: a wide one, and a weight gradient of a VGG's first linear layer.
    [512, 4096, 4096],
    [32, 25088, 16],
    // One image of a convolution as a product: both of LeNet-5, and one of a VGG.
    [20, 576, 25],
    [50, 64, 500],
    [64, 1024, 576],
];

/// m x n x k.
pub fn name([m, n, k]: [usize; 3]) -> String {
    format!("{m}x{n}x{k}")
}

/// Multiplications and additions.
pub fn flops([m, n, k]: [usize; 3]) -> f64 {
    2.0 * (m * n * k) as f64
}

/// Shapes on which the transposed forms are measured: squares, and the layers of LeNet-300-100.
pub const TRANSPOSED_SHAPES: [[usize; 3]; 6] = [
    [256, 256, 256],
    [512, 512, 512],
    [1024, 1024, 1024],
    [128, 300, 784],
    [128, 784, 300],
    [128, 10, 100],
];

/// Which operands of C = A B are stored as their transposes.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// In a formula.
    pub name: &'static str,
    /// For each operand, as BLAS says it: n, or t.
    pub code: &'static str,
    a: Storage,
    b: Storage,
}

/// All forms, the plain one first.
pub const FORMS: [Form; 4] = {
    let (rows, columns) = (Storage::Rows, Storage::Columns);
    [
        Form { name: "A B", code: "nn", a: rows, b: rows },
        Form { name: "A B^T", code: "nt", a: rows, b: columns },
        Form { name: "A^T B", code: "tn", a: columns, b: rows },
        Form { name: "A^T B^T", code: "tt", a: columns, b: columns },
    ]
};

impl Form {
    /// Strides of the rows and columns of A and of B.
    pub fn strides(self, [m, n, k]: [usize; 3]) -> [[usize; 2]; 2] {
        [self.a.strides([m, k]), self.b.strides([k, n])]
    }
}

/// Which neighbours of an operand lie next to each other in memory.
#[derive(Clone, Copy, Debug)]
enum Storage {
    Rows,
    Columns,
}

impl Storage {
    fn strides(self, [rows, cols]: [usize; 2]) -> [usize; 2] {
        match self {
            Storage::Rows => [cols, 1],
            Storage::Columns => [1, rows],
        }
    }
}

/// C = A B, all row-major.
pub fn product(exec: Exec, shape: [usize; 3]) -> Workload {
    product_as(exec, shape, FORMS[0])
}

/// The four forms of a product of 512^3.
pub fn forms(exec: Exec) -> impl Iterator<Item = Workload> {
    FORMS.into_iter().map(move |form| {
        let product = product_as(exec, [512; 3], form);
        Workload { name: format!("{} {}", product.name, form.name), ..product }
    })
}

/// C = A B, with the operands stored as the form says and C row-major.
pub fn product_as(exec: Exec, shape: [usize; 3], form: Form) -> Workload {
    let [m, n, k] = shape;
    let [strides_a, strides_b] = form.strides(shape);
    let (a, b, mut c) = (filled(m * k), filled(k * n), filled(m * n));
    let mut scratch = Buffer::zeroed(gemm::scratch_len(exec.isa(), shape));
    let limit = Cost::once(flops(shape), a.len() + b.len() + c.len());
    Workload::new(name(shape), limit, move || {
        let a = MatRef::strided(&a, [m, k], strides_a);
        let b = MatRef::strided(&b, [k, n], strides_b);
        gemm::gemm(exec, &Gemm::new(a, b), MatMut::row_major(&mut c, m, n), &mut scratch);
    })
}
