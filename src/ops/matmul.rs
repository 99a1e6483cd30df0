//! Y = A B, dA = dY B^T, dB = A^T dY.

use crate::{Exec, Forward, Primitive, Tape, Var, Vjp, Workspace};
use proxtape_kernels::gemm::{Gemm, MatMut, MatRef, gemm, scratch_len};

/// a: `[m, k]`, b: `[k, n]`, y: `[m, n]`.
struct MatMul {
    m: usize,
    k: usize,
    n: usize,
}

impl Primitive for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn workspace(&self, exec: Exec) -> Workspace {
        let &MatMul { m, k, n } = self;
        let products = [[m, n, k], [m, k, n], [k, n, m]];
        let scratch = products.map(|shape| scratch_len(exec.isa(), shape));
        Workspace { scratch: scratch.into_iter().max().unwrap_or(0), ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        let &MatMul { m, k, n } = self;
        let a = MatRef::row_major(cx.x.get(0), m, k);
        let b = MatRef::row_major(cx.x.get(1), k, n);
        gemm(cx.exec, &Gemm::new(a, b), MatMut::row_major(cx.y, m, n), cx.scratch);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let &MatMul { m, k, n } = self;
        let a = MatRef::row_major(cx.x.get(0), m, k);
        let b = MatRef::row_major(cx.x.get(1), k, n);
        let dy = MatRef::row_major(cx.dy, m, n);
        let (product, dx) = match cx.input {
            0 => (Gemm::new(dy, b.t()), MatMut::row_major(cx.dx, m, k)),
            _ => (Gemm::new(a.t(), dy), MatMut::row_major(cx.dx, k, n)),
        };
        let product = Gemm { beta: cx.accumulate.beta(), ..product };
        gemm(cx.exec, &product, dx, cx.scratch);
    }
}

/// The matrix product of a: `[m, k]` and b: `[k, n]` gives `[m, n]`.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (a, b) = (tape.variable([1, 2]), tape.variable([2, 2]));
/// let y = ops::matmul(&mut tape, a, b);
/// tape.set(a, &[1.0, 2.0]);
/// tape.set(b, &[3.0, 4.0, 5.0, 6.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [13.0, 16.0]);
/// tape.backward_from(params, y, &[1.0, 0.0], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(a), [3.0, 5.0]);
/// assert_eq!(tape.gradient(b), [1.0, 0.0, 2.0, 0.0]);
/// ```
///
/// # Panics
/// If a and b are not two-dimensional, or the columns of a are not the rows of b.
#[track_caller]
pub fn matmul(tape: &mut Tape, a: Var, b: Var) -> Var {
    let shapes = (tape.shape(a), tape.shape(b));
    let (&[m, k], &[rows, n]) = (shapes.0.dims(), shapes.1.dims()) else {
        panic!("matmul: a is {} and b is {}; they must be [m, k] and [k, n]", shapes.0, shapes.1);
    };
    assert!(k == rows, "matmul: a is {} and b is {}; b must be [{k}, n]", shapes.0, shapes.1);
    tape.record(MatMul { m, k, n }, &[a, b], [m, n])
}
