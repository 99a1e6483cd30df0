//! Runs a plan as the written function does: with the same functions on the same buffers.

use super::plan::{Call, Place, Plan, Span, Step};
use super::weight::Weight;
use crate::export::kernels::{
    add::add, affine::affine, avg_pool::avg_pool, conv::conv, conv_sparse::conv_sparse, gelu::gelu,
    gelu_tanh::gelu_tanh, global_avg_pool::global_avg_pool, layer_norm::layer_norm,
    leaky_relu::leaky_relu, linear::linear, linear_sparse::linear_sparse, max_pool::max_pool,
    normalize::normalize, relu::relu, select::select, sigmoid::sigmoid, tanh::tanh,
};

/// A plan with its memory.
pub(crate) struct Runner<'p> {
    plan: &'p Plan<'p>,
    /// The input, the buffers, and the output.
    memory: Vec<Vec<f32>>,
}

impl<'p> Runner<'p> {
    pub(crate) fn new(plan: &'p Plan<'p>) -> Runner<'p> {
        let lens = [plan.inputs.len()].into_iter().chain(plan.buffers.iter().copied());
        let memory = lens.chain([plan.outputs]).map(|len| vec![0.0; len]).collect();
        Runner { plan, memory }
    }

    /// The logits of one raw sample.
    pub(crate) fn run(&mut self, input: &[f32]) -> &[f32] {
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
        let x = read(from);
        match call {
            Call::Normalize { scale, mean, std } => normalize(x, *scale, mean, std, y),
            Call::Linear { w: Weight::Dense(w), b } => linear(x, w, b, y),
            Call::Linear { w: Weight::Sparse { starts, positions, values }, b } => {
                linear_sparse(x, (starts, positions, values), b, y);
            }
            Call::Conv { w: Weight::Dense(w), b, window } => conv(x, w, b, window, y),
            Call::Conv { w: Weight::Sparse { starts, positions, values }, b, window } => {
                conv_sparse(x, (starts, positions, values), b, window, y);
            }
            Call::Affine { scale, shift } => affine(y, scale, shift),
            Call::LayerNorm { gamma, beta, eps } => layer_norm(y, gamma, beta, *eps),
            Call::MaxPool(window) => max_pool(x, window, y),
            Call::AvgPool(window) => avg_pool(x, window, y),
            Call::GlobalAvgPool => global_avg_pool(x, y),
            Call::Select { units, indices } => select(x, *units, indices, y),
            Call::Relu => relu(y),
            Call::LeakyRelu { slope } => leaky_relu(y, *slope),
            Call::Gelu => gelu(y),
            Call::GeluTanh => gelu_tanh(y),
            Call::Tanh => tanh(y),
            Call::Sigmoid => sigmoid(y),
            Call::Add { other } => add(y, read(other)),
            Call::Copy => y.copy_from_slice(x),
        }
        self.memory[target] = taken;
    }
}
