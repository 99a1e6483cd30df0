//! Where each value lies: as few and as small buffers as a single pass finds.

use super::call::Call;
use super::draft::Draft;
use super::plan::{Plan, Step};
use super::span::{Place, Span};
use proxtape::nn::Graph;

/// Gives every value of a graph, which are numbered as in the drafts, a place.
pub(super) fn place<'a>(graph: &Graph, drafts: Vec<Draft<'a>>) -> Plan<'a> {
    let count = graph.values() + 1;
    let len = |value: usize| graph.shape(value.saturating_sub(1)).len();
    let mut last = vec![0; count];
    for (i, draft) in drafts.iter().enumerate() {
        for value in [Some(draft.from), draft.other].into_iter().flatten() {
            last[value] = i;
        }
    }
    // In a chain of steps that write over each other, each value is another name of the first.
    let mut chain: Vec<usize> = (0..count).collect();
    for (i, draft) in drafts.iter().enumerate() {
        let other = draft.other.is_some_and(|other| chain[other] == chain[draft.from]);
        if draft.call.is_in_place() && last[draft.from] == i && draft.from != 0 && !other {
            chain[draft.to] = chain[draft.from];
        }
    }
    let mut end = vec![0; count];
    for value in 0..count {
        end[chain[value]] = end[chain[value]].max(last[value]);
    }
    let result = chain[graph.output() + 1];

    let mut places: Vec<Option<Place>> = vec![None; count];
    places[0] = Some(Place::Input);
    // Lengths of the buffers, and the last step that reads what is in each.
    let mut buffers: Vec<(usize, usize)> = Vec::new();
    let mut steps = Vec::new();
    for (i, draft) in drafts.into_iter().enumerate() {
        let Draft { name, call, from, other, to } = draft;
        let span = |places: &[Option<Place>], value: usize| {
            let place = places[chain[value]].expect("a value is made before it is read");
            Span { place, len: len(value) }
        };
        let source = span(&places, from);
        if places[chain[to]].is_none() {
            let root = chain[to];
            places[root] = Some(if root == result {
                Place::Output
            } else {
                let needs = len(root);
                let free = buffers.iter_mut().enumerate().filter(|(_, (_, until))| *until < i);
                // The least that has to grow, and of those that need not the smallest.
                let best = free.min_by_key(|(_, (has, _))| (needs.saturating_sub(*has), *has));
                match best {
                    Some((index, (has, until))) => {
                        (*has, *until) = ((*has).max(needs), end[root]);
                        Place::Buffer(index)
                    }
                    None => {
                        buffers.push((needs, end[root]));
                        Place::Buffer(buffers.len() - 1)
                    }
                }
            });
        }
        let target = span(&places, to);
        let call = match call {
            Call::Add { .. } => {
                Call::Add { other: span(&places, other.expect("a sum has two operands")) }
            }
            call => call,
        };
        let in_place = call.is_in_place();
        if in_place && source.place != target.place {
            steps.push(Step { name: name.clone(), call: Call::Copy, from: source, to: target });
        }
        if !matches!(call, Call::Copy) {
            let from = if in_place { target } else { source };
            steps.push(Step { name, call, from, to: target });
        }
    }
    Plan {
        steps,
        buffers: buffers.into_iter().map(|(len, _)| len).collect(),
        inputs: graph.shape(0),
        outputs: len(graph.output() + 1),
    }
}
