//! From a graph to the calls of the written function, whose operands are values yet.
//!
//! A batch norm that alone reads a weight's outputs goes into that weight: w' = s w and
//! b' = s b + t with s = gamma / sqrt(var + eps) and t = beta - s mean. Elsewhere it is x s + t.

use super::plan::{Call, Place, Span};
use super::weight::Weight;
use crate::export::graph::{Graph, Kind};

/// A step whose places are values yet.
pub(super) struct Draft<'a> {
    pub(super) name: String,
    pub(super) call: Call<'a>,
    pub(super) from: usize,
    pub(super) other: Option<usize>,
    pub(super) to: usize,
}

/// The calls, with every value by the number of the one that it is another name of.
pub(super) fn draft<'a>(graph: &Graph<'a>) -> Vec<Draft<'a>> {
    let readers = readers(graph);
    let mut names: Vec<usize> = (0..graph.shapes.len()).collect();
    let mut drafts: Vec<Draft<'a>> = Vec::new();
    for (i, op) in graph.ops.iter().enumerate() {
        let (from, shape) = (names[op.input], graph.shapes[op.input]);
        let mut other = None;
        let call = match &op.kind {
            Kind::Flatten => {
                names[i + 1] = from;
                continue;
            }
            Kind::BatchNorm { parts, eps } => {
                let [gamma, beta, mean, var] = parts.each_ref().map(|part| part.values);
                let scale: Vec<f64> = (gamma.iter().zip(var))
                    .map(|(&g, &v)| f64::from(g) / (f64::from(v) + f64::from(*eps)).sqrt())
                    .collect();
                let shift: Vec<f64> = (beta.iter().zip(mean).zip(&scale))
                    .map(|((&b, &m), s)| f64::from(b) - s * f64::from(m))
                    .collect();
                // Before it is another operation, or the weight that only it reads.
                let alone = readers[op.input] == 1;
                let before = drafts.last_mut().filter(|before| alone && before.to == op.input);
                if let Some(Call::Linear { w, b } | Call::Conv { w, b, .. }) =
                    before.map(|before| &mut before.call)
                {
                    w.scale(&scale);
                    b.resize(scale.len(), 0.0);
                    for (b, (s, t)) in b.iter_mut().zip(scale.iter().zip(&shift)) {
                        *b = (s * f64::from(*b) + t) as f32;
                    }
                    names[i + 1] = from;
                    continue;
                }
                let single = |values: &[f64]| values.iter().map(|&x| x as f32).collect();
                Call::Affine { scale: single(&scale), shift: single(&shift) }
            }
            Kind::Add { other: second } => {
                other = Some(names[*second]);
                Call::Add { other: Span { place: Place::Input, len: shape.len() } }
            }
            Kind::Normalize { scale, mean, std } => {
                Call::Normalize { scale: *scale, mean: mean.clone(), std }
            }
            Kind::Linear { w, b } => {
                let b = b.as_ref().map_or(Vec::new(), |b| b.values.to_vec());
                Call::Linear { w: Weight::of(w.values.to_vec(), w.shape[0]), b }
            }
            Kind::Conv { w, b, window } => {
                let b = b.as_ref().map_or(Vec::new(), |b| b.values.to_vec());
                Call::Conv { w: Weight::of(w.values.to_vec(), w.shape[0]), b, window: *window }
            }
            Kind::LayerNorm { parts: [gamma, beta], eps } => {
                Call::LayerNorm { gamma: gamma.values, beta: beta.values, eps: *eps }
            }
            Kind::MaxPool(window) => Call::MaxPool(*window),
            Kind::AvgPool(window) => Call::AvgPool(*window),
            Kind::GlobalAvgPool => Call::GlobalAvgPool,
            Kind::Select { indices } => {
                let indices = indices.iter().map(|&i| i as u32).collect();
                Call::Select { units: shape[0], indices }
            }
            Kind::Relu => Call::Relu,
            Kind::LeakyRelu { slope } => Call::LeakyRelu { slope: *slope },
            Kind::Gelu => Call::Gelu,
            Kind::GeluTanh => Call::GeluTanh,
            Kind::Tanh => Call::Tanh,
            Kind::Sigmoid => Call::Sigmoid,
        };
        drafts.push(Draft { name: op.name.clone(), call, from, other, to: i + 1 });
    }
    // The result as well goes by its first name.
    drafts.push(Draft {
        name: String::new(),
        call: Call::Copy,
        from: names[graph.output],
        other: None,
        to: graph.output,
    });
    drafts
}

/// How often each value is read.
fn readers(graph: &Graph<'_>) -> Vec<usize> {
    let mut readers = vec![0; graph.shapes.len()];
    for op in &graph.ops {
        readers[op.input] += 1;
        if let Kind::Add { other } = op.kind {
            readers[other] += 1;
        }
    }
    readers[graph.output] += 1;
    readers
}
