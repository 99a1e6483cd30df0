//! Backwards: which units somebody reads. A unit that nobody reads loses its weights, and then what
//! only it has read is read by nobody.

use super::net::{Axes, Net, Node, Op};

impl Net {
    /// Clears what nobody reads, and notes who is read; returns whether anything changed.
    pub(super) fn clear_unread(&mut self) -> bool {
        let mut way =
            Way { axes: &self.axes, read: vec![Vec::new(); self.axes.len()], changed: false };
        let all = vec![true; self.axes.units(self.output)];
        way.note(self.axes.index(self.output), &all);
        way.sequence(&mut self.nodes, all);
        let Way { read, changed, .. } = way;
        self.read = read;
        changed
    }
}

/// One way back through the network.
struct Way<'a> {
    axes: &'a Axes,
    read: Vec<Vec<bool>>,
    changed: bool,
}

impl Way<'_> {
    /// The readers of what the sequence gives are known; those of what it takes are found.
    fn sequence(&mut self, nodes: &mut [Node], mut read: Vec<bool>) -> Vec<bool> {
        for node in nodes.iter_mut().rev() {
            read = self.node(node, read);
            self.note(self.axes.index(node.axes[0]), &read);
        }
        read
    }

    fn note(&mut self, axis: usize, read: &[bool]) {
        let noted = &mut self.read[axis];
        noted.resize(read.len(), false);
        noted.iter_mut().zip(read).for_each(|(noted, read)| *noted |= read);
    }

    fn node(&mut self, node: &mut Node, read: Vec<bool>) -> Vec<bool> {
        match &mut node.op {
            Op::Weight(weight) => {
                let row = weight.inputs * weight.area();
                for o in (0..weight.out).filter(|&o| !read[o]) {
                    let bias = weight.bias.as_mut().map(|bias| &mut bias[o]);
                    let values = weight.w[o * row..][..row].iter_mut().chain(bias);
                    values.for_each(|w| self.clear(w));
                }
                (0..weight.inputs).map(|i| weight.reads(i)).collect()
            }
            Op::BatchNorm(norm) => {
                for c in (0..read.len()).filter(|&c| !read[c]) {
                    self.clear(&mut norm.gamma[c]);
                    self.clear(&mut norm.beta[c]);
                }
                norm.gamma.iter().map(|&gamma| gamma != 0.0).collect()
            }
            // Where the units are mixed the axis is locked.
            Op::Whole(_) if self.axes.is_locked(node.axes[0]) => {
                vec![true; self.axes.units(node.axes[0])]
            }
            Op::Each | Op::Whole(_) => read,
            Op::Flatten { area } => {
                read.chunks_exact(*area).map(|block| block.contains(&true)).collect()
            }
            Op::Select { indices, .. } => {
                let mut before = vec![false; self.axes.units(node.axes[0])];
                for (&i, read) in indices.iter().zip(read) {
                    before[i] |= read;
                }
                before
            }
            Op::Residual { body, shortcut } => {
                // The ends of both ways are the block's own axis, which its reader notes.
                let long = self.sequence(body, read.clone());
                let short = self.sequence(shortcut, read);
                long.iter().zip(&short).map(|(a, b)| a | b).collect()
            }
        }
    }

    fn clear(&mut self, w: &mut f32) {
        self.changed |= *w != 0.0;
        *w = 0.0;
    }
}
