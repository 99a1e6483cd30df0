//! Forwards: which units are the same number for every sample and position, and where that number
//! can go.
//!
//! ```text
//! weight      a row of zeros gives its bias
//! batch norm  gamma (v - mean) / sqrt(var + eps) + beta; beta where gamma is 0
//! activation  act(v)
//! max pool    v: the border never is the maximum
//! avg pool    v without padding, else only 0 stays what it is
//! residual    v + v'
//! ```
//!
//! A weight that reads the constant v adds v sum(w) to its bias. At the border of a padded image
//! some of these w meet a zero instead, so what remains there is one constant channel for all:
//! w_k += (v_c / v_k) w_c.

use super::net::{BatchNorm, Net, Node, Op};
use super::weight::Weight;
use crate::nn::{Activation, Layer, body_prefix, shortcut_prefix};
use crate::params::Params;
use crate::tape::Tape;
use proxtape_kernels::{Exec, Isa};

/// The number that a unit always is, if it is.
type Constants = Vec<Option<f32>>;

impl Net {
    /// Folds, then clears what nobody reads; returns whether anything changed.
    pub(super) fn pass(&mut self) -> bool {
        let mut folding = Folding { changed: false };
        let first = self.nodes.first().map_or(self.output, |node| node.axes[0]);
        let input = vec![None; self.axes.units(first)];
        folding.sequence(&mut self.nodes, input);
        // Both, in any case.
        self.clear_unread() | folding.changed
    }
}

/// One way through the network.
struct Folding {
    changed: bool,
}

impl Folding {
    fn sequence(&mut self, nodes: &mut Vec<Node>, mut x: Constants) -> Constants {
        let mut at = 0;
        while at < nodes.len() {
            let node = &mut nodes[at];
            let Op::Residual { body, shortcut } = &mut node.op else {
                x = self.node(node, x);
                at += 1;
                continue;
            };
            let long = self.sequence(body, x.clone());
            let short = self.sequence(shortcut, x);
            // A way that adds nothing leaves, and the other is all that the block does.
            let is_zero = |x: &Constants| x.iter().all(|v| *v == Some(0.0));
            if is_zero(&long) || is_zero(&short) {
                self.changed = true;
                let (rest, prefix) = match is_zero(&long) {
                    true => (std::mem::take(shortcut), shortcut_prefix(&node.name)),
                    false => (std::mem::take(body), body_prefix(&node.name)),
                };
                let named = |n: Node| Node { name: format!("{prefix}{}", n.name), ..n };
                let rest: Vec<Node> = rest.into_iter().map(named).collect();
                let count = rest.len();
                nodes.splice(at..=at, rest);
                at += count;
            } else {
                at += 1;
            }
            x = long.into_iter().zip(short).map(|(a, b)| Some(a? + b?)).collect();
        }
        x
    }

    fn node(&mut self, node: &mut Node, x: Constants) -> Constants {
        let y = match &mut node.op {
            Op::Weight(weight) => {
                self.changed |= weight.trim() | absorb(weight, &x);
                let bias = |o| weight.bias.as_ref().map_or(0.0, |bias| bias[o]);
                let zero = |o: &usize| weight.row(*o).iter().all(|&w| w == 0.0);
                (0..weight.out).map(|o| zero(&o).then(|| bias(o))).collect()
            }
            Op::BatchNorm(norm) => {
                x.into_iter().enumerate().map(|(c, v)| norm.constant(c, v)).collect()
            }
            Op::Whole(_) => match node.layer {
                Layer::Conv2d { out, .. } => vec![None; out],
                _ => vec![None; x.len()],
            },
            Op::Each => match node.layer {
                Layer::MaxPool { .. } | Layer::GlobalAvgPool | Layer::Dropout { .. } => x,
                Layer::AvgPool { padding, .. } if padding != [0; 2] => {
                    x.into_iter().map(|v| v.filter(|&v| v == 0.0)).collect()
                }
                Layer::AvgPool { .. } => x,
                Layer::Activation(activation) => activate(activation, x),
                _ => unreachable!("the others change units, or have values"),
            },
            Op::Flatten { area } => x.iter().flat_map(|&v| std::iter::repeat_n(v, *area)).collect(),
            Op::Select { indices, .. } => indices.iter().map(|&i| x[i]).collect(),
            Op::Residual { .. } => unreachable!("a block is a sequence's own business"),
        };
        // What is not finite is left to the network itself.
        let finite = |v: Option<f32>| v.filter(|v| v.is_finite());
        y.into_iter().map(finite).collect()
    }
}

impl BatchNorm {
    fn constant(&self, c: usize, v: Option<f32>) -> Option<f32> {
        let gamma = f64::from(self.gamma[c]);
        let scaled = match v {
            _ if gamma == 0.0 => 0.0,
            None => return None,
            Some(v) => {
                let std = (f64::from(self.var[c]) + f64::from(self.eps)).sqrt();
                gamma * (f64::from(v) - f64::from(self.mean[c])) / std
            }
        };
        Some((scaled + f64::from(self.beta[c])) as f32)
    }
}

/// Constants behind an activation, computed as the network computes them.
fn activate(activation: Activation, x: Constants) -> Constants {
    if x.iter().all(Option::is_none) {
        return x;
    }
    let values: Vec<f32> = x.iter().map(|v| v.unwrap_or(0.0)).collect();
    // The lowest instruction set: the result does not depend on the machine.
    let isa = Isa::available().next().expect("every CPU has the baseline");
    let mut tape = Tape::inference(Exec::new(isa));
    let input = tape.input([1, values.len()]);
    let y = activation.record(&mut tape, input);
    tape.keep(y);
    tape.set(input, &values);
    tape.infer(&Params::new());
    x.iter().zip(tape.value(y)).map(|(v, &y)| v.map(|_| y)).collect()
}

/// Takes the constants among the inputs out of a weight; returns whether there was one to take.
fn absorb(weight: &mut Weight, x: &Constants) -> bool {
    let constants = x.iter().enumerate().filter_map(|(i, v)| Some((i, (*v)?)));
    let read: Vec<(usize, f32)> = constants.filter(|&(i, _)| weight.reads(i)).collect();
    let (border, fold): (Vec<_>, Vec<_>) =
        read.into_iter().partition(|&(i, v)| v != 0.0 && weight.meets_border(i));
    let mut shift = vec![0.0f64; weight.out];
    for &(i, v) in &fold {
        for (o, shift) in shift.iter_mut().enumerate() {
            let sum: f64 = weight.w[weight.span(o, i)].iter().map(|&w| f64::from(w)).sum();
            *shift += f64::from(v) * sum;
        }
        weight.clear_column(i);
    }
    if shift.iter().any(|&s| s != 0.0) {
        let bias = weight.bias.get_or_insert_with(|| vec![0.0; weight.out]);
        bias.iter_mut().zip(shift).for_each(|(b, s)| *b = (f64::from(*b) + s) as f32);
    }
    !fold.is_empty() | merge(weight, &border)
}

/// Replaces constant channels by the one of the largest constant, which loses the fewest digits.
fn merge(weight: &mut Weight, constants: &[(usize, f32)]) -> bool {
    let larger = |a: (usize, f32), b: (usize, f32)| if b.1.abs() > a.1.abs() { b } else { a };
    let Some((k, vk)) = constants.iter().copied().reduce(larger) else { return false };
    for o in 0..weight.out {
        for position in 0..weight.area() {
            let term = |(i, v): (usize, f32)| {
                f64::from(v) / f64::from(vk) * f64::from(weight.w[weight.span(o, i)][position])
            };
            let sum: f64 = constants.iter().copied().map(term).sum();
            let at = weight.span(o, k).start + position;
            weight.w[at] = sum as f32;
        }
    }
    let others = constants.iter().filter(|(i, _)| *i != k);
    others.for_each(|&(i, _)| weight.clear_column(i));
    constants.len() > 1
}
