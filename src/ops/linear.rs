//! Y = X W^T + b, dX = dY W, dW = dY^T X, db = the sum of the rows of dY.

use crate::{Exec, Forward, Primitive, Rows, Tape, Var, Vjp, Workspace};
use proxtape_kernels::broadcast::sum_axis;
use proxtape_kernels::gemm::{Bias, ByRows, Gemm, MatMut, MatRef, gemm, scratch_len};

/// x: `[N, in]`, w: `[out, in]`, b: `[out]`, y: `[N, out]`.
struct Linear {
    n: usize,
    input: usize,
    output: usize,
}

impl Linear {
    fn x<'a>(&self, data: &'a [f32]) -> MatRef<'a> {
        MatRef::row_major(data, self.n, self.input)
    }

    fn w<'a>(&self, data: &'a [f32]) -> MatRef<'a> {
        MatRef::row_major(data, self.output, self.input)
    }
}

impl Primitive for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn workspace(&self, exec: Exec) -> Workspace {
        let &Linear { n, input, output } = self;
        let products = [[n, output, input], [n, input, output], [output, input, n]];
        let scratch = products.map(|shape| scratch_len(exec.isa(), shape));
        let packed = ByRows::packed_len(exec.isa(), input, n);
        Workspace { scratch: scratch.into_iter().fold(packed, usize::max), ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        let (x, w) = (self.x(cx.x.get(0)), self.w(cx.x.get(1)));
        let bias = match cx.x.len() {
            3 => Bias::Cols(cx.x.get(2)),
            _ => Bias::None,
        };
        let product = Gemm { bias, ..Gemm::new(x, w.t()) };
        gemm(cx.exec, &product, MatMut::row_major(cx.y, self.n, self.output), cx.scratch);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let &Linear { n, input, output } = self;
        let (x, w) = (self.x(cx.x.get(0)), self.w(cx.x.get(1)));
        let dy = MatRef::row_major(cx.dy, n, output);
        let (product, dx) = match cx.input {
            0 => (Gemm::new(dy, w), MatMut::row_major(cx.dx, n, input)),
            1 => (Gemm::new(dy.t(), x), MatMut::row_major(cx.dx, output, input)),
            _ => return sum_axis(cx.exec, cx.dy, [1, n, output], 1.0, cx.dx, cx.accumulate),
        };
        let product = Gemm { beta: cx.accumulate.beta(), ..product };
        gemm(cx.exec, &product, dx, cx.scratch);
    }

    fn gives_rows(&self) -> Option<usize> {
        Some(1)
    }

    fn rows(&self, cx: Rows<'_>, take: &mut dyn FnMut(&ByRows<'_>)) {
        let dy = MatRef::row_major(cx.dy, self.n, self.output);
        take(&ByRows::new(cx.exec, dy.t(), self.x(cx.x.get(0)), cx.scratch));
    }
}

/// The linear layer x w^T + b with x: `[N, in]`, w: `[out, in]` and b: `[out]` gives `[N, out]`.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (x, w, b) = (tape.variable([1, 2]), tape.variable([2, 2]), tape.variable([2]));
/// let y = ops::linear(&mut tape, x, w, Some(b));
/// tape.set(x, &[1.0, 2.0]);
/// tape.set(w, &[3.0, 4.0, 5.0, 6.0]);
/// tape.set(b, &[100.0, 200.0]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert_eq!(tape.value(y), [111.0, 217.0]);
/// tape.backward_from(params, y, &[1.0, 0.0], &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(x), [3.0, 4.0]);
/// assert_eq!(tape.gradient(w), [1.0, 2.0, 0.0, 0.0]);
/// assert_eq!(tape.gradient(b), [1.0, 0.0]);
/// ```
///
/// # Panics
/// If x and w are not two-dimensional, their last extents differ, or b is not `[out]`.
#[track_caller]
pub fn linear(tape: &mut Tape, x: Var, w: Var, b: Option<Var>) -> Var {
    let (xs, ws) = (tape.shape(x), tape.shape(w));
    let (&[n, input], &[output, columns]) = (xs.dims(), ws.dims()) else {
        panic!("linear: x is {xs} and w is {ws}; they must be [N, in] and [out, in]");
    };
    assert!(input == columns, "linear: x is {xs} and w is {ws}; w must be [out, {input}]");
    let op = Linear { n, input, output };
    let Some(b) = b else {
        return tape.record(op, &[x, w], [n, output]);
    };
    let bs = tape.shape(b);
    assert!(bs.dims() == [output], "linear: w is {ws} and b is {bs}; b must be [{output}]");
    tape.record(op, &[x, w, b], [n, output])
}
