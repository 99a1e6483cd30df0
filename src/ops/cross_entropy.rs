//! y = -1/N sum over n of ln `p[n, label[n]]` with p the softmax of the logits;
//! dx = dy/N (p - onehot(label)).

use crate::{Exec, Forward, Labels, Primitive, Tape, Var, Vjp, Workspace};
use proxtape_kernels::softmax;

/// logits: `[N, C]`, labels: `[N]`, y: a scalar, aux: the probabilities p.
struct CrossEntropy {
    labels: Labels,
    classes: usize,
}

impl Primitive for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn workspace(&self, _: Exec) -> Workspace {
        Workspace { aux: self.labels.len() * self.classes, ..Workspace::default() }
    }

    fn forward(&self, cx: Forward<'_>) {
        let (labels, classes) = (cx.labels.get(self.labels), self.classes);
        for (n, &label) in labels.iter().enumerate() {
            assert!(
                (label as usize) < classes,
                "cross_entropy: the label of sample {n} is {label}; there are {classes} classes"
            );
        }
        cx.y[0] = softmax::cross_entropy(cx.exec, cx.x.get(0), labels, classes, cx.aux);
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let labels = cx.labels.get(self.labels);
        softmax::cross_entropy_vjp(cx.exec, cx.aux, labels, cx.dy[0], cx.dx, cx.accumulate);
    }
}

/// The mean cross-entropy of logits: `[N, C]` against N labels below C, a scalar.
///
/// ```
/// use proxtape::{Exec, Isa, Params, Tape, ops};
/// let mut tape = Tape::new(Exec::new(Isa::detect()));
/// let (logits, labels) = (tape.variable([2, 2]), tape.labels(2));
/// let loss = ops::cross_entropy(&mut tape, logits, labels);
/// tape.set(logits, &[0.0, 0.0, 0.0, 100.0]);
/// tape.labels_mut(labels).copy_from_slice(&[0, 1]);
/// let params = &mut Params::new();
/// tape.forward(params);
/// assert!((tape.value(loss)[0] - 0.5 * 2f32.ln()).abs() < 1e-6);
/// tape.backward(params, loss, &mut proxtape::NoGradients);
/// assert_eq!(tape.gradient(logits), [-0.25, 0.25, 0.0, 0.0]);
/// ```
///
/// # Panics
/// If the logits are not `[N, C]` with N labels, or empty, or the labels are not of this tape; in
/// forward, if a label is not below C.
#[track_caller]
pub fn cross_entropy(tape: &mut Tape, logits: Var, labels: Labels) -> Var {
    let shape = tape.shape(logits);
    let &[n, classes] = shape.dims() else {
        panic!("cross_entropy: logits are {shape}; they must be [N, C]");
    };
    assert!(
        n == tape.labels_ref(labels).len(),
        "cross_entropy: logits are {shape} with {} labels; {n} labels would fit",
        labels.len()
    );
    assert!(n * classes > 0, "cross_entropy: logits are {shape}; a mean needs a sample");
    tape.record(CrossEntropy { labels, classes }, &[logits], [])
}
