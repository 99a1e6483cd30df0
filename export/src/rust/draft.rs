//! From a pipeline to the calls of the written function, whose operands are values yet.
//!
//! Value 0 is the raw sample, value 1 the normalised one, and value i of the graph is value i + 1 here.
//!
//! A batch norm that alone reads a weight's outputs goes into that weight: w' = s w and
//! b' = s b + t with s = gamma / sqrt(var + eps) and t = beta - s mean. Elsewhere it is x s + t.

use super::call::Call;
use super::span::{Place, Span};
use crate::pipeline::Pipeline;
use proxtape::nn::{Graph, Layer, Network, Parameters};

/// A step whose places are values yet.
pub(super) struct Draft<'a> {
    pub(super) name: String,
    pub(super) call: Call<'a>,
    pub(super) from: usize,
    pub(super) other: Option<usize>,
    pub(super) to: usize,
}

/// The calls, with every value by the number of the one that it is another name of.
pub(super) fn draft<'a>(pipeline: &Pipeline<'a>) -> Vec<Draft<'a>> {
    let network = pipeline.network;
    let graph = network.graph();
    let mut names: Vec<usize> = (0..=graph.values()).collect();
    let (scale, std) = (pipeline.normalization.scale, &pipeline.normalization.std[..]);
    let normalize = Call::Normalize { scale, mean: pipeline.means(), std };
    let (name, other) = (String::new(), None);
    let mut drafts = vec![Draft { name, call: normalize, from: 0, other, to: 1 }];
    for (i, node) in graph.nodes().iter().enumerate() {
        let (input, to) = (node.inputs()[0] + 1, i + 2);
        let (from, mut other) = (names[input], None);
        let call = match node.layer() {
            Layer::Flatten | Layer::Dropout { .. } => {
                names[to] = from;
                continue;
            }
            Layer::BatchNorm { eps, .. } => {
                let [scale, shift] = affine(network, node.parameters(), *eps);
                // Before it is another operation, or the weight that only it reads.
                let read = before_dropout(graph, node.inputs()[0]);
                let alone = graph.readers(read) == 1;
                let before = drafts.last_mut().filter(|before| alone && before.to == read + 1);
                if let Some(Call::Linear { w, b } | Call::Conv { w, b, .. }) =
                    before.map(|before| &mut before.call)
                {
                    w.scale(&scale);
                    b.resize(scale.len(), 0.0);
                    for (b, (s, t)) in b.iter_mut().zip(scale.iter().zip(&shift)) {
                        *b = (s * f64::from(*b) + t) as f32;
                    }
                    names[to] = from;
                    continue;
                }
                let single = |values: &[f64]| values.iter().map(|&x| x as f32).collect();
                Call::Affine { scale: single(&scale), shift: single(&shift) }
            }
            Layer::Residual { .. } => {
                other = Some(names[node.inputs()[1] + 1]);
                let len = graph.shape(i + 1).len();
                Call::Add { other: Span { place: Place::Input, len } }
            }
            _ => Call::of(network, node, i + 1).expect("the others were seen to"),
        };
        drafts.push(Draft { name: node.name().to_owned(), call, from, other, to });
    }
    // The result as well goes by its first name.
    let output = graph.output() + 1;
    let (from, to) = (names[output], output);
    drafts.push(Draft { name: String::new(), call: Call::Copy, from, other: None, to });
    drafts
}

/// The value that a dropout hands on, where nobody else reads what it makes.
fn before_dropout(graph: &Graph, value: usize) -> usize {
    match value.checked_sub(1).map(|i| &graph.nodes()[i]) {
        Some(node)
            if matches!(node.layer(), Layer::Dropout { .. }) && graph.readers(value) == 1 =>
        {
            before_dropout(graph, node.inputs()[0])
        }
        _ => value,
    }
}

/// s and t of a batch norm.
fn affine(network: &Network, parameters: &Parameters, eps: f32) -> [Vec<f64>; 2] {
    let Parameters { weight, bias, running_mean, running_var, .. } = *parameters;
    let [gamma, beta, mean, var] = [weight, bias, running_mean, running_var]
        .map(|id| network.params().value(id.expect("a batch norm has four")));
    let scale: Vec<f64> = (gamma.iter().zip(var))
        .map(|(&g, &v)| f64::from(g) / (f64::from(v) + f64::from(eps)).sqrt())
        .collect();
    let shift = (beta.iter().zip(mean).zip(&scale))
        .map(|((&b, &m), s)| f64::from(b) - s * f64::from(m))
        .collect();
    [scale, shift]
}
