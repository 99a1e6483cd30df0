//! Where values and adjoints live: spans are handed out for a lifetime and used again after it.
//!
//! A tape is recorded once and replayed many times, so the lifetime of every span is known before
//! the first step, and nothing is allocated later.

use super::{Node, Source, Var};
use crate::params::ParamId;
use std::collections::HashMap;

/// Spans start at a cache line.
pub(super) const ALIGN: usize = 16;

/// Rounds a length up to whole cache lines.
pub(super) fn aligned(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

/// A first-fit allocator of spans in a buffer that grows as far as it must.
#[derive(Debug, Default)]
pub(super) struct Spans {
    /// Free spans (start, len) below `end`, sorted by start, never adjacent.
    free: Vec<(usize, usize)>,
    end: usize,
}

impl Spans {
    /// An allocator whose first `start` elements are taken.
    pub(super) fn from(start: usize) -> Spans {
        Spans { free: Vec::new(), end: start }
    }

    /// Takes a span of at least `len` elements. An empty one takes a line too: else it could lie
    /// inside another, and the two could not be cut out of the buffer side by side.
    pub(super) fn take(&mut self, len: usize) -> usize {
        let len = aligned(len.max(1));
        if let Some(i) = self.free.iter().position(|&(_, free)| free >= len) {
            let (start, free) = self.free[i];
            if free == len {
                self.free.remove(i);
            } else {
                self.free[i] = (start + len, free - len);
            }
            return start;
        }
        // A free span at the end grows instead of being left behind.
        let start = match self.free.last() {
            Some(&(start, free)) if start + free == self.end => {
                self.free.pop();
                start
            }
            _ => self.end,
        };
        self.end = start + len;
        start
    }

    /// Gives a span back.
    pub(super) fn give(&mut self, start: usize, len: usize) {
        let (mut start, mut len) = (start, aligned(len.max(1)));
        let mut i = self.free.partition_point(|&(s, _)| s < start);
        if i < self.free.len() && start + len == self.free[i].0 {
            len += self.free.remove(i).1;
        }
        if i > 0 && self.free[i - 1].0 + self.free[i - 1].1 == start {
            i -= 1;
            let (s, l) = self.free.remove(i);
            (start, len) = (s, l + len);
        }
        self.free.insert(i, (start, len));
    }

    /// How long the buffer must be.
    pub(super) fn len(&self) -> usize {
        self.end
    }
}

/// Assigns the primals of an inference tape: a span is used again after its last reader.
///
/// Inputs lie in the first `start` elements and stay; so do the kept nodes and the last one.
pub(super) fn place_inference(nodes: &mut [Node], operands: &[Var], start: usize) -> usize {
    let mut spans = Spans::from(start);
    let mut last_reader: Vec<usize> = (0..nodes.len()).collect();
    for (i, node) in nodes.iter().enumerate() {
        for x in &operands[node.inputs.clone()] {
            last_reader[nodes[x.index()].root] = i;
        }
    }
    for (i, node) in nodes.iter().enumerate() {
        if node.keep || i + 1 == nodes.len() {
            last_reader[node.root] = usize::MAX;
        }
    }
    let mut dying = Vec::new();
    for i in 0..nodes.len() {
        if let Source::Op(_) = nodes[i].source {
            nodes[i].primal = spans.take(nodes[i].span_len());
            dying.extend(operands[nodes[i].inputs.clone()].iter().map(|x| nodes[x.index()].root));
            dying.push(i);
            dying.sort_unstable();
            dying.dedup();
            for &root in dying.iter().filter(|&&r| last_reader[r] == i) {
                if let Source::Op(_) = nodes[root].source {
                    spans.give(nodes[root].primal, nodes[root].span_len());
                }
            }
            dying.clear();
        }
    }
    spans.len()
}

/// One instruction of a backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Fill the adjoint of a variable that nothing reaches with zeros.
    Zero { node: usize },
    /// Let an operation compute what its products share.
    Prepare { node: usize },
    /// Ask an operation for one product; `first` if nothing was stored in the adjoint before.
    Vjp { node: usize, input: usize, first: bool },
}

/// A backward pass from one output: instructions, and where each adjoint lives.
#[derive(Debug)]
pub(super) struct Program {
    /// The output that it starts from, and how many nodes there were.
    pub(super) key: (Var, usize),
    pub(super) steps: Vec<Step>,
    /// The offset of each root's adjoint; meaningless where none is needed.
    pub(super) adjoints: Vec<usize>,
    pub(super) len: usize,
    /// Parameters whose gradient can be handed over by rows.
    pub(super) by_rows: Vec<ParamId>,
}

/// Parameters that one operation reads, once, and whose gradient it makes from values of the tape
/// alone: once it is made, no later product of the pass reads them.
pub(super) fn by_rows(nodes: &[Node], operands: &[Var]) -> Vec<ParamId> {
    let param = |x: &Var| match nodes[nodes[x.index()].root].source {
        Source::Param(id) => Some(id),
        _ => None,
    };
    let mut uses = HashMap::new();
    for id in operands.iter().filter_map(param) {
        *uses.entry(id).or_insert(0) += 1;
    }
    let mut found = Vec::new();
    for node in nodes {
        let Source::Op(op) = &node.source else { continue };
        let Some(input) = op.gives_rows() else { continue };
        let inputs = &operands[node.inputs.clone()];
        let Some(id) = param(&inputs[input]) else { continue };
        // Earlier inputs have their products first; the operation may read them for this one.
        if inputs[..input].iter().all(|x| param(x).is_none()) && uses[&id] == 1 {
            found.push(id);
        }
    }
    found
}

impl Program {
    /// Plans the pass from `output` back to the first node.
    pub(super) fn new(nodes: &[Node], operands: &[Var], output: Var) -> Program {
        let mut spans = Spans::default();
        let mut steps = Vec::new();
        let mut adjoints = vec![0; nodes.len()];
        let mut reached = vec![false; nodes.len()];
        let start = nodes[output.index()].root;
        reached[start] = true;
        adjoints[start] = spans.take(nodes[start].shape.len());
        for (i, node) in nodes.iter().enumerate().rev() {
            match &node.source {
                Source::Op(_) if reached[i] => {
                    let inputs = operands[node.inputs.clone()].iter().map(|x| x.index());
                    let wants = |&(_, x): &(usize, usize)| nodes[x].grad;
                    let wanted = inputs.enumerate().filter(wants);
                    steps.push(Step::Prepare { node: i });
                    for (input, x) in wanted {
                        let root = nodes[x].root;
                        let first = !std::mem::replace(&mut reached[root], true);
                        if first && !matches!(nodes[root].source, Source::Param(_)) {
                            adjoints[root] = spans.take(nodes[root].shape.len());
                        }
                        steps.push(Step::Vjp { node: i, input, first });
                    }
                    spans.give(adjoints[i], node.shape.len());
                }
                Source::Variable if !reached[i] => {
                    adjoints[i] = spans.take(node.shape.len());
                    steps.push(Step::Zero { node: i });
                }
                _ => {}
            }
        }
        let by_rows = by_rows(nodes, operands);
        Program { key: (output, nodes.len()), steps, adjoints, len: spans.len(), by_rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_never_overlap_and_are_used_again() {
        let mut spans = Spans::default();
        let mut live: Vec<(usize, usize)> = Vec::new();
        let mut state = 1u32;
        for _ in 0..2000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let r = (state >> 16) as usize;
            if r.is_multiple_of(3) && !live.is_empty() {
                let (start, len) = live.swap_remove(r % live.len());
                spans.give(start, len);
            } else if live.len() < 40 {
                let len = r % 100;
                let start = spans.take(len);
                let apart =
                    |&(s, l): &(usize, usize)| s + l.max(1) <= start || start + len.max(1) <= s;
                assert!(live.iter().all(apart), "{start}+{len} overlaps in {live:?}");
                live.push((start, len));
            }
        }
        assert!(spans.len() <= 40 * 112 * 2, "the buffer grew to {}", spans.len());
        live.iter().for_each(|&(start, len)| spans.give(start, len));
        assert_eq!(spans.free, [(0, spans.len())]);
    }
}
