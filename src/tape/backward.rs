//! The way back: a planned list of vector-Jacobian products, and where each one goes.

use super::plan::{Program, Step, aligned};
use super::primitive::LabelData;
use super::{Mode, Operands, Prepare, Rows, Source, Tape, Var, Vjp, cut};
use crate::gradients::GradSink;
use crate::params::{Params, Values};
use proxtape_kernels::Accumulate;

impl Tape {
    /// Runs backwards from a scalar: the gradients of the parameters go to `sink`, those of
    /// variables are read with [`gradient`](Tape::gradient).
    ///
    /// # Panics
    /// If `y` is no scalar or was not computed, an input, variable or label was set since the forward pass,
    /// or the tape is for inference.
    #[track_caller]
    pub fn backward(&mut self, params: &mut Params, y: Var, sink: &mut impl GradSink) {
        let shape = self.shape(y);
        assert!(shape.len() == 1, "backward starts from one number, not {shape}; sum it first");
        self.backward_from(params, y, &[1.0], sink);
    }

    /// Plans the pass from a value, if the last one was another.
    pub(super) fn plan_backward(&mut self, y: Var) {
        let key = (y, self.nodes.len());
        if self.program.as_ref().is_none_or(|program| program.key != key) {
            self.program = Some(Program::new(&self.nodes, &self.operands, y));
        }
    }

    /// Runs backwards from any value and the cotangent that flows into it.
    ///
    /// # Panics
    /// If the lengths differ, the value was not computed, an input, variable or label was set since the
    /// forward pass, or the tape is for inference.
    #[track_caller]
    pub fn backward_from(
        &mut self,
        params: &mut Params,
        y: Var,
        cotangent: &[f32],
        sink: &mut impl GradSink,
    ) {
        assert!(self.mode == Mode::Training, "a tape for inference does not run backwards");
        self.node(y);
        assert!(y.index() < self.computed, "backward comes after forward");
        // Products of values from before and after would be the gradient at neither point.
        assert!(
            !self.stale,
            "backward: an input, variable or label was set after forward; call forward again first"
        );
        self.plan_backward(y);
        let program = self.program.as_ref().expect("planned above");
        if self.adjoints.len() < program.len {
            self.adjoints.resize(program.len);
        }
        let (nodes, root) = (&self.nodes, self.nodes[y.index()].root);
        let len = nodes[root].shape.len();
        assert!(cotangent.len() == len, "backward: {} cotangents for {len}", cotangent.len());
        let is_param = matches!(nodes[root].source, Source::Param(_));
        assert!(!is_param, "backward starts from a computed value, not from a parameter");
        let start = program.adjoints[root];
        self.adjoints[start..start + len].copy_from_slice(cotangent);
        for &step in &program.steps {
            let (i, input, first) = match step {
                Step::Zero { node } => {
                    let span =
                        program.adjoints[node]..program.adjoints[node] + nodes[node].shape.len();
                    self.adjoints[span].fill(0.0);
                    continue;
                }
                Step::Prepare { node } => (node, None, false),
                Step::Vjp { node, input, first } => (node, Some(input), first),
            };
            let node = &nodes[i];
            let Source::Op(op) = &node.source else { continue };
            let (before, own, after) = cut(&mut self.primals, node.primal, node.span_len());
            let (y, aux) = own.split_at_mut(aligned(node.shape.len()));
            let inputs = &self.operands[node.inputs.clone()];
            let x = Operands {
                nodes,
                inputs,
                before,
                after,
                after_start: node.primal + node.span_len(),
                values: Values::none(),
            };
            let (y, aux) = (&y[..node.shape.len()], &mut aux[..node.work.aux]);
            let scratch = &mut self.scratch[..node.work.scratch];
            let dy = program.adjoints[i]..program.adjoints[i] + node.shape.len();
            let param =
                input.and_then(|input| match nodes[nodes[inputs[input].index()].root].source {
                    Source::Param(id) => Some(id),
                    _ => None,
                });
            if let Some(id) = param.filter(|id| program.by_rows.contains(id))
                && let Some(rows) = sink.rows(id)
            {
                let cx = Rows { exec: self.exec, x, dy: &self.adjoints[dy], scratch };
                op.rows(cx, &mut |gradient| rows.consume(params, id, gradient));
                continue;
            }
            let (values, _) = params.shared();
            let x = Operands { values, ..x };
            let Some(input) = input else {
                op.prepare(Prepare { exec: self.exec, x, y, dy: &self.adjoints[dy], aux, scratch });
                continue;
            };
            let root = nodes[inputs[input].index()].root;
            let (dy, (dx, accumulate)) = match nodes[root].source {
                Source::Param(id) => match sink.destination(id) {
                    Some(destination) => (&self.adjoints[dy], destination),
                    None => continue,
                },
                _ => {
                    let (start, len) = (program.adjoints[root], nodes[root].shape.len());
                    let (below, dx, above) = cut(&mut self.adjoints, start, len);
                    let mode = if first { Accumulate::Store } else { Accumulate::Add };
                    let dy = match dy.start < start {
                        true => &below[dy],
                        false => &above[dy.start - start - len..][..dy.len()],
                    };
                    (dy, (dx, mode))
                }
            };
            op.vjp(Vjp {
                exec: self.exec,
                input,
                x,
                y,
                dy,
                dx,
                accumulate,
                aux,
                saved: &self.saved[node.saved..][..node.work.saved],
                scratch,
                labels: LabelData(&self.labels),
            });
        }
    }

    /// The gradient of a variable after [`backward`](Tape::backward); zeros if nothing reached it.
    ///
    /// # Panics
    /// If `x` is no variable, or there was no backward pass since it was recorded.
    #[track_caller]
    pub fn gradient(&self, x: Var) -> &[f32] {
        let node = self.node(x);
        assert!(matches!(node.source, Source::Variable), "the gradient of a {}", self.name(x));
        let Some(program) = &self.program else { panic!("gradient: there was no backward pass") };
        let start = program.adjoints.get(x.index());
        let Some(&start) = start else {
            panic!("gradient: this variable was recorded after the last backward pass; run another")
        };
        &self.adjoints[start..][..node.shape.len()]
    }
}
