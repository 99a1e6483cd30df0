//! Runs a plan as the written function does: with the same functions on the same buffers.

use super::call::Call;
use super::plan::{Plan, Step};
use super::span::{Place, Span};

/// A plan with its memory.
#[derive(Clone, Debug)]
pub struct Runner<'p> {
    plan: &'p Plan<'p>,
    /// The input, the buffers, and the output.
    memory: Vec<Vec<f32>>,
}

impl<'p> Runner<'p> {
    /// Memory for a plan.
    pub fn new(plan: &'p Plan<'p>) -> Runner<'p> {
        let lens = [plan.inputs.len()].into_iter().chain(plan.buffers.iter().copied());
        let memory = lens.chain([plan.outputs]).map(|len| vec![0.0; len]).collect();
        Runner { plan, memory }
    }

    /// The logits of one raw sample.
    ///
    /// # Panics
    /// If it has not as many values as the network takes.
    #[track_caller]
    pub fn run(&mut self, input: &[f32]) -> &[f32] {
        self.memory[0].copy_from_slice(input);
        for step in &self.plan.steps {
            self.step(step);
        }
        self.memory.last().map_or(&[], Vec::as_slice)
    }

    fn index(&self, span: Span) -> usize {
        match span.place {
            Place::Input => 0,
            Place::Buffer(i) => 1 + i,
            Place::Output => self.memory.len() - 1,
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        let Step { call, from, to, .. } = step;
        // What is written is taken out, so that the others can be read.
        let target = self.index(*to);
        let mut taken = std::mem::take(&mut self.memory[target]);
        let y = &mut taken[..to.len];
        let read = |span: &Span| match span == to {
            true => &[],
            false => &self.memory[self.index(*span)][..span.len],
        };
        let other = match call {
            Call::Add { other } => read(other),
            _ => &[],
        };
        call.run(read(from), other, y);
        self.memory[target] = taken;
    }
}
