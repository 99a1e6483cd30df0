//! The layers and values that are left, without the units that do not stay.

use super::keep::Kept;
use super::net::{Axes, BatchNorm, Net, Node, Op};
use super::weight::Weight;
use crate::nn::{Layer, Named, WithBias};

/// The values of each parameter, in the order of declaration.
type Values = Vec<Vec<f32>>;

impl Net {
    pub(super) fn cut(mut self) -> (Vec<Named>, Values) {
        let kept = self.choose();
        let mut cutter = Cutter { axes: &self.axes, kept, values: Vec::new() };
        let layers = cutter.sequence(&self.nodes);
        (layers, cutter.values)
    }
}

struct Cutter<'a> {
    axes: &'a Axes,
    kept: Kept,
    values: Values,
}

impl Cutter<'_> {
    fn sequence(&mut self, nodes: &[Node]) -> Vec<Named> {
        nodes.iter().filter_map(|node| Some(self.node(node)?.named(&node.name))).collect()
    }

    /// The layer, or `None` where it has nothing left to do.
    fn node(&mut self, node: &Node) -> Option<Layer> {
        let [before, after] = node.axes.map(|axis| self.kept.of(self.axes.index(axis)));
        Some(match &node.op {
            Op::Weight(weight) => {
                self.values.push(weight.part(before, after));
                self.values.extend(weight.bias.as_ref().map(|bias| part(bias, after)));
                weight.layer(&node.layer, after.iter().filter(|&&kept| kept).count())
            }
            Op::BatchNorm(BatchNorm { gamma, beta, mean, var, .. }) => {
                self.values.extend([gamma, beta, mean, var].map(|values| part(values, after)));
                node.layer.clone()
            }
            Op::Whole(whole) => {
                self.values.extend_from_slice(whole);
                node.layer.clone()
            }
            Op::Select { indices, .. } => {
                // places[i]: how many units before unit i stay.
                let places = std::iter::once(0).chain(before.iter().scan(0, |place, &kept| {
                    *place += usize::from(kept);
                    Some(*place)
                }));
                let places: Vec<usize> = places.collect();
                let kept = indices.iter().zip(after).filter(|&(_, &kept)| kept);
                let indices: Vec<usize> = kept.map(|(&i, _)| places[i]).collect();
                let all = places.last() == Some(&indices.len());
                (!all).then_some(Layer::Select { indices })?
            }
            Op::Each | Op::Flatten { .. } => node.layer.clone(),
            Op::Residual { body, shortcut } => {
                let body = self.sequence(body);
                Layer::Residual { body, shortcut: self.sequence(shortcut) }
            }
        })
    }
}

/// The values of the units that are kept.
fn part(values: &[f32], kept: &[bool]) -> Vec<f32> {
    values.iter().zip(kept).filter(|&(_, &kept)| kept).map(|(&x, _)| x).collect()
}

impl Weight {
    fn part(&self, before: &[bool], after: &[bool]) -> Vec<f32> {
        let rows = (0..self.out).filter(|&o| after[o]);
        let spans = rows
            .flat_map(|o| (0..self.inputs).filter(|&i| before[i]).map(move |i| self.span(o, i)));
        spans.flat_map(|span| &self.w[span]).copied().collect()
    }

    /// The layer that it is now: other numbers, and a bias where constants were folded into one.
    fn layer(&self, was: &Layer, units: usize) -> Layer {
        let with = if self.bias.is_some() { WithBias::Yes } else { WithBias::No };
        let mut layer = was.clone();
        match &mut layer {
            Layer::Linear { out, bias, .. } => (*out, *bias) = (units, with),
            Layer::Conv2d { out, kernel, padding, bias, .. } => {
                (*out, *kernel, *bias) = (units, self.kernel, with);
                *padding = self.window.map_or(*padding, |window| window.padding);
            }
            _ => unreachable!("only these two have a weight"),
        }
        layer
    }
}
