//! The function under test on a tape: its values, its gradients, and what must not change them.

use super::{GradCheck, Input, Point, Record};
use crate::gradients::NoGradients;
use crate::params::Params;
use crate::random::Random;
use crate::tape::{Forward, Primitive, Tape, Var, Vjp};
use proxtape_kernels::Accumulate;

/// A recorded function of some variables.
pub(super) struct Engine {
    tape: Tape,
    inputs: Vec<Var>,
    output: Var,
    params: Params,
    seed: u64,
}

impl Engine {
    pub(super) fn record(check: &GradCheck, record: &Record<'_>, inputs: &[Input]) -> Engine {
        let mut tape = Tape::new(check.exec);
        let inputs: Vec<Var> = inputs.iter().map(|x| tape.variable(x.shape)).collect();
        let output = record(&mut tape, &inputs);
        Engine { tape, inputs, output, params: check.params.clone(), seed: check.seed }
    }

    /// The operation that computes the output.
    pub(super) fn name(&self) -> &'static str {
        self.tape.name(self.output)
    }

    /// The value at x. Each call sees the same random stream and the same running statistics.
    pub(super) fn value(&mut self, x: &[Vec<f64>]) -> Vec<f64> {
        self.forward(x);
        self.tape.value(self.output).iter().map(|&y| f64::from(y)).collect()
    }

    /// The gradients of <cotangent, f> at x, one for each input.
    pub(super) fn gradients(&mut self, x: &[Vec<f64>], cotangent: &[f32]) -> Vec<Vec<f32>> {
        self.forward(x);
        self.backward(cotangent);
        self.inputs.iter().map(|&x| self.tape.gradient(x).to_vec()).collect()
    }

    fn forward(&mut self, x: &[Vec<f64>]) {
        for (&var, x) in self.inputs.iter().zip(x) {
            let target = self.tape.value_mut(var);
            target.iter_mut().zip(x).for_each(|(target, &x)| *target = x as f32);
        }
        *self.tape.random_mut() = Random::new(self.seed);
        self.tape.forward(&mut self.params.clone());
    }

    fn backward(&mut self, cotangent: &[f32]) {
        self.tape.backward_from(&mut self.params.clone(), self.output, cotangent, &mut NoGradients);
    }

    /// Two replays at x, with a replay elsewhere and garbage in all memory between them.
    pub(super) fn replays(&mut self, x: &Point, elsewhere: &Point, cotangent: &[f32]) -> Replays {
        let first = (self.value(x), self.gradients(x, cotangent));
        self.gradients(elsewhere, cotangent);
        self.tape.poison();
        self.forward(x);
        self.tape.poison_scratch();
        self.backward(cotangent);
        let gradients = self.inputs.iter().map(|&x| self.tape.gradient(x).to_vec()).collect();
        let value = self.tape.value(self.output).iter().map(|&y| f64::from(y)).collect();
        Replays { first, second: (value, gradients) }
    }

    /// The gradients when each product is added to something that is there already.
    ///
    /// The inputs are used a second time, by an operation that is recorded later: it stores its
    /// products first.
    pub(super) fn accumulation(
        &mut self,
        check: &GradCheck,
        (record, inputs): (&Record<'_>, &[Input]),
        x: &Point,
        cotangent: &[f32],
    ) -> Accumulation {
        let alone = self.gradients(x, cotangent);
        // As large as the gradient, so that neither hides in the rounding of the other.
        let there: Vec<Vec<f32>> = alone
            .iter()
            .map(|g| {
                let largest = g.iter().fold(0.0f32, |m, g| m.max(g.abs()));
                let size = if largest > 0.0 && largest.is_finite() { largest } else { 1.0 };
                (0..g.len()).map(|k| size * [0.75, -0.5, 1.0][k % 3]).collect()
            })
            .collect();
        let joined = |tape: &mut Tape, x: &[Var]| {
            let y = record(tape, x);
            let parts: Vec<Var> = [y].iter().chain(x).copied().collect();
            let ends = parts.iter().scan(0, |end, &part| {
                *end += tape.shape(part).len();
                Some(*end)
            });
            let join = Join { ends: ends.collect() };
            let len = join.ends[join.ends.len() - 1];
            tape.record(join, &parts, [len])
        };
        let both = [cotangent.to_vec(), there.concat()].concat();
        let sum = Engine::record(check, &joined, inputs).gradients(x, &both);
        Accumulation { alone, there, sum }
    }
}

/// Values and gradients of two replays at the same point, which must be the same bits.
pub(super) struct Replays {
    pub(super) first: (Vec<f64>, Vec<Vec<f32>>),
    pub(super) second: (Vec<f64>, Vec<Vec<f32>>),
}

/// `alone` + `there` must be `sum`; each [input][element].
pub(super) struct Accumulation {
    pub(super) alone: Vec<Vec<f32>>,
    pub(super) there: Vec<Vec<f32>>,
    pub(super) sum: Vec<Vec<f32>>,
}

/// y = (x0, x1, ...) one after the other.
struct Join {
    /// Where each part ends.
    ends: Vec<usize>,
}

impl Join {
    fn span(&self, part: usize) -> std::ops::Range<usize> {
        part.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[part]
    }
}

impl Primitive for Join {
    fn name(&self) -> &'static str {
        "join"
    }

    fn forward(&self, cx: Forward<'_>) {
        for part in 0..cx.x.len() {
            cx.y[self.span(part)].copy_from_slice(cx.x.get(part));
        }
    }

    fn vjp(&self, cx: Vjp<'_>) {
        let dy = &cx.dy[self.span(cx.input)];
        match cx.accumulate {
            Accumulate::Store => cx.dx.copy_from_slice(dy),
            Accumulate::Add => cx.dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy),
        }
    }
}
