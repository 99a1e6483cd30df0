//! The layers and values that are left, without the units that do not stay.

use super::keep::Kept;
use super::net::{Axes, Net, Node, Op};
use super::weight::Weight;
use crate::nn::{Layer, Named, WithBias};

/// Values by the names of their parameters.
type Values = Vec<(String, Vec<f32>)>;

impl Net {
    pub(super) fn cut(mut self) -> (Vec<Named>, Values) {
        let kept = self.choose();
        let mut cutter = Cutter { axes: &self.axes, kept, values: Vec::new() };
        let layers = cutter.sequence(&self.nodes, "");
        (layers, cutter.values)
    }
}

struct Cutter<'a> {
    axes: &'a Axes,
    kept: Kept,
    values: Values,
}

impl Cutter<'_> {
    fn sequence(&mut self, nodes: &[Node], prefix: &str) -> Vec<Named> {
        nodes.iter().filter_map(|node| Some(self.node(node, prefix)?.named(&node.name))).collect()
    }

    /// The layer, or `None` where it has nothing left to do.
    fn node(&mut self, node: &Node, prefix: &str) -> Option<Layer> {
        let full = format!("{prefix}{}", node.name);
        let [before, after] = node.axes.map(|axis| self.kept.of(self.axes.index(axis)));
        let mut values: Vec<(&str, Vec<f32>)> = Vec::new();
        let layer = match &node.op {
            Op::Weight(weight) => {
                values.push(("weight", weight.part(before, after)));
                values.extend(weight.bias.as_ref().map(|bias| ("bias", part(bias, after))));
                weight.layer(&node.layer, after.iter().filter(|&&kept| kept).count())
            }
            Op::BatchNorm(norm) => {
                values = vec![
                    ("weight", part(&norm.gamma, after)),
                    ("bias", part(&norm.beta, after)),
                    ("running_mean", part(&norm.mean, after)),
                    ("running_var", part(&norm.var, after)),
                ];
                node.layer.clone()
            }
            Op::Whole(whole) => {
                values.clone_from(whole);
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
                let body = self.sequence(body, &format!("{full}."));
                let shortcut = self.sequence(shortcut, &format!("{full}.shortcut."));
                Layer::Residual { body, shortcut }
            }
        };
        self.values.extend(values.into_iter().map(|(p, values)| (format!("{full}.{p}"), values)));
        Some(layer)
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

    /// What it is called now: other numbers, and a bias where constants were folded into one.
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
