//! Which units stay: those that somebody reads, and what layers that share units ask for.

use super::net::{Axis, Net, Node, Op};

/// Which units of each axis stay.
pub(super) struct Kept(Vec<Vec<bool>>);

impl Kept {
    /// The units of an axis, by its number.
    pub(super) fn of(&self, axis: usize) -> &[bool] {
        &self.0[axis]
    }

    fn count(&self, axis: usize) -> usize {
        self.0[axis].iter().filter(|&&kept| kept).count()
    }

    /// Keeps one unit more; returns whether it is new.
    fn keep(&mut self, axis: usize, unit: usize) -> bool {
        !std::mem::replace(&mut self.0[axis][unit], true)
    }
}

impl Net {
    /// Drops the selections that do not pay, and says which units stay then.
    pub(super) fn choose(&mut self) -> Kept {
        loop {
            let kept = self.kept();
            let mut costs = vec![0; self.axes.len()];
            self.costs(&self.nodes, &kept, &mut costs);
            // A selection copies each unit that is kept; each one that is not saves its weights.
            let pays = |[before, after]: [Axis; 2]| {
                let [before, after] = [before, after].map(|axis| self.axes.index(axis));
                let [all, some] = [before, after].map(|axis| kept.count(axis));
                (all - some) * costs[after] > some
            };
            let mut nodes = std::mem::take(&mut self.nodes);
            let dropped = drop_one(&mut nodes, &pays);
            self.nodes = nodes;
            let Some([before, after]) = dropped else { return kept };
            self.axes.join(before, after);
            self.clear_unread();
        }
    }

    fn kept(&self) -> Kept {
        let of = |axis: usize| {
            let axis = Axis::of(axis);
            let (units, index) = (self.axes.units(axis), self.axes.index(axis));
            let mut kept = match self.axes.is_locked(axis) {
                true => vec![true; units],
                false => self.read[index].clone(),
            };
            kept.resize(units, false);
            // No layer can be without units.
            if !kept.contains(&true) && units > 0 {
                kept[0] = true;
            }
            kept
        };
        let mut kept = Kept((0..self.axes.len()).map(of).collect());
        while self.share(&self.nodes, &mut kept) {}
        kept
    }

    /// Keeps what goes with what is kept; returns whether that was anything new.
    fn share(&self, nodes: &[Node], kept: &mut Kept) -> bool {
        let mut new = false;
        for node in nodes {
            let [before, after] = node.axes.map(|axis| self.axes.index(axis));
            match &node.op {
                Op::Flatten { area } if *area > 1 => {
                    for c in 0..kept.of(before).len() {
                        let features = c * area..(c + 1) * area;
                        if kept.of(before)[c] || kept.of(after)[features.clone()].contains(&true) {
                            new |= kept.keep(before, c);
                            features.for_each(|f| new |= kept.keep(after, f));
                        }
                    }
                }
                Op::Select { indices, .. } => {
                    for (j, &i) in indices.iter().enumerate() {
                        new |= kept.of(after)[j] && kept.keep(before, i);
                    }
                }
                Op::Residual { body, shortcut } => {
                    new |= self.share(body, kept) | self.share(shortcut, kept);
                }
                _ => {}
            }
        }
        new
    }

    /// The weights that a unit of each axis costs those who read it.
    fn costs(&self, nodes: &[Node], kept: &Kept, costs: &mut [usize]) {
        for node in nodes {
            let [before, after] = node.axes.map(|axis| self.axes.index(axis));
            match &node.op {
                Op::Weight(weight) => costs[before] += kept.count(after) * weight.area(),
                Op::Residual { body, shortcut } => {
                    self.costs(body, kept, costs);
                    self.costs(shortcut, kept, costs);
                }
                _ => {}
            }
        }
    }
}

/// Takes the first planned selection that does not pay out of a sequence, and returns its axes.
fn drop_one(nodes: &mut Vec<Node>, pays: &impl Fn([Axis; 2]) -> bool) -> Option<[Axis; 2]> {
    for at in 0..nodes.len() {
        let node = &mut nodes[at];
        match &mut node.op {
            Op::Select { planned: true, .. } if !pays(node.axes) => {
                return Some(nodes.remove(at).axes);
            }
            Op::Residual { body, shortcut } => {
                let dropped = drop_one(body, pays).or_else(|| drop_one(shortcut, pays));
                if dropped.is_some() {
                    return dropped;
                }
            }
            _ => {}
        }
    }
    None
}
