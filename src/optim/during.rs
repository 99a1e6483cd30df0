//! The step of large weights inside the backward pass, where their gradient is made.

use super::{Optimizer, Path, StepOutcome};
use crate::gradients::{GradSink, Gradients, RowSink};
use crate::params::{ParamId, Params};
use proxtape_kernels::Accumulate;
use proxtape_kernels::gemm::ByRows;
use proxtape_kernels::update::{PanelScratch, Panels, RowsData};

/// A sink for one backward pass that steps weights as soon as their gradient can be made; see
/// [`Optimizer::during_backward`].
#[derive(Debug)]
pub struct DuringBackward<'a> {
    optimizer: &'a mut Optimizer,
    gradients: &'a mut Gradients,
    eta: f32,
    total: StepOutcome,
}

impl Optimizer {
    /// Begins a step of size `eta` whose weights are updated in the backward pass, a few rows at a
    /// time, so that no buffer for their gradient exists. [`finish`](DuringBackward::finish) after
    /// the pass steps all others, whose gradients go to `gradients`. The numbers are those of
    /// [`step`](Optimizer::step). It suits one backward pass a step, without clipping.
    ///
    /// ```
    /// use proxtape::optim::{Optimizer, Rule};
    /// use proxtape::{Exec, Gradients, Isa, Kind, Params, Tape, ops};
    /// let exec = Exec::new(Isa::detect());
    /// let mut params = Params::new();
    /// let w = params.add("w", Kind::Weight, [1, 2]);
    /// let mut tape = Tape::new(exec);
    /// let (x, weight) = (tape.input([1, 2]), tape.param(&params, w));
    /// let y = ops::linear(&mut tape, x, weight, None);
    /// let mut optimizer = Optimizer::new(exec, &params, Rule::Sgd, &[]);
    /// let taken = optimizer.takes_rows(&params, &tape.gives_rows());
    /// let mut gradients = Gradients::without(&params, &taken);
    /// tape.set(x, &[1.0, -2.0]);
    /// tape.forward(&mut params);
    /// let mut during = optimizer.during_backward(&mut gradients, 0.5);
    /// tape.backward(&mut params, y, &mut during);
    /// during.finish(&mut params);
    /// assert_eq!(params.value(w), [-0.5, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the support is frozen and a gradient has no room in `gradients`.
    pub fn during_backward<'a>(
        &'a mut self,
        gradients: &'a mut Gradients,
        eta: f32,
    ) -> DuringBackward<'a> {
        assert!(
            !self.frozen || gradients.has_all(),
            "during_backward: a frozen support needs the gradients in a buffer"
        );
        self.steps = self.steps.saturating_add(1);
        gradients.clear();
        DuringBackward { optimizer: self, gradients, eta, total: StepOutcome::default() }
    }

    /// Those of some weights, as [`Tape::gives_rows`](crate::Tape::gives_rows) lists them, that
    /// [`during_backward`](Optimizer::during_backward) takes by rows: all whose groups lie in rows.
    pub fn takes_rows(&self, params: &Params, given: &[ParamId]) -> Vec<ParamId> {
        given.iter().copied().filter(|&id| self.takes(params, id)).collect()
    }

    fn takes(&self, params: &Params, id: ParamId) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        let row = params.shape(id).len() / params.shape(id).dims()[0].max(1);
        let Some(part) = slot.whole() else { return false };
        let op = part.update_all(self.rule, 0.0, 1);
        self.path == Path::Fused && Panels::new(self.exec, &op, row).is_some()
    }
}

impl DuringBackward<'_> {
    /// Steps the parameters that have a gradient in the buffer, and ends the step.
    pub fn finish(self, params: &mut Params) -> StepOutcome {
        let DuringBackward { optimizer, gradients, eta, total } = self;
        total.and(optimizer.apply(params, gradients, eta))
    }
}

impl GradSink for DuringBackward<'_> {
    fn destination(&mut self, id: ParamId) -> Option<(&mut [f32], Accumulate)> {
        self.gradients.destination(id)
    }

    fn rows(&mut self, id: ParamId) -> Option<&mut dyn RowSink> {
        if self.gradients.has_room(id) { None } else { Some(self) }
    }
}

impl RowSink for DuringBackward<'_> {
    fn consume(&mut self, params: &mut Params, id: ParamId, gradient: &ByRows<'_>) {
        let optimizer = &mut *self.optimizer;
        let slot = &optimizer.slots[optimizer.place(id).expect("a trainable weight")];
        let part = slot.whole().expect("groups that lie in rows");
        let op = part.update_all(optimizer.rule, self.eta, optimizer.steps);
        let [_, row] = gradient.shape();
        let panels = Panels::new(optimizer.exec, &op, row).expect("groups that lie in rows");
        let own = ByRows::scratch_len(optimizer.exec.isa(), panels.panel_rows());
        let need = panels.scratch_len(own);
        if optimizer.panels.len() < need {
            optimizer.panels.resize(need);
        }
        let span = params.span(id);
        let [m, v] = &mut optimizer.moments;
        let data = RowsData {
            w: params.value_mut(id),
            m: if m.is_empty() { &mut [] } else { &mut m[span.clone()] },
            v: if v.is_empty() { &mut [] } else { &mut v[span] },
            tau: &mut optimizer.tau[slot.tau.clone()],
        };
        let scratch = PanelScratch { buffer: &mut optimizer.panels, producer: own };
        let produce = |rows, g: &mut [f32], scratch: &mut [f32]| gradient.rows(rows, g, scratch);
        let outcome = panels.update(data, scratch, &produce);
        self.total.add(slot, outcome);
    }
}
