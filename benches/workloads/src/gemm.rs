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

/// C = A B, all row-major.
pub fn product(exec: Exec, shape: [usize; 3]) -> Workload {
    form(exec, shape, Form { name: "", a: Storage::Rows, b: Storage::Rows })
}

/// The four forms of a product of 512^3: with A, B, both or none of them stored as its transpose.
pub fn forms(exec: Exec) -> impl Iterator<Item = Workload> {
    let (rows, columns) = (Storage::Rows, Storage::Columns);
    let forms = [
        Form { name: " A B", a: rows, b: rows },
        Form { name: " A^T B", a: columns, b: rows },
        Form { name: " A B^T", a: rows, b: columns },
        Form { name: " A^T B^T", a: columns, b: columns },
    ];
    forms.into_iter().map(move |f| form(exec, [512; 3], f))
}

#[derive(Clone, Copy)]
struct Form {
    name: &'static str,
    a: Storage,
    b: Storage,
}

/// Which neighbours of an operand lie next to each other in memory.
#[derive(Clone, Copy)]
enum Storage {
    Rows,
    Columns,
}

impl Storage {
    fn view(self, x: &Buffer, rows: usize, cols: usize) -> MatRef<'_> {
        match self {
            Storage::Rows => MatRef::row_major(x, rows, cols),
            Storage::Columns => MatRef::row_major(x, cols, rows).t(),
        }
    }
}

fn form(exec: Exec, shape: [usize; 3], form: Form) -> Workload {
    let [m, n, k] = shape;
    let (a, b, mut c) = (filled(m * k), filled(k * n), filled(m * n));
    let mut scratch = Buffer::zeroed(gemm::scratch_len(exec.isa(), m, n, k));
    let limit = Cost::once(flops(shape), a.len() + b.len() + c.len());
    Workload::new(format!("{}{}", name(shape), form.name), limit, move || {
        let op = Gemm::new(form.a.view(&a, m, k), form.b.view(&b, k, n));
        gemm::gemm(exec, &op, MatMut::row_major(&mut c, m, n), &mut scratch);
    })
}
